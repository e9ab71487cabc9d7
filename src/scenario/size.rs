//! How much a scenario takes: recipients, and memory of one trial, estimated before anything runs.

use super::model::Scenario;
use crate::provider::{Check, Limit, Policy, RuleKind, Scope, TierValue, Window};
use crate::workload::MailStream;

impl Scenario {
    /// How many recipients a trial has, on average.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn expected_recipients(&self) -> u64 {
        self.workload.streams.iter().map(MailStream::expected_recipients).sum::<f64>().round() as u64
    }

    /// Bytes that one trial needs at most, roughly: its mail, the sender's queue, and what the providers remember.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn memory_per_trial(&self) -> u64 {
        let recipients = self.expected_recipients() as f64;
        let shares = self.shares();
        let remembered: f64 =
            self.providers.iter().zip(shares).map(|(policy, share)| self.remembered(policy, recipients * share)).sum();
        let queues = self.sources.len() as f64 * self.domains.len() as f64;
        FIXED + (recipients * (MAIL + QUEUED) + queues * QUEUE + remembered) as u64
    }

    /// The share of all recipients that each provider gets.
    pub(super) fn shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.providers.len()];
        let Some(stream) = self.workload.streams.first() else { return shares };
        let total: f64 = stream.domains.iter().map(|(_, weight)| weight).sum();
        for (domain, weight) in &stream.domains {
            if let Some(domain) = self.domains.get(domain.index())
                && let Some(share) = shares.get_mut(domain.provider.index())
            {
                *share += weight / total;
            }
        }
        shares
    }

    /// Bytes for the counters of one provider that gets so many recipients.
    fn remembered(&self, policy: &Policy, recipients: f64) -> f64 {
        let limits = policy.rules.iter().map(|rule| match &rule.kind {
            RuleKind::Limit(limit) => {
                let keys = self.keys(limit.scope, policy, recipients);
                // A log never holds more moments than there were events; retries may bring a few times as many.
                let log = if matches!(limit.window, Window::Sliding { .. }) {
                    (largest(limit) * keys).min(4.0 * recipients) * MOMENT
                } else {
                    0.0
                };
                keys * COUNTER + log
            }
            RuleKind::Check(Check::Greylist(_)) => recipients * COUNTER,
            _ => 0.0,
        });
        limits.sum()
    }

    /// How many counters a scope has.
    fn keys(&self, scope: Scope, policy: &Policy, recipients: f64) -> f64 {
        let sources = self.sources.len() as f64;
        match scope {
            Scope::ClientIp | Scope::ClientNetwork => sources,
            Scope::SenderDomain => self.workload.sender_domains.len() as f64,
            Scope::Recipient | Scope::SenderDomainAndRecipient => recipients,
            Scope::RecipientDomain => policy.domains.len() as f64,
            Scope::ClientIpAndRecipientDomain => sources * policy.domains.len() as f64,
            Scope::Session | Scope::Provider => 1.0,
        }
    }
}

/// The largest number that a limit may have in any tier.
fn largest(limit: &Limit) -> f64 {
    let most = |amount: &TierValue| match *amount {
        TierValue::Exactly(count) | TierValue::Unknown { high: count, .. } => f64::from(count),
        TierValue::Unlimited => 0.0,
    };
    limit.value.by_tier.iter().map(most).fold(0.0, f64::max) * limit.value.largest_factor()
}

/// Bytes of a queue with its limiter, and of the chunks at the ends of its lines.
const QUEUE: f64 = 4_096.0;

/// Bytes of a recipient in the table of mail.
const MAIL: f64 = 12.0;
/// Bytes of a recipient that waits in the sender's queue.
const QUEUED: f64 = 17.0;
/// Bytes of one counter with its key.
const COUNTER: f64 = 64.0;
/// Bytes of one moment in a sliding log.
const MOMENT: f64 = 8.0;
/// Bytes of everything else: sessions, connections, events under way, time series.
const FIXED: u64 = 16 << 20;
