//! Whose reputation counts, and what moves it: the engine's side of `reputation.rs`.

use super::engine::{Asker, Provider};
use super::policy::{Answer, Auth, Mailbox, Policy, Standing, Test};
use super::reputation::Reputation;
use super::verdict::{Decision, Refusal};
use crate::time::{Span, Time};
use crate::units::{ClientId, RuleId, SenderDomainId, SessionId, Share};

impl Provider {
    /// Costs the session's client, and its sender domain where it is known, a share of their reputation.
    pub(super) fn blame(&mut self, session: SessionId, share: Share) {
        if share == Share::NONE {
            return;
        }
        let state = &self.sessions[session.index()];
        self.clients[state.client.index()].1.lose(share, &self.policy.tiers);
        if let Some(sender) = state.envelope.and_then(|message| self.senders.get_mut(message.sender_domain.index())) {
            sender.lose(share, &self.policy.tiers);
        }
    }

    /// The message is accepted: reputation moves, and recipients are judged where the provider judges them only now.
    /// Says too how much later the reply comes.
    pub(super) fn deliver(&mut self, now: Time, session: SessionId) -> (Decision, Span) {
        let state = &self.sessions[session.index()];
        let Some(envelope) = state.envelope else { return (Decision::Accept, Span::ZERO) };
        let (client, count) = (state.client, state.addressees.len());
        let (mut unknown, mut traps) = (0_u32, 0_u32);
        for who in &state.addressees {
            unknown += u32::from(who.mailbox == Mailbox::Unknown);
            traps += u32::from(who.mailbox == Mailbox::Trap);
        }
        let tarpit = if self.steps.late.is_empty() { Span::ZERO } else { self.judge_late(now, session) };
        let Self { policy, clients, senders, .. } = self;
        let move_standing = |reputation: &mut Reputation| {
            reputation.accepted(now, policy);
            let Policy { reputation: model, tiers, .. } = &*policy;
            (0..unknown).for_each(|_| reputation.lose(model.unknown_recipient, tiers));
            (0..traps).for_each(|_| reputation.lose(model.spam_trap, tiers));
            if !envelope.passes(Auth::Either) {
                reputation.lose(model.unauthenticated, tiers);
            }
        };
        move_standing(&mut clients[client.index()].1);
        if let Some(sender) = senders.get_mut(envelope.sender_domain.index()) {
            move_standing(sender);
        }
        let decision = match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == count => Decision::Refuse(*refusal),
            _ => Decision::Accept,
        };
        (decision, tarpit)
    }

    /// Judges every recipient at the end of data; the tarpits together.
    fn judge_late(&mut self, now: Time, session: SessionId) -> Span {
        let mut tarpit = Span::ZERO;
        for n in 0..self.sessions[session.index()].addressees.len() {
            let who = self.sessions[session.index()].addressees[n];
            let Some((_, rule)) = self.steps.late.iter().find(|(mailbox, _)| *mailbox == who.mailbox) else { continue };
            let rule = RuleId(*rule);
            self.violated(rule.index(), &self.asker(now, session, Some(&who)));
            match self.policy.rules[rule.index()].answer {
                Answer::Tarpit(span) => tarpit += span,
                answer => {
                    self.undeliverable.push((u32::try_from(n).unwrap_or(u32::MAX), Refusal { rule, answer }));
                }
            }
        }
        tarpit
    }

    /// Tosses a coin of a rule's own: how often another rule is asked does not move it.
    pub(super) fn toss(&mut self, rule: usize, share: Share) -> bool {
        let tossed = &mut self.rules[rule].tossed;
        *tossed += 1;
        share == Share::ALL || self.coins.share(rule as u64, *tossed) < share.get()
    }

    pub(super) fn score(&self, of: Standing, asker: &Asker<'_>) -> Share {
        let client = self.clients[asker.client.index()].1.score();
        let sender = asker.sender.and_then(|sender| self.senders.get(sender.index())).map(Reputation::score);
        match (of, sender) {
            (Standing::SenderDomain, Some(sender)) => sender,
            (Standing::Lower, Some(sender)) if sender < client => sender,
            _ => client,
        }
    }

    /// The number that a limit allows this client, writing as this sender, at `now`; `None` where there is none, or the
    /// rule is no limit.
    pub fn ceiling(&self, now: Time, rule: RuleId, client: ClientId, sender: Option<SenderDomainId>) -> Option<u32> {
        let Test::Limit(limit) = &self.policy.rules[rule.index()].test else { return None };
        self.rules[rule.index()].limit(self.tier(limit.standing, client, sender), self.clock(now))
    }

    #[inline]
    pub(super) fn tier(&self, of: Standing, client: ClientId, sender: Option<SenderDomainId>) -> usize {
        let client = self.clients[client.index()].1.tier();
        let sender = sender.and_then(|sender| self.senders.get(sender.index())).map(Reputation::tier);
        match (of, sender) {
            (Standing::SenderDomain, Some(sender)) => sender,
            (Standing::Lower, Some(sender)) => sender.min(client),
            _ => client,
        }
    }
}
