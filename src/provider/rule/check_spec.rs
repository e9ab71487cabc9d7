//! The list of checks as a profile writes them, and what they mean.

use schemars::JsonSchema;
use serde::Deserialize;

use super::busy::{BusySpec, BusySpells};
use super::check::Check;
use super::early_talker::EarlyTalker;
use super::greylist::{Greylist, GreylistSpec};
use super::idle::IdleLimit;
use super::long_local_part::LongLocalPart;
use super::low_reputation::{LowReputation, ReputationCheckSpec};
use super::outage::{Outage, OutageSpec};
use super::session_age::SessionAge;
use super::size::SizeLimit;
use crate::provider::message::{Auth, Mailbox};
use crate::smtp::{LOCAL_PART_MAX, Stage};
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;
use crate::units::Bytes;

/// A question about the client, the recipient or the message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CheckSpec {
    /// Does the recipient not exist?
    UnknownRecipient,
    /// Is the mailbox full?
    MailboxFull,
    /// Is the recipient a spam trap?
    SpamTrap,
    /// Is the recipient's domain none of `domains`? Goes before every other rule at `rcpt`. A simulated sender never
    /// writes to such recipients.
    Relaying,
    /// Is the client on the block list that the provider uses?
    Listed,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Has the sender domain neither MX nor address records?
    NoSenderDns,
    /// Does the client talk before it is greeted? The greeting comes this much later, for that to be seen. Simulated
    /// senders wait for it.
    EarlyTalker(Spanned<Span>),
    /// Does the content look like spam?
    SpamContent,
    /// Yes, always.
    Always,
    /// Has the client said nothing for so long, from its greeting on? Without such a rule, five minutes (and live
    /// only: a simulated provider then waits for ever).
    Idle(Spanned<Span>),
    /// Is the session older than this?
    SessionAge(Spanned<Span>),
    /// Is the message larger than this, by what MAIL says or by what came?
    Size(Bytes),
    /// Is the local part of the sender (at `mail`) or of the recipient (at `rcpt`) longer than so many octets, 64
    /// or more?
    LongLocalPart(Spanned<Count>),
    /// Does the message fail this authentication?
    Unauthenticated(Auth),
    /// Is this (client, sender domain, recipient) new or back too early?
    Greylist(GreylistSpec),
    /// Is the reputation below `below`?
    Reputation(ReputationCheckSpec),
    /// Is the server having one of its busy spells?
    Busy(BusySpec),
    /// Is it out of order, from one moment of the trial to another?
    Outage(OutageSpec),
}

/// Every server takes local parts of so many octets (RFC 5321, section 4.5.3.1.1).
const LOCAL_PART_MIN: u32 = 64;

/// What a check asks that stands at `at`.
pub(in crate::provider) fn build(spec: &CheckSpec, at: Option<&Spanned<Stage>>, check: &mut Checker<'_>) -> Check {
    let built = match spec {
        CheckSpec::UnknownRecipient => Check::Mailbox(Mailbox::Unknown),
        CheckSpec::MailboxFull => Check::Mailbox(Mailbox::Full),
        CheckSpec::SpamTrap => Check::Mailbox(Mailbox::Trap),
        CheckSpec::Relaying => Check::Relaying,
        CheckSpec::LongLocalPart(longest) => {
            let longest = check.count(longest, LOCAL_PART_MIN..=u32::from(LOCAL_PART_MAX));
            Check::LongLocalPart(LongLocalPart { longest: u8::try_from(longest).unwrap_or(LOCAL_PART_MAX) })
        }
        CheckSpec::Listed => Check::BlockList,
        CheckSpec::NoPtr => Check::NoPtr,
        CheckSpec::NoSenderDns => Check::NoSenderDns,
        CheckSpec::EarlyTalker(pause) => Check::EarlyTalker(EarlyTalker::build(pause, check)),
        CheckSpec::SpamContent => Check::Spam,
        CheckSpec::Always => Check::Always,
        CheckSpec::Idle(longest) => Check::Idle(IdleLimit::build(longest, check)),
        CheckSpec::SessionAge(oldest) => Check::SessionAge(SessionAge::build(oldest, check)),
        CheckSpec::Size(size) => Check::Size(SizeLimit { largest: *size }),
        CheckSpec::Unauthenticated(auth) => Check::Unauthenticated(*auth),
        CheckSpec::Greylist(spec) => Check::Greylist(Greylist::build(spec, check)),
        CheckSpec::Reputation(spec) => Check::Reputation(LowReputation::build(spec)),
        CheckSpec::Busy(spec) => Check::Busy(BusySpells::build(spec, check)),
        CheckSpec::Outage(spec) => Check::Outage(Outage::build(spec, check)),
    };
    if let Some(at) = at {
        can_be_asked(&built, at, check);
    }
    built
}

/// Says so where at a stage a check cannot be asked yet, or not any more.
fn can_be_asked(asked: &Check, at: &Spanned<Stage>, check: &mut Checker<'_>) {
    let (stage, kind) = (at.value, asked.kind());
    if let Some((message, help)) = kind.too_late_at(stage) {
        check.wrong_do(&at.span, message, help);
    } else if let Some((from, what)) = kind.needs().filter(|(from, _)| stage < *from) {
        let help = format!("ask this rule at `{from}` or later");
        check.wrong_do(&at.span, format!("at `{stage}` {what} is not known yet"), help);
    }
}
