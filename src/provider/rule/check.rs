//! The list of checks: rules that count nothing, and ask about the client, the recipient or the message.

use super::always::Always;
use super::bernoulli::Bernoulli;
use super::block_list::BlockList;
use super::busy::{BusySpells, BusyState};
use super::check_kind::CheckKind;
use super::early_talker::EarlyTalker;
use super::greylist::{Greylist, GreylistState};
use super::idle::IdleLimit;
use super::long_local_part::LongLocalPart;
use super::low_reputation::LowReputation;
use super::no_ptr::NoPtr;
use super::no_sender_dns::NoSenderDns;
use super::outage::Outage;
use super::relaying::Relaying;
use super::session_age::SessionAge;
use super::size::SizeLimit;
use super::spam::Spam;
use super::state::RuleState;
use crate::provider::context::RuleContext;
use crate::provider::message::{Auth, Mailbox};
use crate::rng::Seed;

/// What a rule asks that counts nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// Is the recipient's mailbox in this state? At `rcpt`, or at `end-of-data` as Yahoo does.
    Mailbox(Mailbox),
    /// Is the recipient's domain another provider's?
    Relaying,
    /// Is the local part of the sender, or of the recipient, longer than this?
    LongLocalPart(LongLocalPart),
    /// Is the client on the block list that the provider uses?
    BlockList,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Has the sender domain neither MX nor address records?
    NoSenderDns,
    /// Does the client talk before it is greeted (RFC 5321, section 4.3.1)? Programs do that send to all and listen to
    /// none. The greeting comes later, for that to be seen: all that a client feels of it that waits.
    EarlyTalker(EarlyTalker),
    /// Has the client said nothing for so long?
    Idle(IdleLimit),
    /// Is the session older than this?
    SessionAge(SessionAge),
    /// Is the message larger than this?
    Size(SizeLimit),
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

impl Check {
    /// The kind of the check, to be asked what every kind answers.
    pub(in crate::provider) fn kind(&self) -> &dyn CheckKind {
        match self {
            Self::Mailbox(refused) => refused,
            Self::Relaying => &Relaying,
            Self::LongLocalPart(longest) => longest,
            Self::BlockList => &BlockList,
            Self::NoPtr => &NoPtr,
            Self::NoSenderDns => &NoSenderDns,
            Self::EarlyTalker(early_talker) => early_talker,
            Self::Idle(limit) => limit,
            Self::SessionAge(limit) => limit,
            Self::Size(limit) => limit,
            Self::Unauthenticated(auth) => auth,
            Self::Spam => &Spam,
            Self::Greylist(greylist) => greylist,
            Self::Reputation(low) => low,
            Self::Busy(spells) => spells,
            Self::Outage(outage) => outage,
            Self::Always => &Always,
        }
    }

    /// What the check remembers at the start, as the rule of this name in this place of the profile.
    pub(super) fn new_state(&self, name: &str, rule: u16, chance: Seed) -> RuleState {
        match self {
            Self::Greylist(_) => RuleState::Greylist(GreylistState::new()),
            Self::Reputation(_) => RuleState::LowReputation(Bernoulli::of_rule(rule, chance)),
            Self::Busy(_) => {
                let spells = chance.named("weather").named(name);
                RuleState::Busy(BusyState::new(spells, Bernoulli::of_rule(rule, chance)))
            }
            Self::Mailbox(_)
            | Self::Relaying
            | Self::LongLocalPart(_)
            | Self::BlockList
            | Self::NoPtr
            | Self::NoSenderDns
            | Self::EarlyTalker(_)
            | Self::Idle(_)
            | Self::SessionAge(_)
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
            Self::Mailbox(refused) => refused.permits(context),
            Self::Relaying => Relaying::permits(context),
            Self::LongLocalPart(longest) => longest.permits(context),
            Self::BlockList => BlockList::permits(context),
            Self::NoPtr => NoPtr::permits(context),
            Self::NoSenderDns => NoSenderDns::permits(context),
            Self::SessionAge(limit) => limit.permits(context),
            Self::Size(limit) => limit.permits(context),
            Self::Unauthenticated(auth) => auth.permits(context),
            Self::Spam => Spam::permits(context),
            Self::Greylist(greylist) => state().greylist().permits(greylist, context),
            Self::Reputation(low) => low.permits(state().low_reputation(), context),
            Self::Busy(spells) => state().busy().permits(spells, context.now()),
            Self::Outage(outage) => outage.permits(context.now()),
            // Early talkers are met before the greeting: a client that sends a command has waited for it.
            Self::EarlyTalker(_) => true,
            // Asked only of a client that has said nothing for long enough.
            Self::Idle(_) | Self::Always => false,
        }
    }
}
