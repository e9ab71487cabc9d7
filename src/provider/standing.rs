//! Whose reputation counts, and what moves it: the engine's side of `reputation.rs`.

use super::engine::Provider;
use super::policy::{Answer, Auth, Mailbox, Standing, Test};
use super::reputation::Reputation;
use super::rules::Step;
use super::verdict::{Addressee, Decision, Refusal};
use crate::smtp::Stage;
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
        let mut tarpit = Span::ZERO;
        let Some(envelope) = state.envelope else { return (Decision::Accept, tarpit) };
        let (client, count) = (state.client, state.addressees.len());
        let (mut unknown, mut traps) = (0_u32, 0_u32);
        for n in 0..count {
            let who = self.sessions[session.index()].addressees[n];
            unknown += u32::from(who.mailbox == Mailbox::Unknown);
            traps += u32::from(who.mailbox == Mailbox::Trap);
            match self.judge_late(now, session, who) {
                Some(Refusal { answer: Answer::Tarpit(span), .. }) => tarpit += span,
                Some(refusal) => self.undeliverable.push((u32::try_from(n).unwrap_or(u32::MAX), refusal)),
                None => {}
            }
        }
        let model = self.policy.reputation;
        let parties = [Some(&mut self.clients[client.index()].1), self.senders.get_mut(envelope.sender_domain.index())];
        for reputation in parties.into_iter().flatten() {
            reputation.accepted(now, &self.policy);
            for _ in 0..unknown {
                reputation.lose(model.unknown_recipient, &self.policy.tiers);
            }
            for _ in 0..traps {
                reputation.lose(model.spam_trap, &self.policy.tiers);
            }
            if !envelope.passes(Auth::Either) {
                reputation.lose(model.unauthenticated, &self.policy.tiers);
            }
        }
        let decision = match self.undeliverable.first() {
            Some((_, refusal)) if self.undeliverable.len() == count => Decision::Refuse(*refusal),
            _ => Decision::Accept,
        };
        (decision, tarpit)
    }

    /// Asks the rules that judge a recipient at the end of data.
    pub(super) fn judge_late(&mut self, now: Time, session: SessionId, who: Addressee) -> Option<Refusal> {
        for n in 0..self.steps[Stage::EndOfData as usize].len() {
            let Step::Ask(rule) = self.steps[Stage::EndOfData as usize][n] else { continue };
            let index = usize::from(rule);
            let judged = matches!(self.policy.rules[index].test, Test::Mailbox(mailbox) if mailbox == who.mailbox);
            if judged && self.policy.rules[index].enabled {
                self.violated(index, now, session, Some(who));
                return Some(Refusal { rule: RuleId(rule), answer: self.policy.rules[index].answer });
            }
        }
        None
    }

    /// Tosses a coin of a rule's own: how often another rule is asked does not move it.
    pub(super) fn toss(&mut self, rule: usize, share: Share) -> bool {
        let tossed = &mut self.rules[rule].tossed;
        *tossed += 1;
        share == Share::ALL || self.coins.share(rule as u64, *tossed) < share.get()
    }

    pub(super) fn score(&self, of: Standing, session: SessionId) -> Share {
        let state = &self.sessions[session.index()];
        let client = self.clients[state.client.index()].1.score();
        let sender =
            state.envelope.and_then(|message| self.senders.get(message.sender_domain.index())).map(Reputation::score);
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
        self.limit(rule.index(), limit, self.tier(limit.standing, client, sender), self.clock(now))
    }

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
