//! One command before the rules: asks them, and does what follows from what they say.

use super::compiled_rules::{CompiledRules, Operation, RuleStep};
use super::context::RuleContext;
use super::message::{Auth, Mailbox, Recipient};
use super::policy::Policy;
use super::reputation::Reputation;
use super::rule::{Check, RuleKind};
use super::rule_runtime::RuleRuntime;
use super::verdict::{Decision, Refusal, RuleAction, Verdict};
use crate::smtp::Stage;
use crate::time::Span;
use crate::units::{Fraction, RuleId};

/// One command before the rules.
pub(super) struct Enforcement<'a> {
    context: RuleContext<'a>,
    policy: &'a Policy,
    rules: &'a mut [RuleRuntime],
    compiled: &'a CompiledRules,
    /// Recipients of an accepted message whom it does not reach: place among the accepted ones, and why.
    undeliverable: &'a mut Vec<(u32, Refusal)>,
}

impl<'a> Enforcement<'a> {
    #[inline]
    pub(super) const fn new(
        context: RuleContext<'a>,
        policy: &'a Policy,
        rules: &'a mut [RuleRuntime],
        compiled: &'a CompiledRules,
        undeliverable: &'a mut Vec<(u32, Refusal)>,
    ) -> Self {
        Self { context, policy, rules, compiled, undeliverable }
    }

    /// Asks all that is to be asked at a stage about a connection or a message.
    pub(super) fn command(&mut self, stage: Stage) -> Verdict {
        self.ask(self.compiled.at(stage))
    }

    /// Asks all that is to be asked about a recipient at RCPT.
    pub(super) fn rcpt(&mut self, recipient: Recipient) -> Verdict {
        let verdict = self.ask(self.compiled.rcpt(recipient.mailbox));
        if verdict.accepted() {
            self.context.session_mut().add_recipient(recipient);
        } else if self.is_look_at(&verdict, Mailbox::Unknown) {
            self.penalize(self.policy.reputation.unknown_recipient);
        }
        verdict
    }

    /// A client talks before its greeting. Asks the rules about that.
    pub(super) fn early_talk(&mut self) -> Verdict {
        let mut tarpit = Span::ZERO;
        for rule in self.compiled.early_talkers() {
            let rule = usize::from(*rule);
            self.record_violation(rule);
            match self.policy.rules[rule].action {
                RuleAction::Tarpit(span) => tarpit += span,
                action @ (RuleAction::Reply { .. } | RuleAction::Drop) => return refused(rule, action, tarpit),
            }
        }
        Verdict { decision: Decision::Accept, tarpit }
    }

    /// The end of data. Asks the rules, and delivers the message if they let it pass.
    pub(super) fn end_of_data(&mut self) -> Verdict {
        self.undeliverable.clear();
        let asked = self.command(Stage::EndOfData);
        if !asked.accepted() {
            return asked;
        }
        let delivered = self.deliver();
        Verdict { decision: delivered.decision, tarpit: asked.tarpit + delivered.tarpit }
    }

    /// The message is accepted: reputation moves, and recipients are judged where the provider judges them only now.
    fn deliver(&mut self) -> Verdict {
        let Some(envelope) = self.context.message().copied() else { return Verdict::ACCEPT };
        let recipients = self.context.session().recipients();
        let (mut unknown, mut traps) = (0_u32, 0_u32);
        for recipient in recipients {
            unknown += u32::from(recipient.mailbox == Some(Mailbox::Unknown));
            traps += u32::from(recipient.mailbox == Some(Mailbox::Trap));
        }
        let all = recipients.len();
        let tarpit = if self.compiled.has_late_mailboxes() { self.judge_late() } else { Span::ZERO };
        let (now, scoring) = (self.context.now(), self.policy.scoring());
        self.context.change_reputations(|reputation: &mut Reputation| {
            let (model, tiers) = (scoring.model, scoring.tiers);
            reputation.accepted(now, scoring);
            (0..unknown).for_each(|_| reputation.lose(model.unknown_recipient, tiers));
            (0..traps).for_each(|_| reputation.lose(model.spam_trap, tiers));
            if !envelope.passes(Auth::Either) {
                reputation.lose(model.unauthenticated, tiers);
            }
        });
        let decision = match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == all => Decision::Refuse(*refusal),
            _ => Decision::Accept,
        };
        Verdict { decision, tarpit }
    }

    /// Takes steps in order; the first refusal wins.
    fn ask(&mut self, steps: &[RuleStep]) -> Verdict {
        let mut tarpit = Span::ZERO;
        for step in steps {
            if self.permits(step) {
                continue;
            }
            match self.apply_violation(step) {
                RuleAction::Tarpit(span) => tarpit += span,
                action @ (RuleAction::Reply { .. } | RuleAction::Drop) => {
                    return refused(usize::from(step.rule), action, tarpit);
                }
            }
        }
        Verdict { decision: Decision::Accept, tarpit }
    }

    /// Takes a step. Whether the rule lets the command pass; counts if it does, or if attempts count.
    #[inline]
    fn permits(&mut self, step: &RuleStep) -> bool {
        let rule = usize::from(step.rule);
        match &step.operation {
            // Mostly a rule holds no client.
            Operation::CheckHold(_) => self.rules[rule].holds().is_empty() || self.hold_action(step).is_none(),
            Operation::Check(check) => check.permits(&self.context, || self.rules[rule].state_mut()),
            Operation::Limit(limit) => self.rules[rule].state_mut().limit_mut().permits(limit, rule, &mut self.context),
        }
    }

    /// A rule does not let the command pass: what it does about that.
    fn apply_violation(&mut self, step: &RuleStep) -> RuleAction {
        let rule = usize::from(step.rule);
        if let Some(action) = self.hold_action(step) {
            self.rules[rule].count_refusal();
            return action;
        }
        self.record_violation(rule);
        self.policy.rules[rule].action
    }

    /// What is done about a command because the step's rule holds whom it comes from; `None` where it is no hold.
    fn hold_action(&self, step: &RuleStep) -> Option<RuleAction> {
        let Operation::CheckHold(scope) = step.operation else { return None };
        let rule = usize::from(step.rule);
        let hold = self.policy.rules[rule].hold.as_ref()?;
        self.rules[rule].holds().action(self.context.key(scope), self.context.now(), hold)
    }

    /// A rule is broken: that costs reputation, and may begin a hold.
    fn record_violation(&mut self, rule: usize) {
        let Self { context, policy, rules, .. } = self;
        let broken = &policy.rules[rule];
        rules[rule].count_refusal();
        if let Some(hold) = &broken.hold {
            let key = context.key(broken.kind.hold_scope());
            rules[rule].holds_mut().violate(key, context.now(), hold);
        }
        self.penalize(broken.cost);
    }

    /// Costs the client, and its sender domain where it is known, a share of their reputation.
    fn penalize(&mut self, share: Fraction) {
        let tiers = &self.policy.tiers;
        self.context.change_reputations(|reputation| reputation.lose(share, tiers));
    }

    /// Whether it was a look at the mailbox that refused: who is refused for something else is not known to be unknown.
    fn is_look_at(&self, verdict: &Verdict, mailbox: Mailbox) -> bool {
        let Decision::Refuse(refusal) = verdict.decision else { return false };
        let RuleKind::Check(check) = self.policy.rules[refusal.rule.index()].kind else { return false };
        check == Check::Mailbox(mailbox)
    }

    /// Judges every recipient at the end of data; the tarpits together.
    fn judge_late(&mut self) -> Span {
        let mut tarpit = Span::ZERO;
        for (n, place) in (0..self.context.session().recipients().len()).zip(0_u32..) {
            let recipient = self.context.session().recipients()[n];
            let Some(rule) = self.compiled.late_rule(recipient.mailbox) else { continue };
            self.context.set_recipient(Some(recipient));
            self.record_violation(rule);
            match self.policy.rules[rule].action {
                RuleAction::Tarpit(span) => tarpit += span,
                action @ (RuleAction::Reply { .. } | RuleAction::Drop) => {
                    self.undeliverable.push((place, Refusal { rule: RuleId::from_index(rule), action }));
                }
            }
        }
        tarpit
    }
}

fn refused(rule: usize, action: RuleAction, tarpit: Span) -> Verdict {
    Verdict { decision: Decision::Refuse(Refusal { rule: RuleId::from_index(rule), action }), tarpit }
}
