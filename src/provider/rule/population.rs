//! Of how many things a provider may have to keep count, for estimates of memory.

use crate::provider::scope::Scope;

/// How many of each come to a provider in one trial.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// How many client IPs connect.
    pub clients: f64,
    /// How many MX hosts the provider has.
    pub hosts: f64,
    /// How many sender domains they write as.
    pub sender_domains: f64,
    /// How many recipient domains they write to.
    pub recipient_domains: f64,
    /// How many recipients they name.
    pub recipients: f64,
}

impl Population {
    /// Bytes of one counter with its key.
    pub(super) const COUNTER_BYTES: f64 = 64.0;

    /// How many counters a scope has.
    pub(super) const fn keys(&self, scope: Scope) -> f64 {
        match scope {
            Scope::ClientIp | Scope::ClientNetwork | Scope::Account => self.clients,
            Scope::ClientIpAndHost => self.clients * self.hosts,
            Scope::SenderDomain => self.sender_domains,
            Scope::ClientIpAndSenderDomain => self.clients * self.sender_domains,
            Scope::Recipient | Scope::SenderDomainAndRecipient => self.recipients,
            Scope::RecipientDomain => self.recipient_domains,
            Scope::ClientIpAndRecipientDomain => self.clients * self.recipient_domains,
            Scope::Session | Scope::Provider => 1.0,
        }
    }
}
