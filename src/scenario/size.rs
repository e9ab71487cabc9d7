//! How much a scenario takes: recipients, and memory of one trial, estimated before anything runs.

use super::model::Scenario;
use crate::provider::{Policy, Population};
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

    /// Bytes for what the rules of one provider remember that gets so many recipients.
    fn remembered(&self, policy: &Policy, recipients: f64) -> f64 {
        let population = Population {
            clients: self.sources.len() as f64,
            hosts: f64::from(policy.hosts),
            sender_domains: self.workload.sender_domains.len() as f64,
            recipient_domains: policy.domains.patterns().len() as f64,
            recipients,
        };
        policy.rules.iter().map(|rule| rule.kind.memory(&population)).sum()
    }
}

/// Bytes of a queue with its limiter, and of the chunks at the ends of its lines.
const QUEUE: f64 = 4_096.0;

/// Bytes of a recipient in the table of mail.
const MAIL: f64 = 12.0;
/// Bytes of a recipient that waits in the sender's queue.
const QUEUED: f64 = 17.0;
/// Bytes of everything else: sessions, connections, events under way, time series.
const FIXED: u64 = 16 << 20;
