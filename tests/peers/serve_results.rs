//! What `mxlab serve` says of the conversations it had: its events, its summary, the messages it kept.

use serde::Deserialize;
use serde_json::Value;

/// A line of its events.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) name: String,
    pub(crate) client: String,
    pub(crate) stage: Option<String>,
    pub(crate) reply: Option<String>,
    rule: Option<String>,
    #[serde(default)]
    recipients: Vec<String>,
    recipients_count: Option<u64>,
    pub(crate) size: Option<u64>,
}

impl Event {
    /// The reply of a refusal in one line, with its code once.
    pub(crate) fn reply_in_one_line(&self) -> String {
        let reply = self.reply.as_deref().unwrap_or_default();
        let mut lines = reply.lines();
        let first = lines.next().unwrap_or_default();
        // The code and a hyphen, and the enhanced code where there is one.
        let words = first.get(4..).unwrap_or_default();
        let enhanced = words.split(' ').next().filter(|code| code.split('.').count() == 3).unwrap_or_default();
        let rest = lines.map(|line| line.get(4..).unwrap_or_default());
        let rest = rest.map(|line| line.strip_prefix(enhanced).unwrap_or(line).trim_start());
        let code = first.get(..3).unwrap_or_default();
        std::iter::once(format!("{code} {words}")).chain(rest.map(str::to_owned)).collect::<Vec<_>>().join(" ")
    }

    /// The code of the reply of a refusal; 0 where the connection was closed without one.
    pub(crate) fn code(&self) -> u16 {
        self.reply.as_deref().map_or(0, |reply| reply[..3].parse().unwrap())
    }
}

/// A message that was kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) to: Vec<String>,
    /// The message as it came, from its first header on.
    pub(crate) text: Vec<u8>,
}

impl Kept {
    /// Takes the envelope off, which stands before the message's own headers.
    pub(crate) fn of(file: &[u8]) -> Self {
        let (mut to, mut rest) = (Vec::new(), file);
        while rest.starts_with(b"X-Envelope-") {
            let end = rest.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            to.extend(line.strip_prefix("X-Envelope-To: ").map(|to| to.trim().trim_matches(['<', '>']).to_owned()));
            rest = &rest[end..];
        }
        Self { to, text: rest.to_vec() }
    }

    /// What stands behind the headers.
    pub(crate) fn body(&self) -> &[u8] {
        let head = self.text.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        &self.text[head + 4..]
    }
}

/// All of it, once the hosts are closed.
#[derive(Debug)]
pub(crate) struct ServeResults {
    pub(crate) events: Vec<Event>,
    pub(crate) summary: Value,
    pub(crate) kept: Vec<Kept>,
}

impl ServeResults {
    /// A figure of the summary, over all providers.
    pub(crate) fn figure(&self, metric: &str) -> u64 {
        let figure = &self.summary["rows"][0]["metrics"][metric]["mean"];
        // Counts are whole, and far below 2^53.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        figure.as_f64().map_or_else(|| panic!("{metric}: {figure}"), |count| count as u64)
    }

    /// Recipients of accepted messages, by the events.
    pub(crate) fn accepted(&self) -> u64 {
        let accepted = self.events.iter().filter(|event| event.name == "accepted");
        accepted.map(|event| event.recipients_count.unwrap_or(event.recipients.len() as u64)).sum()
    }

    /// Events of this name.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.events.iter().filter(|event| event.name == name).count()
    }

    /// What was refused.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.name == "refused")
    }

    /// What was refused for a cause of its own: not what was only pipelined behind a refused MAIL or RCPT, nor the end
    /// of a session that came to no message, said in answer to RSET: a client says nothing of these.
    pub(crate) fn refused_for_cause(&self) -> impl Iterator<Item = &Event> {
        self.refused().filter(|event| event.rule.is_some() || !matches!(event.code(), 421 | 503 | 554))
    }

    /// Refusals of connections, EHLO and MAIL.
    pub(crate) fn turned_away(&self) -> u64 {
        let early = |event: &&Event| matches!(event.stage.as_deref(), Some("connect" | "ehlo" | "mail"));
        self.refused_for_cause().filter(early).count() as u64
    }

    /// The stages and codes of all refusals, in order.
    pub(crate) fn refusals(&self) -> Vec<(&str, u16)> {
        self.refused().map(|event| (event.stage.as_deref().unwrap(), event.code())).collect()
    }
}
