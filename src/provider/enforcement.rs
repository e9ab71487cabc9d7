//! One command before the rules: asks them, and does what follows from what they say.

use super::compiled_rules::{CompiledRules, Operation, RuleStep};
use super::context::RuleContext;
use super::limit_value::LimitBasis as _;
use super::message::{Auth, Envelope, Mailbox, Recipient};
use super::policy::Policy;
use super::reputation::{AcceptedMail, ReputationOf, Standing};
use super::rule::{Check, RuleKind};
use super::rule_runtime::RuleRuntime;
use super::verdict::{Decision, Refusal, RuleAction, Verdict};
use crate::rng::Seed;
use crate::smtp::Stage;
use crate::time::Span;
use crate::units::RuleId;

/// One command before the rules.
pub(super) struct Enforcement<'a> {
    pub(super) context: RuleContext<'a>,
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a mut [RuleRuntime],
    pub(super) compiled: &'a CompiledRules,
    /// Recipients of an accepted message whom it does not reach: place among the accepted ones, and why.
    pub(super) undeliverable: &'a mut Vec<(u32, Refusal)>,
    /// By what one recipient is likelier than another to find mail in the junk.
    pub(super) placement: Seed,
}

impl Enforcement<'_> {
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
            let (clock, scoring) = (self.context.clock(), self.policy.scoring());
            self.context.change_standings(|standing| standing.unknown_recipient(clock, scoring));
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

    /// A client has said nothing for as long as it may. Asks the rule about that.
    pub(super) fn idle_expired(&mut self) -> Verdict {
        self.ask(self.compiled.on_idle())
    }

    /// A command does nothing for a message. Asks the limits that count those.
    pub(super) fn idle_command(&mut self) -> Verdict {
        self.ask(self.compiled.on_idle_command())
    }

    /// An AUTH has failed. Asks the limits that count those.
    pub(super) fn auth_failed(&mut self) -> Verdict {
        self.ask(self.compiled.on_auth_failure())
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

    /// The message is accepted: it is placed, reputation moves, and recipients are judged where the provider judges
    /// them only now.
    fn deliver(&mut self) -> Verdict {
        let Some(envelope) = self.context.message().copied() else { return Verdict::ACCEPT };
        let all = self.context.session().recipients().len();
        let tarpit = if self.compiled.has_late_mailboxes() { self.judge_late() } else { Span::ZERO };
        if self.policy.reputation.is_some() || self.policy.placement.is_some() {
            self.score_accepted(&envelope);
        }
        let decision = match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == all => Decision::Refuse(*refusal),
            _ => Decision::Accept,
        };
        Verdict { decision, tarpit }
    }

    /// Places an accepted message, and adds it to what is known of its client and its sender domain.
    fn score_accepted(&mut self, envelope: &Envelope) {
        let share =
            self.policy.placement.map(|placement| placement.inbox_share(self.context.score(ReputationOf::Lower)));
        let mut mail = AcceptedMail {
            unauthenticated: !envelope.passes(Auth::Either),
            spam: envelope.spam,
            ..AcceptedMail::default()
        };
        for recipient in self.context.session().recipients() {
            mail.add(recipient, share.is_none_or(|share| self.placement.share(recipient.id, 0) < share.get()));
        }
        let (clock, scoring) = (self.context.clock(), self.policy.scoring());
        self.context.change_standings(|standing| standing.accept(&mail, clock, scoring));
    }

    /// Takes steps in order; the first refusal wins.
    fn ask(&mut self, steps: &[RuleStep]) -> Verdict {
        let mut tarpit = Span::ZERO;
        let mut rest = steps;
        while let [step, later @ ..] = rest {
            rest = later;
            if self.permits(step) {
                continue;
            }
            match self.apply_violation(step) {
                RuleAction::Tarpit(span) => tarpit += span,
                action @ (RuleAction::Reply { .. } | RuleAction::Drop) => {
                    self.count_attempts(step.rule, later);
                    self.count_refusal(step);
                    return refused(usize::from(step.rule), action, tarpit);
                }
            }
        }
        Verdict { decision: Decision::Accept, tarpit }
    }

    /// Another rule has refused. Limits that count attempts, and would have been asked after it, count this one too.
    fn count_attempts(&mut self, refused_by: u16, later: &[RuleStep]) {
        for step in later.iter().filter(|step| step.rule != refused_by) {
            if let Operation::Limit(limit) = &step.operation
                && limit.counts_attempts()
            {
                let rule = usize::from(step.rule);
                self.rules[rule].state_mut().limit_mut().permits(limit, rule, &mut self.context);
            }
        }
    }

    /// A step has refused. Where that told the sender to slow down, limits on refusals count it, and the first one
    /// above such a limit breaks it.
    fn count_refusal(&mut self, step: &RuleStep) {
        let by = usize::from(step.rule);
        if !self.policy.rules[by].throttles() {
            return;
        }
        self.context.change_standings(Standing::throttle);
        let by_hold = matches!(step.operation, Operation::CheckHold(_));
        for (rule, limit) in self.compiled.on_refusals() {
            let rule = usize::from(*rule);
            let renewed = self.policy.rules[rule].hold.as_ref().is_some_and(|hold| hold.renewed);
            // Its own refusals count only where they are to: those by its hold if knocking renews it.
            let counts = rule != by || if by_hold { renewed } else { limit.counts_attempts() };
            if counts && !self.rules[rule].state_mut().limit_mut().add(limit, &self.context) {
                self.violate(rule);
                let key = self.context.key(self.policy.rules[rule].kind.hold_scope());
                // What led to a hold is paid for with it.
                self.rules[rule].state_mut().limit_mut().reset(key);
            }
        }
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
            if self.compiled.is_renewed_by_each(step.rule) {
                self.violate(rule);
            }
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

    /// A rule is broken, and refuses.
    fn record_violation(&mut self, rule: usize) {
        self.rules[rule].count_refusal();
        self.violate(rule);
    }

    /// A rule is broken: that may begin a hold, or renew one.
    fn violate(&mut self, rule: usize) {
        let Self { context, policy, rules, .. } = self;
        let broken = &policy.rules[rule];
        if let Some(hold) = &broken.hold {
            let key = context.key(broken.kind.hold_scope());
            rules[rule].holds_mut().violate(key, context.now(), hold);
        }
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
