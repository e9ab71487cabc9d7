//! What an address asks for by its local part: a mailbox in some state, or an answer whatever the rules say.
//!
//! Other fake servers have such addresses too; here they are the only way in which a client can tell what a real
//! provider would look up. Words are separated by `.` or `+`, and the first that means nothing ends them:
//! `unknown.ann@charter.net` is a user who does not exist, `451-4.2.0.ann` is deferred at RCPT, `dot-552.ann` after the
//! message, `drop.ann` loses the connection, `slow-30s.ann` gets its answer half a minute later. A sender can ask for
//! the same at MAIL, and say what is wrong with its message: `spam.nodkim.news@example.com`.

use std::str::FromStr;

use crate::provider::Mailbox;
use crate::smtp::{Code, EnhancedCode, Reply, Stage};
use crate::time::Span;

/// What a recipient's local part asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The state of the mailbox.
    pub mailbox: Mailbox,
    /// What is to happen instead of what the rules say.
    pub forced: Option<Forced>,
}

/// An answer that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forced {
    /// Where.
    pub at: Stage,
    /// What.
    pub answer: Answered,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// This reply; 421 closes the connection.
    Reply(Reply),
    /// The connection is closed without a word.
    Drop,
    /// The answer comes later.
    Slow(Span),
}

/// What a sender's local part says about its message. All is well unless it says otherwise.
#[expect(clippy::struct_excessive_bools, reason = "four checks that do not depend on each other")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// `nospf`: SPF fails.
    pub spf: bool,
    /// `nodkim`: DKIM fails.
    pub dkim: bool,
    /// `nodmarc`: DMARC fails.
    pub dmarc: bool,
    /// `spam`: the content looks like spam.
    pub spam: bool,
    /// What is to happen instead of what the rules say.
    pub forced: Option<Forced>,
}

impl Wish {
    /// What the local part of a recipient asks for.
    pub fn of(local: &str) -> Self {
        let mut wish = Self::default();
        for word in words(local) {
            match word {
                "unknown" => wish.mailbox = Mailbox::Unknown,
                "full" => wish.mailbox = Mailbox::Full,
                "trap" => wish.mailbox = Mailbox::Trap,
                _ => match forced(word, local, Stage::Rcpt) {
                    Some(forced) => wish.forced = Some(forced),
                    None => break,
                },
            }
        }
        wish
    }
}

impl Flaws {
    /// What the local part of a sender says.
    pub fn of(local: &str) -> Self {
        let mut flaws = Self::default();
        for word in words(local) {
            match word {
                "nospf" => flaws.spf = true,
                "nodkim" => flaws.dkim = true,
                "nodmarc" => flaws.dmarc = true,
                "spam" => flaws.spam = true,
                _ => match forced(word, local, Stage::Mail) {
                    Some(forced) => flaws.forced = Some(forced),
                    None => break,
                },
            }
        }
        flaws
    }
}

/// The words for a mailbox in this state, as a recipient's local part begins.
pub const fn word_for(mailbox: Mailbox) -> &'static str {
    match mailbox {
        Mailbox::Exists => "",
        Mailbox::Unknown => "unknown.",
        Mailbox::Full => "full.",
        Mailbox::Trap => "trap.",
    }
}

fn words(local: &str) -> impl Iterator<Item = &str> {
    local.split(['.', '+'])
}

/// `451`, `dot-451`, `drop`, `data-drop`, `slow-5s`; an enhanced code is taken from the whole local part, in which its
/// own dots look like the end of a word. Without a stage it happens `here`.
fn forced(word: &str, local: &str, here: Stage) -> Option<Forced> {
    let (at, rest) = match word.split_once('-') {
        Some(("data", rest)) => (Stage::Data, rest),
        Some(("dot", rest)) => (Stage::EndOfData, rest),
        _ => (here, word),
    };
    let answer = match rest.split_once('-') {
        _ if rest == "drop" => Answered::Drop,
        Some(("slow", span)) => Answered::Slow(span.parse().ok().filter(|span| *span <= SLOWEST)?),
        Some((code, _)) => Answered::Reply(reply(code, enhanced(local, rest))?),
        None => Answered::Reply(reply(rest, None)?),
    };
    Some(Forced { at, answer })
}

/// The longest that an answer can be asked to take.
pub(super) const SLOWEST: Span = Span::HOUR;

/// The enhanced code that begins in `word` behind the reply code and goes on in the words after it.
fn enhanced(local: &str, word: &str) -> Option<EnhancedCode> {
    let from = local.find(word)? + word.find('-')? + 1;
    let rest = &local[from..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    EnhancedCode::from_str(rest[..end].trim_end_matches('.')).ok()
}

/// A reply that somebody asked for; only refusals can be.
fn reply(code: &str, enhanced: Option<EnhancedCode>) -> Option<Reply> {
    let code: Code = code.parse::<u16>().ok().filter(|code| (400..600).contains(code))?.try_into().ok()?;
    let matches = |enhanced: &EnhancedCode| u16::from(enhanced.class) == code.get() / 100;
    Some(Reply { code, enhanced: enhanced.filter(matches), text: "as you asked".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(local: &str) -> String {
        match Wish::of(local).forced {
            None => "as the rules say".to_owned(),
            Some(Forced { at, answer: Answered::Reply(reply) }) => format!("{at}: {reply}"),
            Some(Forced { at, answer }) => format!("{at}: {answer:?}"),
        }
    }

    #[test]
    fn local_parts_say_what_is_to_happen() {
        assert_eq!(told("ann"), "as the rules say");
        assert_eq!(told("451.ann"), "rcpt: 451 as you asked");
        assert_eq!(told("451-4.2.0.ann"), "rcpt: 451 4.2.0 as you asked");
        assert_eq!(told("452-4.7.500+ann"), "rcpt: 452 4.7.500 as you asked");
        assert_eq!(told("dot-552-5.2.2"), "end-of-data: 552 5.2.2 as you asked");
        assert_eq!(told("drop"), "rcpt: Drop");
        assert_eq!(told("data-drop.x"), "data: Drop");
        assert_eq!(told("slow-30s.x"), "rcpt: Slow(Span(30000000))");
    }

    #[test]
    fn what_makes_no_sense_is_an_ordinary_name() {
        for name in
            ["250.x", "600", "45", "451x", "slow-forever", "slow-2d", "dropped", "no.451", "-", "", "é.451", "dot-"]
        {
            assert_eq!(told(name), "as the rules say", "{name}");
        }
        assert_eq!(told("451-5.1.1"), "rcpt: 451 as you asked", "an enhanced code of another class is left out");
        assert_eq!(told("451-é"), "rcpt: 451 as you asked");
    }

    #[test]
    fn mailboxes_and_flaws_have_words() {
        for mailbox in [Mailbox::Exists, Mailbox::Unknown, Mailbox::Full, Mailbox::Trap] {
            assert_eq!(Wish::of(&format!("{}r17", word_for(mailbox))).mailbox, mailbox);
        }
        assert_eq!(Wish::of("unknown.451").mailbox, Mailbox::Unknown);
        assert_eq!(Flaws::of("spam.nospf.b7"), Flaws { spam: true, spf: true, ..Flaws::default() });
        assert_eq!(Flaws::of("news.spam"), Flaws::default());
        assert_eq!(Flaws::of("421.news").forced.unwrap().at, Stage::Mail);
        assert_eq!(Flaws::of("dot-421.news").forced.unwrap().at, Stage::EndOfData);
    }
}
