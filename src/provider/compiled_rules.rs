//! Compiled rules: what is done at every stage, worked out when a provider opens and again after every change of the
//! policy.
//!
//! At a stage the steps are taken in the order of the profile: refuse whom a rule holds, ask a rule, count for a rule
//! that was asked earlier in the session. What depends on the profile alone is decided here, once: a rule that is
//! switched off is not asked, nor is a limit that is none, and a step knows what it counts.

use super::message::Mailbox;
use super::policy::{Policy, Rule};
use super::rule::limit::step::LimitStep;
use super::rule::{Check, CheckTiming, Meter, RuleKind};
use super::rule_runtime::RuleRuntime;
use super::scope::Scope;
use super::window::Window;
use crate::smtp::Stage;
use crate::time::Span;

/// What is done at a stage about one rule. Read where it stands, and so no `Copy`: handed on by value, its bytes would
/// be taken apart and put together again at every call.
#[derive(Clone, Debug)]
pub(super) struct RuleStep {
    /// The rule's place in the profile.
    pub(super) rule: u16,
    pub(super) operation: Operation,
}

/// What is done about a rule. With a tag of its own: to tell it from the unused values of the tags within takes longer
/// than most checks do.
#[derive(Clone, Debug)]
#[repr(u8)]
pub(super) enum Operation {
    /// Refuse what the rule holds under a key of this scope.
    CheckHold(Scope),
    /// Ask a rule that counts nothing. The check stands in the step, so that mostly the rule need not be looked at.
    Check(Check),
    /// Ask a limit, or count for it.
    Limit(LimitStep),
}

/// The steps of a policy.
#[derive(Clone, Debug, Default)]
pub(super) struct CompiledRules {
    at: [Box<[RuleStep]>; 6],
    /// Those of RCPT that do anything about a recipient, by the state of its mailbox.
    rcpt: [Box<[RuleStep]>; 4],
    /// Those of RCPT that do anything about a recipient of another provider.
    foreign_rcpt: Box<[RuleStep]>,
    /// Mailboxes that are refused only when the message is there, and the rules that refuse them.
    late_mailboxes: Vec<(Mailbox, u16)>,
    /// Limits that count within a message.
    per_message: Vec<u16>,
    /// Limits whose counters are sessions', though not of their kind: what is counted per session over time.
    per_session: Vec<u16>,
    /// Rules about clients that talk before they are greeted.
    early_talkers: Vec<u16>,
    /// Limits on refusals.
    on_refusals: Vec<(u16, LimitStep)>,
    /// Limits on commands that do nothing.
    on_idle_command: Vec<RuleStep>,
    /// Limits on failures of AUTH.
    on_auth_failure: Vec<RuleStep>,
    /// How long a client may say nothing, and the rule about that.
    idle: Option<(Span, RuleStep)>,
    /// Rules whose hold every refusal by it renews, by bit.
    renewed_by_each: u64,
    /// How long a greeting is held back for early talkers to be seen.
    greeting_delay: Span,
}

impl CompiledRules {
    pub(super) fn new(policy: &Policy, runtimes: &[RuleRuntime]) -> Self {
        let rules = || (0_u16..).zip(policy.rules.iter().zip(runtimes));
        let at = |stage| rules().flat_map(move |(place, (rule, runtime))| steps(place, rule, runtime, stage));
        let rcpt = |mailbox| -> Vec<RuleStep> {
            let concerned = at(Stage::Rcpt).filter(|step| step.operation.concerns(mailbox));
            let (first, others): (Vec<_>, Vec<_>) = concerned.partition(|step| step.operation.goes_first());
            first.into_iter().chain(others).collect()
        };
        let mailboxes = [Mailbox::Exists, Mailbox::Unknown, Mailbox::Full, Mailbox::Trap];
        let mut compiled = Self {
            at: Stage::ALL.map(|stage| at(stage).collect()),
            rcpt: mailboxes.map(|mailbox| rcpt(Some(mailbox)).into()),
            foreign_rcpt: rcpt(None).into(),
            ..Self::default()
        };
        for (place, rule) in (0_u16..).zip(&policy.rules) {
            compiled.note(place, rule);
            // A limit on refusals counts those of its own hold, and is renewed by too many.
            let by_each = rule.hold.as_ref().is_some_and(|hold| hold.renewed) && !rule.kind.counts_refusals();
            compiled.renewed_by_each |= u64::from(by_each) << place;
        }
        compiled
    }

    /// Notes what a rule does besides its steps.
    fn note(&mut self, place: u16, rule: &Rule) {
        match &rule.kind {
            RuleKind::Limit(limit) => {
                if limit.window == Window::Message {
                    self.per_message.push(place);
                }
                if limit.scope == Scope::Session && !limit.window.is_in_session() {
                    self.per_session.push(place);
                }
                if limit.meter == Meter::Refusals && rule.enabled {
                    self.on_refusals.push((place, limit.when_it_happens()));
                }
                let between = match limit.meter {
                    Meter::IdleCommands => &mut self.on_idle_command,
                    Meter::AuthFailures => &mut self.on_auth_failure,
                    Meter::OpenConnections
                    | Meter::OpenTransactions
                    | Meter::Connections
                    | Meter::Messages
                    | Meter::Recipients
                    | Meter::UnknownRecipients
                    | Meter::Bytes
                    | Meter::Refusals => return,
                };
                if rule.enabled {
                    between.push(RuleStep { rule: place, operation: Operation::Limit(limit.when_it_happens()) });
                }
            }
            RuleKind::Check(check) if rule.enabled => match check.kind().timing(rule.at) {
                CheckTiming::AtStage => {}
                CheckTiming::PerRecipientAtEnd(mailbox) => self.late_mailboxes.push((mailbox, place)),
                CheckTiming::BeforeGreeting(pause) => {
                    self.early_talkers.push(place);
                    self.greeting_delay = self.greeting_delay.max(pause);
                }
                CheckTiming::WhileIdle(longest) => {
                    if self.idle.as_ref().is_none_or(|(shortest, _)| longest < *shortest) {
                        self.idle = Some((longest, RuleStep { rule: place, operation: Operation::Check(*check) }));
                    }
                }
            },
            RuleKind::Check(_) => {}
        }
    }

    /// The steps of a stage.
    pub(super) fn at(&self, stage: Stage) -> &[RuleStep] {
        &self.at[stage as usize]
    }

    /// The steps of RCPT that do anything about a recipient with such a mailbox, or of another provider.
    pub(super) fn rcpt(&self, mailbox: Option<Mailbox>) -> &[RuleStep] {
        mailbox.map_or(&self.foreign_rcpt, |mailbox| &self.rcpt[mailbox as usize])
    }

    /// Whether any mailbox is refused only when the message is there.
    pub(super) const fn has_late_mailboxes(&self) -> bool {
        !self.late_mailboxes.is_empty()
    }

    /// The rule that refuses such a mailbox when the message is there, if there is one.
    pub(super) fn late_rule(&self, mailbox: Option<Mailbox>) -> Option<usize> {
        let found = self.late_mailboxes.iter().find(|(refused, _)| Some(*refused) == mailbox);
        found.map(|(_, rule)| usize::from(*rule))
    }

    /// Limits that count within a message.
    pub(super) fn per_message(&self) -> &[u16] {
        &self.per_message
    }

    /// Limits that count over time, or what is open, for each session.
    pub(super) fn per_session(&self) -> &[u16] {
        &self.per_session
    }

    /// Rules about clients that talk before they are greeted, in the order of the profile.
    pub(super) fn early_talkers(&self) -> &[u16] {
        &self.early_talkers
    }

    /// Limits on refusals.
    pub(super) fn on_refusals(&self) -> &[(u16, LimitStep)] {
        &self.on_refusals
    }

    /// How long a client may say nothing; `None` is without end.
    pub(super) fn idle_limit(&self) -> Option<Span> {
        self.idle.as_ref().map(|(longest, _)| *longest)
    }

    /// What is done about a client that has said nothing for so long.
    pub(super) fn on_idle(&self) -> &[RuleStep] {
        self.idle.as_ref().map_or(&[], |(_, step)| std::slice::from_ref(step))
    }

    /// Limits on commands that do nothing.
    pub(super) fn on_idle_command(&self) -> &[RuleStep] {
        &self.on_idle_command
    }

    /// Limits on failures of AUTH.
    pub(super) fn on_auth_failure(&self) -> &[RuleStep] {
        &self.on_auth_failure
    }

    /// Whether every refusal by the hold of a rule renews it.
    pub(super) const fn is_renewed_by_each(&self, rule: u16) -> bool {
        self.renewed_by_each & (1 << rule) != 0
    }

    /// How long a greeting is held back for early talkers to be seen.
    pub(super) const fn greeting_delay(&self) -> Span {
        self.greeting_delay
    }
}

impl Operation {
    /// Whether it does anything about a recipient with such a mailbox, or of another provider.
    fn concerns(&self, mailbox: Option<Mailbox>) -> bool {
        match self {
            Self::CheckHold(_) => true,
            Self::Check(check) => check.kind().concerns(mailbox),
            Self::Limit(step) => step.concerns(mailbox),
        }
    }

    /// Whether it goes before all others about the same recipient.
    fn goes_first(&self) -> bool {
        matches!(self, Self::Check(check) if check.kind().goes_first())
    }
}

/// The steps of a rule at a stage.
fn steps(place: u16, rule: &Rule, runtime: &RuleRuntime, stage: Stage) -> impl Iterator<Item = RuleStep> {
    let holds = rule.enabled && rule.hold.as_ref().is_some_and(|hold| hold.at == stage);
    let hold = holds.then(|| Operation::CheckHold(rule.kind.hold_scope()));
    let (asked, counts) = match &rule.kind {
        RuleKind::Limit(limit) => {
            let is_limited = runtime.state().limit().drawn().is_limited();
            let (asked, counts) = limit.steps(rule.at, stage, is_limited);
            (asked.map(Operation::Limit), counts.map(Operation::Limit))
        }
        RuleKind::Check(check) => {
            let kind = check.kind();
            let again = stage == Stage::EndOfData && rule.at < stage && kind.is_asked_again();
            let asked = (rule.at == stage || again) && kind.timing(stage) == CheckTiming::AtStage;
            (asked.then_some(Operation::Check(*check)), None)
        }
    };
    // Who has been refused too often is held at once: there is nothing left to ask.
    let is_held_instead = rule.kind.counts_refusals() && rule.hold.is_some();
    let asked = asked.filter(|_| rule.enabled && !is_held_instead);
    let operations = hold.into_iter().chain(asked).chain(counts);
    operations.map(move |operation| RuleStep { rule: place, operation })
}
