//! How things stand, as values that can be written down: for the admin API and whoever shows a table.

use std::cmp::Reverse;
use std::net::IpAddr;

use serde::Serialize;

use super::farm::{Books, Farm};
use super::ledger::Cause;
use crate::provider::{Policy, Test};
use crate::smtp::{Class, Reply, Stage};
use crate::time::Time;
use crate::units::{ClientId, Fraction, ProviderId, RuleId};

/// How things stand. Times are the farm's.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Seconds since the farm opened.
    pub now_s: f64,
    /// When everything that is counted here began to count: at the start, or with the last reset.
    pub since_s: f64,
    /// How many times faster than the wall's the farm's time goes.
    pub speed: f64,
    /// Orders that wait for their message.
    pub orders: usize,
    /// The providers.
    pub providers: Vec<ProviderState>,
    /// Clients that were ever met.
    pub clients_known: usize,
    /// Of these the ones with the most connections, by address.
    pub clients: Vec<ClientState>,
}

/// A provider.
#[derive(Clone, Debug, Serialize)]
pub struct ProviderState {
    /// The profile's name.
    pub name: String,
    /// The name people know.
    pub title: String,
    /// Sessions open now.
    pub open_sessions: u32,
    /// Connections made.
    pub connections: u64,
    /// Recipients delivered to.
    pub accepted: u64,
    /// What was refused, by cause.
    pub refused: Vec<Refusals>,
    /// Its rules, in the order in which they are asked.
    pub rules: Vec<RuleState>,
}

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleState {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub at: Stage,
    /// Whether it is asked.
    pub enabled: bool,
    /// Its limit in every tier, unknowns drawn, before the load scales it; empty if it has none.
    pub limits: Vec<TierLimit>,
    /// What it refused.
    pub refused: u64,
    /// Holds it began.
    pub holds: u64,
    /// Seconds that clients spent under its holds.
    pub held_s: f64,
}

/// The limit of a tier.
#[derive(Clone, Debug, Serialize)]
pub struct TierLimit {
    /// The tier's name.
    pub tier: String,
    /// How much; `None` is no limit.
    pub limit: Option<u32>,
}

/// Refusals with one cause.
#[derive(Clone, Debug, Serialize)]
pub struct Refusals {
    /// Where in the session.
    pub stage: Stage,
    /// The rule; `None` is what somebody ordered, or what the session refused by itself.
    pub rule: Option<String>,
    /// The reply, placeholders as they stand; `None` is a connection closed without a word.
    pub reply: Option<String>,
    /// `deferred`, `rejected`, or `dropped` where there was no reply.
    pub outcome: &'static str,
    /// Attempts it met.
    pub count: u64,
}

/// A client.
#[derive(Clone, Debug, Serialize)]
pub struct ClientState {
    /// Its address.
    pub ip: IpAddr,
    /// Connections it made.
    pub connections: u64,
    /// Attempts that were accepted.
    pub accepted: u64,
    /// Attempts that were deferred, or met with a closed connection.
    pub deferred: u64,
    /// Attempts that were refused for good.
    pub rejected: u64,
    /// What was refused, by cause.
    pub refused: Vec<ClientRefusals>,
    /// How it stands with each provider.
    pub standing: Vec<Standing>,
}

/// Refusals of one client.
#[derive(Clone, Debug, Serialize)]
pub struct ClientRefusals {
    /// The provider's name.
    pub provider: String,
    /// Which.
    #[serde(flatten)]
    pub refusals: Refusals,
}

/// How a client stands with a provider.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The provider's name.
    pub provider: String,
    /// Its reputation.
    pub reputation: Fraction,
    /// Connections it may have open; `None` is no limit.
    pub open_limit: Option<u32>,
    /// By which rules it is held.
    pub holds: Vec<Hold>,
}

/// A hold that is on.
#[derive(Clone, Debug, Serialize)]
pub struct Hold {
    /// The rule's name.
    pub rule: String,
    /// In how many seconds it ends.
    pub ends_in_s: f64,
}

impl Farm {
    /// How things stand, with at most so many clients.
    pub fn state(&self, clients: usize) -> State {
        let now = self.clock.now();
        let books = self.books();
        let sites = || (0..).map(ProviderId).zip(&self.policies);
        State {
            now_s: seconds(now),
            since_s: seconds(books.ledger.began()),
            speed: self.clock.speed().get(),
            orders: books.orders.len(),
            providers: sites().map(|(site, policy)| books.provider_state(site, policy, now)).collect(),
            clients_known: books.guests.clients().count(),
            clients: books
                .busiest(clients)
                .into_iter()
                .map(|(ip, client)| books.client_state(ip, client, &self.policies, now))
                .collect(),
        }
    }
}

impl Books {
    fn provider_state(&self, site: ProviderId, policy: &Policy, now: Time) -> ProviderState {
        let provider = &self.sites[site.index()].provider;
        let (connections, accepted, refused) = self.ledger.site(site);
        let rules = (0..).map(RuleId).zip(&provider.policy().rules);
        ProviderState {
            name: policy.name.clone(),
            title: policy.title.clone(),
            open_sessions: provider.open_sessions(),
            connections,
            accepted,
            refused: refused.iter().map(|(cause, count)| self.refusals(site, policy, *cause, *count)).collect(),
            rules: rules
                .map(|(id, rule)| {
                    let activity = provider.activity(id, now);
                    let tiers = policy.tiers.iter().map(|tier| tier.name.clone());
                    let limits = tiers.zip(activity.limits).map(|(tier, limit)| TierLimit { tier, limit });
                    RuleState {
                        name: rule.name.clone(),
                        at: rule.at,
                        enabled: rule.enabled,
                        limits: if matches!(rule.test, Test::Limit(_)) { limits.collect() } else { Vec::new() },
                        refused: activity.refused,
                        holds: activity.holds,
                        held_s: activity.held.as_secs_f64(),
                    }
                })
                .collect(),
        }
    }

    fn client_state(&self, ip: IpAddr, client: ClientId, policies: &[Policy], now: Time) -> ClientState {
        let books = self.ledger.client(client).cloned().unwrap_or_default();
        let refused = books.refused.iter().map(|((site, cause), count)| {
            let policy = &policies[site.index()];
            ClientRefusals { provider: policy.name.clone(), refusals: self.refusals(*site, policy, *cause, *count) }
        });
        let standing = policies.iter().zip(&self.sites).map(|(policy, site)| {
            let hold = |(rule, until): (RuleId, Time)| Hold {
                rule: policy.rules[rule.index()].name.clone(),
                ends_in_s: until.since(now).as_secs_f64(),
            };
            Standing {
                provider: policy.name.clone(),
                reputation: site.provider.reputation(client),
                open_limit: site.provider.open_limit(now, client),
                holds: site.provider.holds_of(now, client).into_iter().map(hold).collect(),
            }
        });
        ClientState {
            ip,
            connections: books.connections,
            accepted: books.accepted,
            deferred: books.deferred,
            rejected: books.rejected,
            refused: refused.collect(),
            standing: standing.collect(),
        }
    }

    fn refusals(&self, site: ProviderId, policy: &Policy, cause: Cause, count: u64) -> Refusals {
        let reply = cause.reply.and_then(|reply| self.ledger.reply(site, reply, policy));
        Refusals {
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
        let connections = |client: ClientId| self.ledger.client(client).map_or(0, |books| books.connections);
        let mut clients: Vec<_> = self.guests.clients().collect();
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
