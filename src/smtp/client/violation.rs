//! How a server breaks the protocol, in words that tell what it said.

use super::super::reply::ReplyError;
use super::SessionStep;

/// What a server did that no client can go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The step whose reply was due.
    pub step: SessionStep,
    /// What it was, with the first line of what the server said: "`354 hello` is no reply to a connection".
    pub what: String,
}

impl Violation {
    /// A reply whose code does not answer the step.
    pub(super) fn unexpected(step: SessionStep, reply: &str) -> Self {
        let said = printable_line(reply);
        let what = match step {
            SessionStep::Unsolicited => format!("`{said}` came unasked"),
            _ => format!("`{said}` is no reply to {}", words(step)),
        };
        Self { step, what }
    }

    /// Something that is no reply.
    pub(super) fn no_reply(step: SessionStep, error: ReplyError, line: &str) -> Self {
        Self { step, what: format!("{error}: `{}`", printable_line(line)) }
    }

    /// Bytes behind the reply to STARTTLS, which would be taken for what is said under TLS (CVE-2011-0411).
    pub(super) fn injected(bytes: &[u8]) -> Self {
        let what = format!(
            "`{}` came behind the reply to STARTTLS, in the clear",
            printable_line(&String::from_utf8_lossy(bytes))
        );
        Self { step: SessionStep::StartTls, what }
    }
}

/// The most characters that are told of what was said.
const SAID_MAX: usize = 80;

/// The first line of what a peer said, as it may be shown anywhere: at most 80 characters of printable ASCII.
pub fn printable_line(text: &str) -> String {
    let printable = |char: char| if char.is_ascii_graphic() || char == ' ' { char } else { '?' };
    text.lines().next().unwrap_or_default().chars().take(SAID_MAX).map(printable).collect()
}

const fn words(step: SessionStep) -> &'static str {
    match step {
        SessionStep::Connect => "a connection",
        SessionStep::Ehlo => "EHLO",
        SessionStep::Helo => "HELO",
        SessionStep::StartTls => "STARTTLS",
        SessionStep::Mail => "MAIL",
        SessionStep::Rcpt(_) => "RCPT",
        SessionStep::Data => "DATA",
        SessionStep::EndOfData => "the end of data",
        SessionStep::Reset => "RSET",
        SessionStep::Quit => "QUIT",
        SessionStep::Unsolicited => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_told_as_far_as_it_can_be_printed() {
        assert_eq!(printable_line("354 hi\u{1b}[2J\u{202e}\r\nmore"), "354 hi?[2J?");
        assert_eq!(printable_line(&"x".repeat(3_000)).len(), SAID_MAX);
        assert_eq!(printable_line(""), "");
    }
}
