//! The engine: one provider, its clients and its sessions. Pure: told the time, asked for verdicts.
//!
//! Contract: a session is made by [`Provider::connect`] and lives until [`Provider::close`]; in between the stages come
//! in the order of SMTP, and a transaction ends with [`Provider::end_of_data`] or [`Provider::abort`]. A verdict that
//! closes ([`Refusal::closes`]) obliges the caller to call `close`. Nothing here allocates once every client and every
//! session slot has been seen.

use super::clock::ProviderClock;
use super::compiled_rules::CompiledRules;
use super::context::RuleContext;
use super::enforcement::Enforcement;
use super::forecast::{Forecast, Forecaster};
use super::forecast_subject::{ProposedConnection, ProposedMessage};
use super::identities::{Client, Identities};
use super::limit_value::LimitBasis as _;
use super::message::{Envelope, Recipient};
use super::policy::{ListenerCapacity, Policy, PolicyChange};
use super::reputation::{History, ReputationOf};
use super::rule::{Meter, RuleKind};
use super::rule_runtime::{RuleRuntime, RuleStats};
use super::session::{Session, Sessions, SlotOf};
use super::unknown_seeds::{allowance_seed, changed_limits_seed};
use super::verdict::{Refusal, Verdict};
use crate::rng::{Seed, Seeds};
use crate::smtp::Stage;
use crate::time::{Span, Time};
use crate::units::{AccountId, ClientId, Fraction, HostId, RuleId, SenderDomainId, SessionId};

/// A provider at work.
#[derive(Clone, Debug)]
pub struct Provider {
    policy: Policy,
    rules: Vec<RuleRuntime>,
    /// Follows from the policy and the limits of the rules.
    compiled: CompiledRules,
    identities: Identities,
    sessions: Sessions,
    clock: ProviderClock,
    /// What limits that are changed later are drawn from.
    changed_limits: Seed,
    undeliverable: Vec<(u32, Refusal)>,
    /// By what one recipient is likelier than another to find mail in the junk.
    placement: Seed,
}

impl Provider {
    /// A provider under its seeds: unknown limits are drawn, weather is set. `day_starts` is the time of day at time
    /// zero.
    pub fn new(mut policy: Policy, seeds: Seeds, day_starts: Span) -> Self {
        let own = |seed: Seed| seed.named(&policy.name);
        let seeds = Seeds { chance: own(seeds.chance), unknowns: own(seeds.unknowns) };
        if let Some(model) = &mut policy.reputation {
            *model = model.drawn(allowance_seed(seeds.unknowns));
        }
        let rules: Vec<RuleRuntime> =
            policy.rules.iter().zip(0..).map(|(rule, place)| RuleRuntime::new(rule, place, seeds)).collect();
        Self {
            compiled: CompiledRules::new(&policy, &rules),
            rules,
            identities: Identities::default(),
            sessions: Sessions::default(),
            clock: ProviderClock::new(day_starts),
            changed_limits: changed_limits_seed(seeds.unknowns),
            undeliverable: Vec::new(),
            placement: seeds.chance.named("placement"),
            policy,
        }
    }

    /// The policy it enforces, changes included.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The listener, if connections are limited.
    pub const fn listener(&self) -> Option<ListenerCapacity> {
        self.policy.listener
    }

    /// So many clients and sender domains will be met: room for these, and no more.
    pub fn reserve(&mut self, clients: usize, senders: usize) {
        self.identities.reserve(clients, senders);
    }

    /// A client IP that the provider has not met before. Clients are numbered in the order in which they are met.
    pub fn meet_client(&mut self, now: Time, client: Client) -> ClientId {
        self.identities.meet_client(client, self.clock.at(now), self.policy.scoring())
    }

    /// A sender domain that the provider has not met before. Domains are numbered in the order in which they are met.
    pub fn meet_sender(&mut self, now: Time, history: &History) -> SenderDomainId {
        self.identities.meet_sender(history, self.clock.at(now), self.policy.scoring())
    }

    /// A client IP that the provider has not met before takes the number of one that it has forgotten, having seen
    /// nothing of it for [`FORGOTTEN_AFTER`](super::FORGOTTEN_AFTER).
    pub fn meet_client_as(&mut self, now: Time, forgotten: ClientId, client: Client) {
        self.identities.replace_client(forgotten, client, self.clock.at(now), self.policy.scoring());
    }

    /// A sender domain that the provider has not met before takes the number of one that it has forgotten.
    pub fn meet_sender_as(&mut self, now: Time, forgotten: SenderDomainId, history: &History) {
        self.identities.replace_sender(forgotten, history, self.clock.at(now), self.policy.scoring());
    }

    /// A client connects to the first MX host. Refused, there is no session.
    pub fn connect(&mut self, now: Time, client: ClientId) -> (Option<SessionId>, Verdict) {
        self.connect_to(now, client, HostId(0))
    }

    /// A client connects to an MX host. Refused, there is no session.
    pub fn connect_to(&mut self, now: Time, client: ClientId, host: HostId) -> (Option<SessionId>, Verdict) {
        self.identities.connect(self.clock.at(now), client, self.policy.scoring());
        let session = self.sessions.open(now, client, host, self.policy.rules.len());
        for rule in self.compiled.per_session() {
            self.rules[usize::from(*rule)].state_mut().limit_mut().reset(u64::from(session.0));
        }
        let mut verdict = self.command(now, session, Stage::Connect);
        if verdict.accepted() {
            verdict.tarpit += self.compiled.greeting_delay();
            return (Some(session), verdict);
        }
        self.close(session);
        (None, verdict)
    }

    /// The client of a session talks before the greeting that [`Provider::connect`] has put off. The rules about that
    /// are asked in the order of the profile, and the first refusal wins; refused, the session is over.
    pub fn talks_early(&mut self, now: Time, session: SessionId) -> Verdict {
        let verdict = self.enforcement(now, session, None).early_talk();
        if !verdict.accepted() {
            self.close(session);
        }
        verdict
    }

    /// How long a client may say nothing before [`Provider::idle_expired`] is to be asked; `None` is without end.
    pub fn idle_limit(&self) -> Option<Span> {
        self.compiled.idle_limit()
    }

    /// The client of a session has said nothing for as long as it may.
    pub fn idle_expired(&mut self, now: Time, session: SessionId) -> Verdict {
        self.enforcement(now, session, None).idle_expired()
    }

    /// A command that does nothing for a message: NOOP, HELP, VRFY, RSET outside of a transaction, EHLO said again.
    pub fn idle_command(&mut self, now: Time, session: SessionId) -> Verdict {
        self.enforcement(now, session, None).idle_command()
    }

    /// An AUTH has failed.
    pub fn auth_failed(&mut self, now: Time, session: SessionId) -> Verdict {
        self.enforcement(now, session, None).auth_failed()
    }

    /// EHLO.
    pub fn ehlo(&mut self, now: Time, session: SessionId) -> Verdict {
        self.command(now, session, Stage::Ehlo)
    }

    /// The client of a session has logged in to an account (AUTH). Accounts are numbered by the caller.
    pub fn log_in(&mut self, session: SessionId, account: AccountId) {
        self.sessions.get_mut(session).log_in(account);
    }

    /// MAIL. Refused, there is no transaction.
    pub fn mail(&mut self, now: Time, session: SessionId, envelope: Envelope) -> Verdict {
        self.sessions.get_mut(session).begin_message(envelope, self.compiled.per_message());
        let verdict = self.command(now, session, Stage::Mail);
        if !verdict.accepted() {
            self.abort(session);
        }
        verdict
    }

    /// RCPT. Refused, the transaction goes on without this recipient.
    pub fn rcpt(&mut self, now: Time, session: SessionId, recipient: Recipient) -> Verdict {
        self.enforcement(now, session, Some(recipient)).rcpt(recipient)
    }

    /// DATA.
    pub fn data(&mut self, now: Time, session: SessionId) -> Verdict {
        self.command(now, session, Stage::Data)
    }

    /// The message has so many bytes, whatever MAIL announced. For a world in which they can differ.
    pub fn set_message_size(&mut self, session: SessionId, bytes: u32) {
        self.sessions.get_mut(session).set_message_size(bytes);
    }

    /// The end of data. The transaction is over, whatever the verdict. Recipients that an accepted message does not
    /// reach (unknown users where the provider says so only now) are listed in [`Provider::undeliverable`].
    pub fn end_of_data(&mut self, now: Time, session: SessionId) -> Verdict {
        let verdict = self.enforcement(now, session, None).end_of_data();
        self.abort(session);
        verdict
    }

    /// Recipients of the last accepted message whom it does not reach: place among the accepted recipients, and why.
    pub fn undeliverable(&self) -> &[(u32, Refusal)] {
        &self.undeliverable
    }

    /// Whether mail of this client and sender reaches the inbox of a recipient, as their reputation stands. What
    /// reaches it at one score reaches it at every better one.
    pub fn reaches_inbox(&self, client: ClientId, sender: SenderDomainId, recipient: u64) -> bool {
        self.policy.placement.is_none_or(|placement| {
            let score = self.identities.basis(client, Some(sender)).score(ReputationOf::Lower);
            self.placement.share(recipient, 0) < placement.inbox_share(score).get()
        })
    }

    /// The transaction is over without a message.
    pub fn abort(&mut self, session: SessionId) {
        self.sessions.get_mut(session).end_message();
        self.give_up_slots(session, SlotOf::Transaction);
    }

    /// The session is over.
    pub fn close(&mut self, session: SessionId) {
        self.abort(session);
        self.give_up_slots(session, SlotOf::Session);
        self.sessions.close(session);
    }

    /// A recipient complains about a message from this client and sender.
    pub fn complain(&mut self, now: Time, client: ClientId, sender: SenderDomainId) {
        self.identities.complain(self.clock.at(now), client, sender, self.policy.scoring());
    }

    /// An administrator changes the policy, or what follows from it.
    pub fn apply(&mut self, now: Time, change: &PolicyChange) {
        match change {
            PolicyChange::Limit(rule, value) => {
                if let RuleKind::Limit(limit) = &mut self.policy.rules[rule.index()].kind {
                    limit.value = value.clone();
                    self.rules[rule.index()].state_mut().limit_mut().set_value(value, self.changed_limits, rule.0);
                }
            }
            PolicyChange::Enabled(rule, enabled) => self.policy.rules[rule.index()].enabled = *enabled,
            PolicyChange::Reputation(client, score) => {
                if let Some(standing) = self.identities.client_mut(*client) {
                    standing.set(*score, self.clock.at(now), self.policy.scoring());
                }
            }
        }
        self.compiled = CompiledRules::new(&self.policy, &self.rules);
    }

    /// All is as it was when `start` was copied, but for the time and for who is connected. The policy, changes undone;
    /// counters, holds, greylists and weather; the reputation of those whom `start` knew. Identities met since are
    /// newcomers. Sessions go on with their numbers: they keep their slots under limits on what is open, even where
    /// there are now fewer, and what they have used up within the session.
    pub fn reset_to(&mut self, start: &Self, now: Time) {
        self.policy.clone_from(&start.policy);
        self.rules.clone_from(&start.rules);
        self.compiled.clone_from(&start.compiled);
        self.identities.reset_to(&start.identities, self.clock.at(now), self.policy.scoring());
        for (rule, key) in self.sessions.iter_open().flat_map(Session::slots) {
            self.rules[rule].state_mut().limit_mut().retake_slot(key);
        }
    }

    /// The rules that hold a client at `now`, and until when: by its IP, its network, or its IP towards some recipient
    /// domain. Holds for a sender domain, a recipient or all clients are not its own.
    pub fn active_holds(&self, now: Time, client: ClientId) -> Vec<(RuleId, Time)> {
        let network = self.identities.network(client);
        let rules = self.policy.rules.iter().zip(&self.rules).enumerate();
        let active = rules.filter_map(|(place, (rule, runtime))| {
            let keys = rule.hold.as_ref().and(rule.kind.hold_scope().keys_of_client(client, network))?;
            Some((RuleId::from_index(place), runtime.holds().held_until(keys, now)?))
        });
        active.collect()
    }

    /// Ends every hold of a client, and forgets what led to it: its next violation is its first. How many holds of
    /// rules ended.
    pub fn release_holds(&mut self, now: Time, client: ClientId) -> usize {
        let network = self.identities.network(client);
        let rules = self.policy.rules.iter().zip(&mut self.rules);
        let released = rules.filter_map(|(rule, runtime)| {
            let keys = rule.hold.as_ref().and(rule.kind.hold_scope().keys_of_client(client, network))?;
            Some(runtime.holds_mut().release(keys, now))
        });
        released.sum()
    }

    /// The reputation of a client IP at `now`.
    pub fn reputation(&self, now: Time, client: ClientId) -> Fraction {
        self.identities.client(client).seen_at(self.clock.at(now), self.policy.scoring()).score()
    }

    /// What a client IP may send a day, by its own history as it stands at `now`, in recipients; infinite where the
    /// provider minds no volume.
    pub fn allowance(&self, now: Time, client: ClientId) -> f64 {
        self.identities.client(client).seen_at(self.clock.at(now), self.policy.scoring()).allowance()
    }

    /// The reputation of a sender domain at `now`; `None` if it was never met.
    pub fn sender_reputation(&self, now: Time, sender: SenderDomainId) -> Option<Fraction> {
        Some(self.identities.sender(sender)?.seen_at(self.clock.at(now), self.policy.scoring()).score())
    }

    /// Sessions open now.
    pub const fn open_sessions(&self) -> u32 {
        self.sessions.count_open()
    }

    /// The number that a limit allows this client, writing as this sender, at `now`; `None` where there is none, or the
    /// rule is no limit.
    pub fn limit(&self, now: Time, rule: RuleId, client: ClientId, sender: Option<SenderDomainId>) -> Option<u32> {
        let RuleKind::Limit(limit) = &self.policy.rules[rule.index()].kind else { return None };
        let basis = self.identities.basis(client, sender);
        self.rules[rule.index()].state().limit().drawn().at(limit.judged_by(), &basis, self.clock.at(now))
    }

    /// The tightest limit on open connections of one client now; `None` if there is none.
    pub fn open_connection_limit(&self, now: Time, client: ClientId) -> Option<u32> {
        let rules = self.policy.rules.iter().enumerate();
        let gauges = rules.filter(|(_, rule)| {
            let is_of_connections = match &rule.kind {
                RuleKind::Limit(limit) => limit.meter == Meter::OpenConnections,
                RuleKind::Check(_) => false,
            };
            rule.enabled && is_of_connections
        });
        gauges.filter_map(|(place, _)| self.limit(now, RuleId::from_index(place), client, None)).min()
    }

    /// What rule number `rule` has done until `now`.
    pub fn activity(&self, rule: RuleId, now: Time) -> RuleStats {
        self.rules[rule.index()].stats(now)
    }

    /// The first moment at which a connection would pass, and, once it is set up, `message` on it: `now`, or later, or
    /// never by itself.
    pub fn may_connect(&self, now: Time, connection: ProposedConnection, message: &ProposedMessage) -> Time {
        self.forecaster().connection(now, connection, message)
    }

    /// What would happen to a transaction with `message` on `session`.
    pub fn may_send(&self, now: Time, session: SessionId, message: &ProposedMessage) -> Forecast {
        self.forecaster().transaction(now, session, message)
    }

    /// How long after a refusal by `rule` the same thing may pass, where the rule itself says so (greylisting).
    pub fn retry_delay(&self, rule: RuleId) -> Option<Span> {
        match &self.policy.rules[rule.index()].kind {
            RuleKind::Check(check) => check.kind().retry_delay(),
            RuleKind::Limit(_) => None,
        }
    }

    /// A command about a connection or a message.
    fn command(&mut self, now: Time, session: SessionId, stage: Stage) -> Verdict {
        if self.compiled.at(stage).is_empty() {
            return Verdict::ACCEPT;
        }
        self.enforcement(now, session, None).command(stage)
    }

    /// A command of a session before the rules; with the recipient that it names.
    fn enforcement(&mut self, now: Time, session: SessionId, recipient: Option<Recipient>) -> Enforcement<'_> {
        let Self { policy, rules, compiled, identities, sessions, clock, undeliverable, placement, .. } = self;
        let context = RuleContext::new(now, clock.at(now), sessions.get_mut(session), recipient, identities);
        Enforcement { context, policy, rules, compiled, undeliverable, placement: *placement }
    }

    /// Mostly there are none, and that is seen at once.
    #[inline]
    fn give_up_slots(&mut self, session: SessionId, of: SlotOf) {
        if self.sessions.get(session).has_slots(of) {
            self.release_slots(session, of);
        }
    }

    #[inline(never)]
    fn release_slots(&mut self, session: SessionId, of: SlotOf) {
        let rules = &mut self.rules;
        let release = |rule: usize, key| rules[rule].state_mut().limit_mut().release_slot(key);
        self.sessions.get_mut(session).give_up_slots(of, release);
    }

    fn forecaster(&self) -> Forecaster<'_> {
        let Self { policy, rules, sessions, identities, clock, .. } = self;
        Forecaster { policy, rules, sessions, identities, clock: *clock }
    }
}
