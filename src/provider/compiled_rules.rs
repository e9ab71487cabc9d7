//! Compiled rules: what is done at every stage, worked out when a provider opens and again after every change of the policy.
//!
//! At a stage the steps are taken in the order of the profile: refuse whom a rule holds, ask a rule, count for a rule
//! that was asked earlier in the session. What depends on the profile alone is decided here, once: a rule that is
//! switched off has no step, nor has a limit that is none, and a step knows what it counts.

use super::engine::Session;
use super::policy::{
    Auth, Check, Counted, Limit, Mailbox, Meter, Outage, Policy, ReputationOf, Rule, RuleKind, Scope, Window,
};
use super::rules::RuleRuntime;
use crate::smtp::Stage;
use crate::time::{Span, Time};

/// What is done at a stage about one rule. Read where it stands, and so no `Copy`: handed on by value, its bytes would
/// be taken apart and put together again at every call.
#[derive(Clone, Debug)]
pub(super) struct RuleStep {
    /// The rule's place in the profile.
    pub(super) rule: u16,
    pub(super) op: Operation,
    /// How much a limit counts.
    pub(super) amount: Increment,
    /// Of what a limit is asked about it may let one pass, count it once, and then be silent.
    pub(super) once: CountOnce,
    /// Whose counter it is.
    pub(super) scope: Scope,
    /// Whose reputation chooses the tier of the limit.
    pub(super) reputation_of: ReputationOf,
    /// Whether what a limit refuses counts too.
    pub(super) attempts: bool,
}

/// What is done about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Refuse whom it holds.
    CheckHold,
    /// Ask a rule that only looks at who is there and what he wants.
    Stateless(StatelessCheck),
    /// Ask one that is no limit, and remembers or tosses a coin.
    Stateful,
    /// Ask one that gives out slots of a connection, or of a transaction.
    AcquireSlot,
    AcquireTransactionSlot,
    /// Ask one that counts within a session or a message.
    CountInSession,
    /// Ask one that counts over time.
    CountInWindow,
    /// Ask one that counts over time before its meter's own stage: it only looks.
    Peek,
    /// Count for one that looked earlier in the session.
    Record,
    /// The same for each recipient of the message.
    RecordEach,
}

/// What a rule asks that needs nothing but who is there and what he wants. It stands in the step, where most rules need
/// not be looked at any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatelessCheck {
    /// Is the recipient's mailbox in this state?
    Mailbox(Mailbox),
    /// Is the client on the block list?
    Listed,
    /// Has it no PTR record?
    NoPtr,
    /// Is the message larger than so many bytes?
    Size(u64),
    /// Does it fail this authentication?
    Unauthenticated(Auth),
    /// Is it spam?
    Content,
    /// Is the server out of order?
    Outage { from: Time, until: Time },
    /// Yes.
    Always,
}

impl StatelessCheck {
    /// What a test asks, if it is such a one.
    const fn of(test: &RuleKind) -> Option<Self> {
        Some(match test {
            RuleKind::Check(Check::Mailbox(mailbox)) => Self::Mailbox(*mailbox),
            RuleKind::Check(Check::Listed) => Self::Listed,
            RuleKind::Check(Check::NoPtr) => Self::NoPtr,
            RuleKind::Check(Check::Size(bytes)) => Self::Size(bytes.0),
            RuleKind::Check(Check::Unauthenticated(auth)) => Self::Unauthenticated(*auth),
            RuleKind::Check(Check::Content) => Self::Content,
            RuleKind::Check(Check::Outage(Outage { from, until })) => Self::Outage { from: *from, until: *until },
            RuleKind::Check(Check::Always) => Self::Always,
            RuleKind::Limit(_)
            | RuleKind::Check(Check::EarlyTalker(_))
            | RuleKind::Check(Check::Greylist(_))
            | RuleKind::Check(Check::Reputation(_))
            | RuleKind::Check(Check::Busy(_)) => {
                return None;
            }
        })
    }
}

/// What a rule can be asked about more often than it happens: connections at MAIL, messages at RCPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountOnce {
    /// Nothing.
    Never,
    Connection,
    Message,
}

/// How much is counted at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Increment {
    One,
    /// One if the recipient that is named does not exist.
    Unknown,
    /// As many as the message has recipients.
    Recipients,
    /// As many of these as do not exist.
    UnknownRecipients,
    /// The message's bytes.
    Bytes,
}

/// The steps of a policy.
#[derive(Clone, Debug, Default)]
pub(super) struct CompiledRules {
    at: [Box<[RuleStep]>; 6],
    /// Those of RCPT that do anything about a recipient, by the state of its mailbox.
    named: [Box<[RuleStep]>; 4],
    /// Mailboxes that are refused only at the dot, and the rules that refuse them.
    pub(super) late: Vec<(Mailbox, u16)>,
    /// Limits that count within a message.
    pub(super) per_message: Vec<u16>,
    /// Limits whose counters are sessions', though not of their kind: what is counted per session over time.
    pub(super) per_session: Vec<u16>,
    /// How long a greeting is held back for early talkers to be seen.
    pub(super) before_greeting: Span,
}

impl CompiledRules {
    pub(super) fn new(policy: &Policy, rules: &[RuleRuntime]) -> Self {
        let of_rules = (0_u16..).zip(policy.rules.iter().zip(rules));
        let at = |stage| of_rules.clone().flat_map(move |(index, (rule, state))| all_of(index, rule, state, stage));
        let named = |mailbox| at(Stage::Rcpt).filter(|step| step.concerns(mailbox, policy)).collect();
        let mailboxes = [Mailbox::Exists, Mailbox::Unknown, Mailbox::Full, Mailbox::Trap];
        let mut steps =
            Self { at: Stage::ALL.map(|stage| at(stage).collect()), named: mailboxes.map(named), ..Self::default() };
        for (index, rule) in (0_u16..).zip(&policy.rules) {
            match &rule.kind {
                RuleKind::Check(Check::Mailbox(mailbox)) if rule.at == Stage::EndOfData && rule.enabled => {
                    steps.late.push((*mailbox, index));
                }
                RuleKind::Check(Check::EarlyTalker(pause)) if rule.enabled => {
                    steps.before_greeting = steps.before_greeting.max(*pause)
                }
                RuleKind::Limit(limit) if limit.window == Window::Message => steps.per_message.push(index),
                RuleKind::Limit(limit) if limit.scope == Scope::Session && !limit.window.is_in_session() => {
                    steps.per_session.push(index);
                }
                _ => {}
            }
        }
        steps
    }

    /// The steps of a stage.
    pub(super) fn at(&self, stage: Stage) -> &[RuleStep] {
        &self.at[stage as usize]
    }

    /// The steps of RCPT that do anything about a recipient with such a mailbox.
    pub(super) fn named(&self, mailbox: Mailbox) -> &[RuleStep] {
        &self.named[mailbox as usize]
    }
}

impl RuleStep {
    /// Whether the step does anything about a recipient with such a mailbox.
    fn concerns(&self, mailbox: Mailbox, policy: &Policy) -> bool {
        match &policy.rules[usize::from(self.rule)].kind {
            RuleKind::Check(Check::Mailbox(asked)) => !matches!(self.op, Operation::Stateless(_)) || *asked == mailbox,
            // Where others are not counted by number, time passes for them nevertheless.
            RuleKind::Limit(limit) if self.amount == Increment::Unknown => {
                mailbox == Mailbox::Unknown || self.op == Operation::Record && !limit.window.is_count()
            }
            _ => true,
        }
    }
}

/// The steps of a rule at a stage.
fn all_of(index: u16, rule: &Rule, ruled: &RuleRuntime, stage: Stage) -> impl Iterator<Item = RuleStep> {
    let step = |op| RuleStep {
        rule: index,
        op,
        amount: Increment::One,
        once: CountOnce::Never,
        scope: rule.kind.hold_scope(),
        reputation_of: ReputationOf::ClientIp,
        attempts: false,
    };
    let holds = rule.enabled && rule.hold.as_ref().is_some_and(|hold| hold.at == stage);
    let (asks, counts) = match &rule.kind {
        RuleKind::Limit(limit) => {
            let step = |op| RuleStep {
                amount: limit.amount(stage),
                once: limit.once(stage),
                scope: limit.scope,
                reputation_of: limit.reputation_of,
                attempts: limit.counted == Counted::Attempts,
                ..step(op)
            };
            let counts = limit.counts_later(rule.at) && limit.meter.natural_stage() == stage && ruled.is_limited();
            let of_each = limit.scope.is_of_recipient() && stage != Stage::Rcpt;
            let count = if of_each { Operation::RecordEach } else { Operation::Record };
            (limit.asks(rule.at, ruled).map(step), counts.then(|| step(count)))
        }
        // Recipients are judged one by one once the message is there, early talkers when they talk.
        RuleKind::Check(Check::Mailbox(_)) if rule.at == Stage::EndOfData => (None, None),
        RuleKind::Check(Check::EarlyTalker(_)) => (None, None),
        test => (Some(step(StatelessCheck::of(test).map_or(Operation::Stateful, Operation::Stateless))), None),
    };
    let asks = asks.filter(|_| rule.enabled && rule.at == stage);
    holds.then(|| step(Operation::CheckHold)).into_iter().chain(asks).chain(counts)
}

impl Limit {
    /// How the limit is asked at a stage; not at all where it could never refuse.
    fn asks(&self, at: Stage, state: &RuleRuntime) -> Option<Operation> {
        match self.window {
            // Where there is no limit today there may be one tomorrow: who is open then counts.
            Window::Gauge if self.meter == Meter::OpenTransactions => Some(Operation::AcquireTransactionSlot),
            Window::Gauge => Some(Operation::AcquireSlot),
            _ if !state.is_limited() => None,
            Window::Session | Window::Message => Some(Operation::CountInSession),
            _ if at < self.meter.natural_stage() => Some(Operation::Peek),
            _ => Some(Operation::CountInWindow),
        }
    }

    /// Whether a limit that is asked at this stage counts over time, and only later than it is asked.
    fn counts_later(&self, at: Stage) -> bool {
        at < self.meter.natural_stage() && !self.meter.is_gauge() && !self.window.is_in_session()
    }

    /// What it is asked about more often than it happens.
    fn once(&self, at: Stage) -> CountOnce {
        match self.meter {
            Meter::Connections if at >= Stage::Mail => CountOnce::Connection,
            Meter::Messages if at == Stage::Rcpt => CountOnce::Message,
            _ => CountOnce::Never,
        }
    }

    /// How much the limit counts at a stage. What it counts is not yet known before the meter's own.
    fn amount(&self, at: Stage) -> Increment {
        match self.meter {
            meter if at < meter.natural_stage() => Increment::One,
            Meter::OpenConnections | Meter::OpenTransactions | Meter::Connections | Meter::Messages => Increment::One,
            Meter::Recipients if at == Stage::Rcpt => Increment::One,
            Meter::Recipients => Increment::Recipients,
            Meter::UnknownRecipients if at == Stage::Rcpt => Increment::Unknown,
            Meter::UnknownRecipients => Increment::UnknownRecipients,
            Meter::Bytes => Increment::Bytes,
        }
    }
}

impl Increment {
    /// How much that is of the message so far.
    #[cold]
    pub(super) fn of(self, session: &Session) -> u32 {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let accepted = &session.recipients;
        match self {
            Self::One | Self::Unknown => 1,
            Self::Recipients => count(accepted.len()),
            Self::UnknownRecipients => count(accepted.iter().filter(|who| who.mailbox == Mailbox::Unknown).count()),
            Self::Bytes => session.envelope.map_or(0, |message| message.size),
        }
    }
}
