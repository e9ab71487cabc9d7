//! The list of checks: rules that count nothing, and ask about the client, the recipient or the message.

use super::bernoulli::Bernoulli;
use super::busy::{BusySpells, BusyState};
use super::greylist::{Greylist, GreylistState};
use super::low_reputation::LowReputation;
use super::outage::Outage;
use super::population::Population;
use super::state::RuleState;
use super::{authentication, block_list, early_talker, mailbox, no_ptr, size, spam};
use crate::provider::context::RuleContext;
use crate::provider::message::{Auth, Mailbox};
use crate::rng::Seed;
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::Bytes;

/// What a rule asks that counts nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// Is the recipient's mailbox in this state? At `rcpt`, or at `end-of-data` as Yahoo does.
    Mailbox(Mailbox),
    /// Is the client on the block list that the provider uses?
    BlockList,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Does the client talk before it is greeted (RFC 5321, section 4.3.1)? Programs do that send to all and listen to
    /// none. The greeting comes so much later, for that to be seen: all that a client feels of it that waits.
    EarlyTalker(Span),
    /// Is the message larger than this?
    Size(Bytes),
    /// Does the message fail this authentication?
    Unauthenticated(Auth),
    /// Does the content look like spam?
    Spam,
    /// Is this (client, sender domain, recipient) new or back too early?
    Greylist(Greylist),
    /// Is the reputation below a band edge? Refuses only a share of what comes.
    Reputation(LowReputation),
    /// Is the server having one of its busy spells?
    Busy(BusySpells),
    /// Is it out of order from one moment to another?
    Outage(Outage),
    /// Yes, always: for tarpits.
    Always,
}

/// When a check is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::provider) enum CheckTiming {
    /// With every command of the rule's stage.
    AtStage,
    /// For every recipient of a message that was accepted, if its mailbox is in this state.
    PerRecipientAtEnd(Mailbox),
    /// When a client talks before its greeting, which is held back so long.
    BeforeGreeting(Span),
}

impl Check {
    /// When a rule that is asked at `stage` asks this.
    pub(in crate::provider) fn timing(&self, stage: Stage) -> CheckTiming {
        match self {
            Self::Mailbox(mailbox) if stage == Stage::EndOfData => CheckTiming::PerRecipientAtEnd(*mailbox),
            Self::EarlyTalker(pause) => CheckTiming::BeforeGreeting(*pause),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Greylist(_)
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => CheckTiming::AtStage,
        }
    }

    /// What the check remembers at the start, as the rule of this name in this place of the profile.
    pub(super) fn new_state(&self, name: &str, rule: u16, chance: Seed) -> RuleState {
        let bernoulli = || Bernoulli::new(chance.named("coins"), rule);
        match self {
            Self::Greylist(_) => RuleState::Greylist(GreylistState::new()),
            Self::Reputation(_) => RuleState::LowReputation(bernoulli()),
            Self::Busy(_) => RuleState::Busy(BusyState::new(chance.named("weather").named(name), bernoulli())),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Outage(_)
            | Self::Always => RuleState::Stateless,
        }
    }

    /// Whether a command is let pass. Only a check that remembers something looks up its `state`.
    #[inline]
    pub(in crate::provider) fn permits<'s>(
        &self,
        context: &RuleContext<'_>,
        state: impl FnOnce() -> &'s mut RuleState,
    ) -> bool {
        match self {
            Self::Mailbox(refused) => mailbox::permits(*refused, context),
            Self::BlockList => block_list::permits(context),
            Self::NoPtr => no_ptr::permits(context),
            Self::Size(largest) => size::permits(*largest, context),
            Self::Unauthenticated(auth) => authentication::permits(*auth, context),
            Self::Spam => spam::permits(context),
            Self::Greylist(_) | Self::Reputation(_) | Self::Busy(_) => self.permits_by_state(context, state()),
            Self::Outage(outage) => outage.permits(context.now()),
            // Early talkers are met before the greeting: a client that sends a command has waited for it.
            Self::EarlyTalker(_) => true,
            Self::Always => false,
        }
    }

    /// Whether a command is let pass by a check that remembers something. Out of line: inlined, each stage would pay
    /// for what few profiles ask.
    #[inline(never)]
    fn permits_by_state(&self, context: &RuleContext<'_>, state: &mut RuleState) -> bool {
        match (self, state) {
            (Self::Greylist(greylist), RuleState::Greylist(state)) => state.permits(greylist, context),
            (Self::Reputation(low), RuleState::LowReputation(refusals)) => low.permits(refusals, context),
            (Self::Busy(spells), RuleState::Busy(state)) => state.permits(spells, context.now()),
            (
                Self::Mailbox(_)
                | Self::BlockList
                | Self::NoPtr
                | Self::EarlyTalker(_)
                | Self::Size(_)
                | Self::Unauthenticated(_)
                | Self::Spam
                | Self::Greylist(_)
                | Self::Reputation(_)
                | Self::Busy(_)
                | Self::Outage(_)
                | Self::Always,
                state,
            ) => unreachable!("{self:?} has another state: {state:?}"),
        }
    }

    /// Whether the check can refuse a recipient with such a mailbox.
    pub(in crate::provider) fn concerns(&self, mailbox: Mailbox) -> bool {
        match self {
            Self::Mailbox(refused) => *refused == mailbox,
            Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Greylist(_)
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => true,
        }
    }

    /// The first moment from `at` on at which waiting is known to be over. What waiting does not change, and what
    /// chance decides, is not foreseen.
    pub(in crate::provider) fn earliest(&self, at: Time) -> Time {
        match self {
            Self::Outage(outage) => outage.earliest(at),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Greylist(_)
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Always => at,
        }
    }

    /// How long after a refusal the same thing may pass, where the check itself says so.
    pub(in crate::provider) const fn retry_delay(&self) -> Option<Span> {
        match self {
            Self::Greylist(greylist) => Some(greylist.delay),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => None,
        }
    }

    /// What it refuses, in words: "to a client on the block list".
    pub(in crate::provider) fn words(&self) -> String {
        match self {
            Self::Mailbox(refused) => mailbox::words(*refused).to_owned(),
            Self::BlockList => block_list::WORDS.to_owned(),
            Self::NoPtr => no_ptr::WORDS.to_owned(),
            Self::EarlyTalker(pause) => early_talker::words(*pause),
            Self::Size(largest) => size::words(*largest),
            Self::Unauthenticated(auth) => authentication::words(*auth).to_owned(),
            Self::Spam => spam::WORDS.to_owned(),
            Self::Greylist(greylist) => greylist.words(),
            Self::Reputation(low) => low.words(),
            Self::Busy(spells) => spells.words(),
            Self::Outage(outage) => outage.words(),
            Self::Always => "always".to_owned(),
        }
    }

    /// In short: what a client sees of it besides refusals; `None` where there is nothing more.
    pub(in crate::provider) fn in_short(&self) -> Option<String> {
        match self {
            Self::EarlyTalker(pause) => Some(early_talker::in_short(*pause)),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Greylist(_)
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => None,
        }
    }

    /// The largest message in bytes that it lets pass, if it minds the size.
    pub(in crate::provider) const fn largest_message(&self) -> Option<Bytes> {
        match self {
            Self::Size(largest) => Some(*largest),
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Greylist(_)
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => None,
        }
    }

    /// What it refuses for, in a word or two; `None` where there is none to mention in short.
    pub(in crate::provider) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::EarlyTalker(_) | Self::Always => None,
            Self::Mailbox(refused) => mailbox::reason(*refused),
            Self::BlockList => Some(block_list::REASON),
            Self::NoPtr => Some(no_ptr::REASON),
            Self::Size(_) => Some(size::REASON),
            Self::Unauthenticated(_) => Some(authentication::REASON),
            Self::Spam => Some(spam::REASON),
            Self::Greylist(_) => Some(Greylist::REASON),
            Self::Reputation(_) => Some(LowReputation::REASON),
            Self::Busy(_) => Some(BusySpells::REASON),
            Self::Outage(_) => Some(Outage::REASON),
        }
    }

    /// Bytes that the check remembers at most, roughly.
    pub(super) const fn memory(&self, population: &Population) -> f64 {
        match self {
            Self::Greylist(_) => population.recipients * Population::COUNTER_BYTES,
            Self::Mailbox(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::EarlyTalker(_)
            | Self::Size(_)
            | Self::Unauthenticated(_)
            | Self::Spam
            | Self::Reputation(_)
            | Self::Busy(_)
            | Self::Outage(_)
            | Self::Always => 0.0,
        }
    }
}
