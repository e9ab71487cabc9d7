//! A server's reply: code, enhanced status code and text (RFC 5321 section 4.2, RFC 3463, RFC 2034).
//!
//! The text is a template (`{ip}`, `{rcpt}` …) and is rendered only when a socket or a person needs it.

mod code;
mod reader;
mod writer;

use std::fmt;

pub use code::{Class, Code, EnhancedCode, InvalidCode, InvalidEnhancedCode};
pub use reader::{ReceivedReply, ReplyError, ReplyReader};
pub(super) use writer::write;

/// A reply as the provider words it. Lines of a multi-line reply are separated by `\n`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reply {
    /// The three-digit code.
    pub code: Code,
    /// The enhanced status code, where the provider sends one.
    pub enhanced: Option<EnhancedCode>,
    /// The text, with placeholders.
    pub text: String,
}

impl Reply {
    /// The reply as it goes over the wire, line by line, without line ends; `fill` gives a placeholder's value
    /// (`None` leaves the placeholder as it stands).
    pub fn lines(&self, fill: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let text = substitute(&self.text, fill);
        let parts: Vec<&str> = text.split('\n').collect();
        let last = parts.len() - 1;
        let line = |(n, part): (usize, &&str)| {
            let dash = if n == last { ' ' } else { '-' };
            match self.enhanced {
                Some(enhanced) => format!("{}{dash}{enhanced} {part}", self.code),
                None => format!("{}{dash}{part}", self.code),
            }
        };
        parts.iter().enumerate().map(line).collect()
    }

    /// Writes the reply as it goes over the wire, placeholders as they stand.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(out, self.code, self.enhanced, &self.text);
    }

    /// The reply with its placeholders filled; `fill` as in [`Reply::lines`].
    #[must_use]
    pub fn filled(&self, fill: impl Fn(&str) -> Option<String>) -> Self {
        Self { text: substitute(&self.text, fill), ..*self }
    }
}

impl fmt::Display for Reply {
    /// One line, placeholders as they stand: how tables and CSV files name a reply.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text.replace('\n', " "))
    }
}

/// The names of the placeholders in the text of a reply, in their order.
pub fn gaps(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|tail| tail.split_once('}')).map(|(name, _)| name)
}

fn substitute(text: &str, fill: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(close) = rest.find('}') {
        let (head, tail) = rest.split_at(close + 1);
        // Of several braces before it, the last one opens the placeholder.
        match head.rfind('{').and_then(|open| Some((open, fill(&head[open + 1..close])?))) {
            Some((open, value)) => {
                out.push_str(&head[..open]);
                out.push_str(&value);
            }
            None => out.push_str(head),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, enhanced: Option<&str>, text: &str) -> Reply {
        let enhanced = enhanced.map(|e| e.parse().unwrap());
        Reply { code: code.try_into().unwrap(), enhanced, text: text.to_owned() }
    }

    #[test]
    fn every_line_of_a_reply_carries_the_code() {
        let reply = reply(421, Some("4.7.28"), "[{ip} 4] Our system\nis {unknown} busy");
        let lines = reply.lines(|name| (name == "ip").then(|| "192.0.2.1".to_owned()));
        assert_eq!(lines, ["421-4.7.28 [192.0.2.1 4] Our system", "421 4.7.28 is {unknown} busy"]);
    }

    #[test]
    fn the_gaps_of_a_text_are_what_is_filled() {
        let text = "{ip} and {a {b} c} {}} { d";
        let filled = std::cell::RefCell::new(Vec::new());
        substitute(text, |name| {
            filled.borrow_mut().push(name.to_owned());
            None
        });
        assert_eq!(gaps(text).collect::<Vec<_>>(), ["ip", "b", ""]);
        assert_eq!(*filled.borrow(), ["ip", "b", ""]);
    }

    #[test]
    fn an_open_brace_is_text() {
        assert_eq!(reply(250, None, "a {b").lines(|_| None), ["250 a {b"]);
    }
}
