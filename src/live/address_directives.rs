//! Directives in the local parts of addresses: a mailbox in some state, or an outcome whatever the rules say.
//!
//! Other fake servers have such addresses too; here they also tell what a real provider would look up. Words are
//! separated by `.` or `+`, and the first that means nothing ends them: `unknown.ann@charter.net` is a user who does
//! not exist, `451-4.2.0.ann` is deferred at RCPT, `dot-552.ann` after the message, `drop.ann` loses the connection,
//! `slow-30s.ann` gets its answer half a minute later. A sender can ask for the same at MAIL, and say what is wrong
//! with its message: `spam.nodkim.news@example.com`.

use std::str::FromStr;

use crate::provider::Mailbox;
use crate::smtp::{Code, EnhancedCode, Reply, Stage};
use crate::time::Span;

/// What the local part of a recipient asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RecipientDirectives {
    /// The state of the mailbox.
    pub(super) mailbox: Mailbox,
    /// Whether they read what they get: `engaged`, `unengaged`; `None` is not known.
    pub(super) engaged: Option<bool>,
    /// The outcome that is asked for instead of the rules'.
    pub(super) forced: Option<ForcedOutcome>,
}

/// An outcome that was asked for, by an address or by an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForcedOutcome {
    /// The stage at which it happens.
    pub(super) stage: Stage,
    /// What happens there.
    pub(super) action: ForcedAction,
}

/// What happens instead of what the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ForcedAction {
    /// The client gets this reply; 421 closes the connection.
    Reply(Reply),
    /// The connection is closed without a reply.
    Drop,
    /// The rules decide, and their answer comes this much later.
    Delay(Span),
}

/// What the local part of a sender says about its message; by default nothing is wrong with it.
#[expect(clippy::struct_excessive_bools, reason = "five checks that do not depend on each other")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SenderDirectives {
    /// `nodns`: the sender domain has no DNS records.
    pub(super) no_dns: bool,
    /// `nospf`: SPF fails.
    pub(super) spf_fails: bool,
    /// `nodkim`: DKIM fails.
    pub(super) dkim_fails: bool,
    /// `nodmarc`: DMARC fails.
    pub(super) dmarc_fails: bool,
    /// `spam`: the content looks like spam.
    pub(super) spam: bool,
    /// The outcome that is asked for instead of the rules'.
    pub(super) forced: Option<ForcedOutcome>,
}

impl RecipientDirectives {
    /// Reads the local part of a recipient.
    pub(super) fn parse(local: &str) -> Self {
        let mut directives = Self::default();
        for word in words(local) {
            match word {
                "unknown" => directives.mailbox = Mailbox::Unknown,
                "full" => directives.mailbox = Mailbox::Full,
                "trap" => directives.mailbox = Mailbox::Trap,
                "engaged" => directives.engaged = Some(true),
                "unengaged" => directives.engaged = Some(false),
                _ => match forced_outcome(word, local, Stage::Rcpt) {
                    Some(forced) => directives.forced = Some(forced),
                    None => break,
                },
            }
        }
        directives
    }
}

impl SenderDirectives {
    /// Reads the local part of a sender.
    pub(super) fn parse(local: &str) -> Self {
        let mut directives = Self::default();
        for word in words(local) {
            match word {
                "nodns" => directives.no_dns = true,
                "nospf" => directives.spf_fails = true,
                "nodkim" => directives.dkim_fails = true,
                "nodmarc" => directives.dmarc_fails = true,
                "spam" => directives.spam = true,
                _ => match forced_outcome(word, local, Stage::Mail) {
                    Some(forced) => directives.forced = Some(forced),
                    None => break,
                },
            }
        }
        directives
    }
}

/// The beginning of a local part that asks for a mailbox in this state.
pub(super) const fn mailbox_prefix(mailbox: Mailbox) -> &'static str {
    match mailbox {
        Mailbox::Exists => "",
        Mailbox::Unknown => "unknown.",
        Mailbox::Full => "full.",
        Mailbox::Trap => "trap.",
    }
}

/// The beginning of a local part that tells whether its owner reads what they get.
pub(super) const fn engagement_prefix(engaged: bool) -> &'static str {
    if engaged { "engaged." } else { "unengaged." }
}

/// The local part of a mailbox, whether or not its owner reads this message.
pub(super) fn without_engagement(local: &str) -> &str {
    [true, false].into_iter().find_map(|engaged| local.strip_prefix(engagement_prefix(engaged))).unwrap_or(local)
}

fn words(local: &str) -> impl Iterator<Item = &str> {
    local.split(['.', '+'])
}

/// `451`, `dot-451`, `drop`, `data-drop`, `slow-5s`; an enhanced code is taken from the whole local part, in which its
/// own dots look like the end of a word. Without a stage it happens `default_stage`.
fn forced_outcome(word: &str, local: &str, default_stage: Stage) -> Option<ForcedOutcome> {
    let (stage, rest) = match word.split_once('-') {
        Some(("data", rest)) => (Stage::Data, rest),
        Some(("dot", rest)) => (Stage::EndOfData, rest),
        _ => (default_stage, word),
    };
    let action = match rest.split_once('-') {
        _ if rest == "drop" => ForcedAction::Drop,
        Some(("slow", span)) => ForcedAction::Delay(span.parse().ok().filter(|span| *span <= DELAY_MAX)?),
        Some((code, _)) => ForcedAction::Reply(reply(code, enhanced(local, rest))?),
        None => ForcedAction::Reply(reply(rest, None)?),
    };
    Some(ForcedOutcome { stage, action })
}

/// The longest delay that can be asked for.
pub(super) const DELAY_MAX: Span = Span::HOUR;

/// The enhanced code that begins in `word` behind the reply code and goes on in the words after it.
fn enhanced(local: &str, word: &str) -> Option<EnhancedCode> {
    let from = local.find(word)? + word.find('-')? + 1;
    let rest = &local[from..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    EnhancedCode::from_str(rest[..end].trim_end_matches('.')).ok()
}

/// The reply of a directive; only refusals can be asked for.
fn reply(code: &str, enhanced: Option<EnhancedCode>) -> Option<Reply> {
    let code = Code::refusal(code)?;
    let enhanced = enhanced.filter(|enhanced| enhanced.fits(code));
    Some(Reply { code, enhanced, text: "as you asked".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(local: &str) -> String {
        match RecipientDirectives::parse(local).forced {
            None => "as the rules say".to_owned(),
            Some(ForcedOutcome { stage, action: ForcedAction::Reply(reply) }) => format!("{stage}: {reply}"),
            Some(ForcedOutcome { stage, action }) => format!("{stage}: {action:?}"),
        }
    }

    #[test]
    fn directives_of_recipients() {
        assert_eq!(told("ann"), "as the rules say");
        assert_eq!(told("451.ann"), "rcpt: 451 as you asked");
        assert_eq!(told("451-4.2.0.ann"), "rcpt: 451 4.2.0 as you asked");
        assert_eq!(told("452-4.7.500+ann"), "rcpt: 452 4.7.500 as you asked");
        assert_eq!(told("dot-552-5.2.2"), "end-of-data: 552 5.2.2 as you asked");
        assert_eq!(told("drop"), "rcpt: Drop");
        assert_eq!(told("data-drop.x"), "data: Drop");
        assert_eq!(told("slow-30s.x"), "rcpt: Delay(Span(30000000))");
    }

    #[test]
    fn local_parts_that_are_no_directives() {
        for name in
            ["250.x", "600", "45", "451x", "slow-forever", "slow-2d", "dropped", "no.451", "-", "", "é.451", "dot-"]
        {
            assert_eq!(told(name), "as the rules say", "{name}");
        }
        assert_eq!(told("451-5.1.1"), "rcpt: 451 as you asked", "an enhanced code of another class is left out");
        assert_eq!(told("451-é"), "rcpt: 451 as you asked");
    }

    #[test]
    fn directives_for_mailboxes_and_authentication() {
        for mailbox in [Mailbox::Exists, Mailbox::Unknown, Mailbox::Full, Mailbox::Trap] {
            assert_eq!(RecipientDirectives::parse(&format!("{}r17", mailbox_prefix(mailbox))).mailbox, mailbox);
        }
        assert_eq!(RecipientDirectives::parse("unknown.451").mailbox, Mailbox::Unknown);
        for engaged in [true, false] {
            let local = format!("{}r17", engagement_prefix(engaged));
            assert_eq!(RecipientDirectives::parse(&local).engaged, Some(engaged));
            assert_eq!(without_engagement(&local), "r17");
        }
        assert_eq!((RecipientDirectives::parse("r17").engaged, without_engagement("r17")), (None, "r17"));
        assert_eq!(
            SenderDirectives::parse("spam.nospf.b7"),
            SenderDirectives { spam: true, spf_fails: true, ..SenderDirectives::default() }
        );
        assert_eq!(SenderDirectives::parse("news.spam"), SenderDirectives::default());
        assert_eq!(SenderDirectives::parse("421.news").forced.unwrap().stage, Stage::Mail);
        assert_eq!(SenderDirectives::parse("dot-421.news").forced.unwrap().stage, Stage::EndOfData);
    }
}
