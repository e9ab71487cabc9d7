//! Whose reputation counts, and what moves it: the engine's side of `reputation.rs`.

use super::context::RuleContext;
use super::engine::Provider;
use super::policy::{Auth, Check, Mailbox, ReputationOf, RuleAction, RuleKind};
use super::reputation::Reputation;
use super::verdict::{Decision, Refusal, Verdict};
use crate::time::{Span, Time};
use crate::units::{ClientId, Fraction, RuleId, SenderDomainId};

impl RuleContext<'_> {
    /// Costs the client, and its sender domain where it is known, a share of their reputation.
    pub(super) fn penalize(&mut self, share: Fraction) {
        self.reputation.lose(share, &self.policy.tiers);
        if let Some(sender) = self.session.sender().and_then(|sender| self.senders.get_mut(sender.index())) {
            sender.lose(share, &self.policy.tiers);
        }
    }

    /// Whether it was a look at the mailbox that refused: who is refused for something else is not known to be unknown.
    pub(super) fn looked_up(&self, verdict: &Verdict, mailbox: Mailbox) -> bool {
        let Decision::Refuse(refusal) = verdict.decision else { return false };
        matches!(self.policy.rules[refusal.rule.index()].kind, RuleKind::Check(Check::Mailbox(asked)) if asked == mailbox)
    }

    /// The message is accepted: reputation moves, and recipients are judged where the provider judges them only now.
    /// Says too how much later the reply comes.
    pub(super) fn deliver(&mut self) -> (Decision, Span) {
        let Some(envelope) = self.session.envelope else { return (Decision::Accept, Span::ZERO) };
        let (mut unknown, mut traps) = (0_u32, 0_u32);
        for who in &self.session.recipients {
            unknown += u32::from(who.mailbox == Mailbox::Unknown);
            traps += u32::from(who.mailbox == Mailbox::Trap);
        }
        let tarpit = if self.steps.late.is_empty() { Span::ZERO } else { self.judge_late() };
        let (now, policy) = (self.now, self.policy);
        let move_standing = |reputation: &mut Reputation| {
            let (model, tiers) = (&policy.reputation, &policy.tiers);
            reputation.accepted(now, policy);
            (0..unknown).for_each(|_| reputation.lose(model.unknown_recipient, tiers));
            (0..traps).for_each(|_| reputation.lose(model.spam_trap, tiers));
            if !envelope.passes(Auth::Either) {
                reputation.lose(model.unauthenticated, tiers);
            }
        };
        move_standing(self.reputation);
        if let Some(sender) = self.senders.get_mut(envelope.sender_domain.index()) {
            move_standing(sender);
        }
        let decision = match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == self.session.recipients.len() => {
                Decision::Refuse(*refusal)
            }
            _ => Decision::Accept,
        };
        (decision, tarpit)
    }

    /// Judges every recipient at the end of data; the tarpits together.
    fn judge_late(&mut self) -> Span {
        let mut tarpit = Span::ZERO;
        for n in 0..self.session.recipients.len() {
            let who = self.session.recipients[n];
            let Some((_, rule)) = self.steps.late.iter().find(|(mailbox, _)| *mailbox == who.mailbox) else { continue };
            let rule = RuleId(*rule);
            self.who = Some(who);
            self.record_violation(rule.index());
            match self.policy.rules[rule.index()].action {
                RuleAction::Tarpit(span) => tarpit += span,
                action => {
                    self.undeliverable.push((u32::try_from(n).unwrap_or(u32::MAX), Refusal { rule, action }));
                }
            }
        }
        tarpit
    }

    /// Tosses a coin of a rule's own: how often another rule is asked does not move it.
    pub(super) fn bernoulli(&mut self, rule: usize, share: Fraction) -> bool {
        let draws = &mut self.rules[rule].draws;
        *draws += 1;
        share == Fraction::ALL || self.coins.share(rule as u64, *draws) < share.get()
    }

    /// The score that counts.
    pub(super) fn score(&self, of: ReputationOf) -> Fraction {
        of.choose(self.reputation.score(), self.sender().map(Reputation::score))
    }

    /// The tier that counts.
    #[inline]
    pub(super) fn tier(&self, of: ReputationOf) -> usize {
        of.choose(self.reputation.tier(), self.sender().map(Reputation::tier))
    }
}

impl Provider {
    /// The number that a limit allows this client, writing as this sender, at `now`; `None` where there is none, or the
    /// rule is no limit.
    pub fn ceiling(&self, now: Time, rule: RuleId, client: ClientId, sender: Option<SenderDomainId>) -> Option<u32> {
        let RuleKind::Limit(limit) = &self.policy.rules[rule.index()].kind else { return None };
        self.rules[rule.index()].limit(self.tier(limit.reputation_of, client, sender), self.clock(now))
    }

    /// The tier that counts for a client that writes as this sender.
    pub(super) fn tier(&self, of: ReputationOf, client: ClientId, sender: Option<SenderDomainId>) -> usize {
        let sender = sender.and_then(|sender| self.senders.get(sender.index()));
        of.choose(self.clients[client.index()].1.tier(), sender.map(Reputation::tier))
    }
}

impl ReputationOf {
    /// Which of the two counts, the client's or that of the sender domain, where it is known.
    #[inline]
    fn choose<T: PartialOrd>(self, client: T, sender: Option<T>) -> T {
        match (self, sender) {
            (Self::SenderDomain, Some(sender)) => sender,
            (Self::Lower, Some(sender)) if sender < client => sender,
            _ => client,
        }
    }
}
