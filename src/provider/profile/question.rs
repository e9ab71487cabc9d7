//! The questions that a rule can ask instead of counting: each as a profile writes it and as it is meant.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::provider::{Auth, BusySpells, Check, Greylist, LowReputation, Mailbox, Outage, ReputationOf};
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};
use crate::units::{Bytes, Fraction};

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
    /// Is the client on the block list that the provider uses?
    Listed,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Does the client talk before it is greeted? The greeting comes this much later, for that to be seen. Simulated
    /// senders wait for it.
    EarlyTalker(Spanned<Span>),
    /// Does the content look like spam?
    SpamContent,
    /// Yes, always.
    Always,
    /// Is the message larger than this?
    Size(Bytes),
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

/// A greylist of triplets of client, sender domain and recipient.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GreylistSpec {
    /// Not before this much time has passed since the first attempt …
    pub delay: Span,
    /// … and not after this much.
    pub retry_within: Spanned<Span>,
    /// A triplet that passed is remembered this long.
    pub remember: Span,
}

/// A threshold of the reputation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReputationCheckSpec {
    /// Refuse below this.
    pub below: Fraction,
    /// Whose reputation.
    #[serde(default)]
    pub of: ReputationOf,
    /// Share of the attempts that are refused; all unless said otherwise.
    #[serde(default = "all")]
    pub refuse: Fraction,
}

/// Busy spells that come and go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BusySpec {
    /// Mean time from the end of one spell to the start of the next.
    pub every: Spanned<Span>,
    /// Mean length of a spell.
    pub lasts: Spanned<Span>,
    /// Share of the attempts refused during a spell; all unless said otherwise.
    #[serde(default = "all")]
    pub refuse: Fraction,
}

/// A stretch of the trial in which the server is out of order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OutageSpec {
    /// When it begins.
    pub from: Span,
    /// When it ends.
    pub until: Spanned<Span>,
}

const fn all() -> Fraction {
    Fraction::ALL
}

/// What a check asks that stands at `at`.
pub(super) fn build(spec: &CheckSpec, at: Option<&Spanned<Stage>>, check: &mut Checker<'_>) -> Check {
    let test = match spec {
        CheckSpec::UnknownRecipient => Check::Mailbox(Mailbox::Unknown),
        CheckSpec::MailboxFull => Check::Mailbox(Mailbox::Full),
        CheckSpec::SpamTrap => Check::Mailbox(Mailbox::Trap),
        CheckSpec::Listed => Check::Listed,
        CheckSpec::NoPtr => Check::NoPtr,
        CheckSpec::EarlyTalker(pause) => early_talker(pause, check),
        CheckSpec::SpamContent => Check::Content,
        CheckSpec::Always => Check::Always,
        CheckSpec::Size(size) => Check::Size(*size),
        CheckSpec::Unauthenticated(auth) => Check::Unauthenticated(*auth),
        CheckSpec::Greylist(spec) => greylist(spec, check),
        CheckSpec::Reputation(spec) => {
            Check::Reputation(LowReputation { below: spec.below, of: spec.of, refuse: spec.refuse })
        }
        CheckSpec::Busy(spec) => busy(spec, check),
        CheckSpec::Outage(spec) => outage(spec, check),
    };
    if let Some(at) = at {
        can_be_asked(&test, at, check);
    }
    test
}

fn early_talker(pause: &Spanned<Span>, check: &mut Checker<'_>) -> Check {
    if pause.is_zero() {
        let message = "no client can talk early where the greeting comes at once";
        check.wrong_do(&pause.span, message, "write a length such as \"6s\"");
    }
    Check::EarlyTalker(pause.value)
}

fn greylist(spec: &GreylistSpec, check: &mut Checker<'_>) -> Check {
    let GreylistSpec { delay, retry_within, remember } = spec;
    if *delay >= retry_within.value {
        let help = "`delay` must be shorter than `retry-within`";
        check.wrong_do(&retry_within.span, "no message can pass this greylist", help);
    }
    Check::Greylist(Greylist { delay: *delay, retry_within: retry_within.value, remember: *remember })
}

fn busy(spec: &BusySpec, check: &mut Checker<'_>) -> Check {
    let (every, lasts) = (check.some_time(&spec.every), check.some_time(&spec.lasts));
    Check::Busy(BusySpells { every, lasts, refuse: spec.refuse })
}

fn outage(spec: &OutageSpec, check: &mut Checker<'_>) -> Check {
    if spec.from >= spec.until.value {
        let message = format!("this outage ends at {} and begins at {}", spec.until.value, spec.from);
        check.wrong_do(&spec.until.span, message, "`from` must be before `until`");
    }
    Check::Outage(Outage { from: Time::ZERO + spec.from, until: Time::ZERO + spec.until.value })
}

/// Says so where at a stage a question cannot be asked yet, or not any more.
fn can_be_asked(test: &Check, at: &Spanned<Stage>, check: &mut Checker<'_>) {
    let (from, what) = match test {
        Check::Mailbox(_) | Check::Greylist(_) => (Stage::Rcpt, "the recipient"),
        Check::Size(_) => (Stage::Mail, "the size"),
        Check::Unauthenticated(_) => (Stage::Data, "the authentication"),
        Check::Content => (Stage::EndOfData, "the content"),
        Check::EarlyTalker(_)
        | Check::Listed
        | Check::NoPtr
        | Check::Reputation(_)
        | Check::Busy(_)
        | Check::Outage(_)
        | Check::Always => (Stage::Connect, ""),
    };
    let stage = at.value;
    let too_late = match test {
        Check::Greylist(_) => stage > Stage::Rcpt,
        // At the end of the data every recipient is asked for once more, as Yahoo does.
        Check::Mailbox(_) => stage == Stage::Data,
        _ => false,
    };
    if too_late {
        check.wrong_do(
            &at.span,
            format!("at `{stage}` there is no question of a recipient"),
            "ask this rule at `rcpt`",
        );
    } else if matches!(test, Check::EarlyTalker(_)) && stage > Stage::Connect {
        check.wrong_do(&at.span, format!("at `{stage}` every client has been greeted"), "ask this rule at `connect`");
    } else if stage < from {
        let help = format!("ask this rule at `{from}` or later");
        check.wrong_do(&at.span, format!("at `{stage}` {what} is not known yet"), help);
    }
}
