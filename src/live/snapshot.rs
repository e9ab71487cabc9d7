//! The state of a cluster at one moment, as values: for the admin API and the live table.

use std::cmp::Reverse;
use std::net::IpAddr;

use serde::Serialize;

use super::cluster::MxCluster;
use super::receiver_statistics::RefusalCause;
use super::shared_state::SharedState;
use crate::provider::{Policy, RuleKind};
use crate::smtp::{Class, Reply, Stage};
use crate::time::Time;
use crate::units::{ClientId, Fraction, ProviderId, RuleId};

/// The state of a cluster. Times are those of its clock.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterSnapshot {
    /// Seconds since the cluster was started.
    pub now_s: f64,
    /// Since when everything here has been counted: the start, or the last reset.
    pub since_s: f64,
    /// How many times faster than wall-clock time the cluster's clock runs.
    pub speed: f64,
    /// Ordered outcomes that wait for their messages.
    pub orders: usize,
    /// Every provider of the cluster, in its order.
    pub providers: Vec<ProviderSnapshot>,
    /// Clients that have been seen.
    pub clients_known: usize,
    /// Those of them with the most connections, by address.
    pub clients: Vec<ClientSnapshot>,
}

/// The state of a provider.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderSnapshot {
    /// The profile's name.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Sessions open now.
    pub open_sessions: u32,
    /// Connections that were made.
    pub connections: u64,
    /// Recipients delivered to.
    pub accepted: u64,
    /// Refusals by cause.
    pub refused: Vec<RefusalCount>,
    /// Its rules, in the order in which they are evaluated.
    pub rules: Vec<RuleSnapshot>,
}

/// The state of a rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleSnapshot {
    /// The rule's name.
    pub name: String,
    /// The stage at which it is evaluated.
    pub at: Stage,
    /// Whether it is evaluated.
    pub enabled: bool,
    /// Its limit in every tier, unknowns drawn, before it is scaled by load; empty for a rule without a limit.
    pub limits: Vec<TierLimit>,
    /// Attempts that it refused.
    pub refused: u64,
    /// Holds that it began.
    pub holds: u64,
    /// Seconds that clients spent in its holds.
    pub held_s: f64,
}

/// A limit in one tier.
#[derive(Clone, Debug, Serialize)]
pub struct TierLimit {
    /// The tier's name.
    pub tier: String,
    /// The limit; `None` is none.
    pub limit: Option<u32>,
}

/// Refusals with the same cause.
#[derive(Clone, Debug, Serialize)]
pub struct RefusalCount {
    /// The stage at which they happened.
    pub stage: Stage,
    /// The rule; `None` for outcomes that were asked for, and refusals of the SMTP session itself.
    pub rule: Option<String>,
    /// The reply with its placeholders; `None` if the connection was closed without one.
    pub reply: Option<String>,
    /// `deferred`, `rejected`, or `dropped` without a reply.
    pub outcome: &'static str,
    /// Attempts that were refused.
    pub count: u64,
}

/// What a client has met.
#[derive(Clone, Debug, Serialize)]
pub struct ClientSnapshot {
    /// The client's address.
    pub ip: IpAddr,
    /// Connections that it made.
    pub connections: u64,
    /// Connections, EHLOs and MAILs that were refused before a recipient was named.
    pub turned_away: u64,
    /// Recipients that were accepted.
    pub accepted: u64,
    /// Recipients that were deferred, or whose answer was a closed connection.
    pub deferred: u64,
    /// Recipients that were rejected for good.
    pub rejected: u64,
    /// Refusals by provider and cause.
    pub refused: Vec<ClientRefusalCount>,
    /// What each provider thinks of it.
    pub standing: Vec<ClientStanding>,
}

/// Refusals of one client at one provider, with the same cause.
#[derive(Clone, Debug, Serialize)]
pub struct ClientRefusalCount {
    /// The provider's name.
    pub provider: String,
    /// Their cause and number.
    #[serde(flatten)]
    pub refusals: RefusalCount,
}

/// A client's standing with a provider.
#[derive(Clone, Debug, Serialize)]
pub struct ClientStanding {
    /// The provider's name.
    pub provider: String,
    /// The client's reputation.
    pub reputation: Fraction,
    /// Connections that it may have open; `None` is no limit.
    pub open_limit: Option<u32>,
    /// The holds that it is under.
    pub holds: Vec<HoldSnapshot>,
}

/// A hold that a client is under.
#[derive(Clone, Debug, Serialize)]
pub struct HoldSnapshot {
    /// The rule that began it.
    pub rule: String,
    /// Seconds until it ends.
    pub ends_in_s: f64,
}

impl MxCluster {
    /// The state now, with at most so many clients.
    pub fn snapshot(&self, clients: usize) -> ClusterSnapshot {
        let now = self.clock.now();
        let state = self.lock();
        let sites = || (0..).map(ProviderId).zip(&self.policies);
        ClusterSnapshot {
            now_s: seconds(now),
            since_s: seconds(state.statistics.started_at()),
            speed: self.clock.speed().get(),
            orders: state.orders.len(),
            providers: sites().map(|(site, policy)| state.provider_snapshot(site, policy, now)).collect(),
            clients_known: state.registry.clients().count(),
            clients: state
                .busiest(clients)
                .into_iter()
                .map(|(ip, client)| state.client_snapshot(ip, client, &self.policies, now))
                .collect(),
        }
    }
}

impl SharedState {
    fn provider_snapshot(&self, site: ProviderId, policy: &Policy, now: Time) -> ProviderSnapshot {
        let provider = &self.providers[site.index()].provider;
        let statistics = self.statistics.provider(site);
        let rules = (0..).map(RuleId).zip(&provider.policy().rules);
        ProviderSnapshot {
            name: policy.name.clone(),
            title: policy.title.clone(),
            open_sessions: provider.open_sessions(),
            connections: statistics.connections,
            accepted: statistics.accepted(),
            refused: statistics
                .refused
                .iter()
                .map(|(cause, count)| self.count_refusals(site, policy, *cause, *count))
                .collect(),
            rules: rules
                .map(|(id, rule)| {
                    let activity = provider.activity(id, now);
                    let tiers = policy.tiers.iter().map(|tier| tier.name.clone());
                    let limits = tiers.zip(activity.limits).map(|(tier, limit)| TierLimit { tier, limit });
                    RuleSnapshot {
                        name: rule.name.clone(),
                        at: rule.at,
                        enabled: rule.enabled,
                        limits: if matches!(rule.kind, RuleKind::Limit(_)) { limits.collect() } else { Vec::new() },
                        refused: activity.refused,
                        holds: activity.holds,
                        held_s: activity.held.as_secs_f64(),
                    }
                })
                .collect(),
        }
    }

    fn client_snapshot(&self, ip: IpAddr, client: ClientId, policies: &[Policy], now: Time) -> ClientSnapshot {
        let statistics = self.statistics.client(client).cloned().unwrap_or_default();
        let refused = statistics.refused.iter().map(|((site, cause), count)| {
            let policy = &policies[site.index()];
            ClientRefusalCount {
                provider: policy.name.clone(),
                refusals: self.count_refusals(*site, policy, *cause, *count),
            }
        });
        let standing = policies.iter().zip(&self.providers).map(|(policy, site)| {
            let hold = |(rule, until): (RuleId, Time)| HoldSnapshot {
                rule: policy.rules[rule.index()].name.clone(),
                ends_in_s: until.since(now).as_secs_f64(),
            };
            ClientStanding {
                provider: policy.name.clone(),
                reputation: site.provider.reputation(now, client),
                open_limit: site.provider.open_connection_limit(now, client),
                holds: site.provider.active_holds(now, client).into_iter().map(hold).collect(),
            }
        });
        ClientSnapshot {
            ip,
            connections: statistics.connections,
            turned_away: statistics.turned_away,
            accepted: statistics.accepted,
            deferred: statistics.deferred,
            rejected: statistics.rejected,
            refused: refused.collect(),
            standing: standing.collect(),
        }
    }

    fn count_refusals(&self, site: ProviderId, policy: &Policy, cause: RefusalCause, count: u64) -> RefusalCount {
        let reply = cause.reply.and_then(|reply| self.statistics.reply(site, reply, policy));
        RefusalCount {
            stage: cause.stage,
            rule: cause.rule.map(|rule| policy.rules[rule.index()].name.clone()),
            reply: reply.map(Reply::to_string),
            outcome: match reply.map(|reply| reply.code.class()) {
                None => "dropped",
                Some(Class::Permanent) => "rejected",
                Some(_) => "deferred",
            },
            count,
        }
    }

    /// The clients with the most connections, by address.
    fn busiest(&self, most: usize) -> Vec<(IpAddr, ClientId)> {
        let connections =
            |client: ClientId| self.statistics.client(client).map_or(0, |statistics| statistics.connections);
        let mut clients: Vec<_> = self.registry.clients().collect();
        if clients.len() > most {
            clients.sort_by_key(|(_, client)| Reverse(connections(*client)));
            clients.truncate(most);
            clients.sort_unstable();
        }
        clients
    }
}

fn seconds(time: Time) -> f64 {
    time.since(Time::ZERO).as_secs_f64()
}
