//! A command before the rules: who asks, for whom, and all that a rule may look at or write into.
//!
//! Looked up once for all steps of a command. What single rules do with it is in `rules.rs`, whose reputation counts in
//! `standing.rs`.

use super::compiled_rules::{CompiledRules, Operation, RuleStep};
use super::engine::Session;
use super::hold::HoldRecord;
use super::policy::{Policy, RuleAction, Scope};
use super::reputation::Reputation;
use super::rules::RuleRuntime;
use super::verdict::{Client, Decision, Recipient, Refusal, Verdict};
use crate::rng::Seed;
use crate::time::{Span, Time};
use crate::units::{ClientId, NetworkId, RuleId, SenderDomainId, SessionId};

/// A command before the rules.
pub(super) struct RuleContext<'a> {
    pub(super) now: Time,
    /// The same on the provider's wall.
    pub(super) clock: Time,
    pub(super) id: SessionId,
    pub(super) session: &'a mut Session,
    /// The recipient that is named.
    pub(super) who: Option<Recipient>,
    pub(super) client: &'a Client,
    /// What the client has behind it.
    pub(super) reputation: &'a mut Reputation,
    /// What sender domains have behind them.
    pub(super) senders: &'a mut [Reputation],
    pub(super) policy: &'a Policy,
    pub(super) rules: &'a mut [RuleRuntime],
    pub(super) steps: &'a CompiledRules,
    pub(super) coins: Seed,
    /// Recipients of an accepted message whom it does not reach.
    pub(super) undeliverable: &'a mut Vec<(u32, Refusal)>,
}

/// Who asks, and for whom: all that keys of counters are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) session: SessionId,
    pub(super) client: ClientId,
    pub(super) network: NetworkId,
    /// The sender domain, once it is named.
    pub(super) sender: Option<SenderDomainId>,
    /// The recipient that is named.
    pub(super) who: Option<Recipient>,
}

impl RuleContext<'_> {
    /// Who asks. Put together where it is needed: mostly the client is all that a key is made of.
    #[inline]
    pub(super) fn subject(&self) -> Subject {
        Subject {
            session: self.id,
            client: self.session.client,
            network: self.client.network,
            sender: self.session.sender(),
            who: self.who,
        }
    }

    /// What the sender domain has behind it, once it is named.
    #[inline]
    pub(super) fn sender(&self) -> Option<&Reputation> {
        self.senders.get(self.session.sender()?.index())
    }

    /// Takes steps in order; the first refusal wins.
    pub(super) fn pass(&mut self, steps: &[RuleStep]) -> Verdict {
        let mut tarpit = Span::ZERO;
        for step in steps {
            if self.permits(step) {
                continue;
            }
            match self.apply_violation(step) {
                RuleAction::Tarpit(span) => tarpit += span,
                action => {
                    let refusal = Refusal { rule: RuleId(step.rule), action };
                    return Verdict { decision: Decision::Refuse(refusal), tarpit };
                }
            }
        }
        Verdict { decision: Decision::Accept, tarpit }
    }

    /// A rule does not let it pass: what it answers.
    fn apply_violation(&mut self, step: &RuleStep) -> RuleAction {
        let rule = usize::from(step.rule);
        if step.op == Operation::CheckHold
            && let Some(action) = self.held(step)
        {
            self.rules[rule].refused += 1;
            return action;
        }
        self.record_violation(rule);
        self.policy.rules[rule].action
    }

    /// Bookkeeping of a violation: cost, and perhaps a hold.
    pub(super) fn record_violation(&mut self, index: usize) {
        let rule = &self.policy.rules[index];
        self.penalize(rule.cost);
        self.rules[index].refused += 1;
        if let Some(hold) = &rule.hold {
            let (now, key) = (self.now, self.subject().key(rule.kind.hold_scope()));
            let state = &mut self.rules[index];
            let record = state.holds.entry(key, HoldRecord::default, |record| record.is_blank(now, hold));
            if let Some(span) = record.violate(now, hold) {
                state.holds_begun += 1;
                state.held += span;
            }
        }
    }
}

impl Subject {
    /// Whose counter a scope means here.
    #[inline]
    pub(super) fn key(&self, scope: Scope) -> u64 {
        let sender = || self.sender.map_or(0, |sender| u64::from(sender.0));
        let domain = || self.who.map_or(0, |who| u64::from(who.domain.0));
        let recipient = || self.who.map_or(0, |who| who.id);
        let client = u64::from(self.client.0);
        match scope {
            Scope::ClientIp => client,
            Scope::ClientNetwork => u64::from(self.network.0),
            Scope::SenderDomain => sender(),
            Scope::Recipient => SPARSE | recipient(),
            Scope::RecipientDomain => domain(),
            Scope::ClientIpAndRecipientDomain => SPARSE | client << 16 | domain(),
            Scope::SenderDomainAndRecipient => SPARSE | sender() << 48 | recipient(),
            Scope::Session => u64::from(self.session.0),
            Scope::Provider => 0,
        }
    }
}

/// Keys that are hashes or pairs stand above all small numbers.
pub(super) const SPARSE: u64 = 1 << 63;
