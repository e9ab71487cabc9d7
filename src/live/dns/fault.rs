//! Faults of DNS that are injected on request, to see what an MTA makes of them.

use std::time::Duration;

use crate::rng::Seed;
use crate::units::Fraction;

/// A fault to inject.
#[derive(Clone, Debug, PartialEq)]
pub struct DnsFault {
    /// The name that it affects, with all names below it; `None` is all names.
    pub name: Option<String>,
    /// The share of queries that it affects.
    pub share: Fraction,
    /// How the answer fails.
    pub failure: DnsFailure,
}

/// How an answer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsFailure {
    /// It is this much late, in wall-clock time, as resolvers know no other.
    Slow(Duration),
    /// The answer is SERVFAIL.
    ServFail,
    /// It is NXDOMAIN, whatever the zone has.
    NoSuchName,
    /// There is no answer.
    NoAnswer,
}

/// What the faults do to one query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QueryEffect {
    pub(super) delay: Duration,
    pub(super) fails: bool,
    pub(super) missing: bool,
    pub(super) silent: bool,
}

/// The faults that are injected now, and the random draws for their shares.
#[derive(Debug)]
pub(super) struct ActiveFaults {
    pub(super) list: Vec<DnsFault>,
    chance: Seed,
    draws: u64,
}

impl ActiveFaults {
    pub(super) fn none() -> Self {
        Self { list: Vec::new(), chance: Seed(0).named("dns"), draws: 0 }
    }

    /// What the faults do to a query for this name. Delays add up.
    pub(super) fn effect_on(&mut self, name: &str) -> QueryEffect {
        let mut effect = QueryEffect::default();
        for fault in &self.list {
            let concerned = fault.name.as_ref().is_none_or(|upper| is_at_or_below(name, upper));
            if !concerned {
                continue;
            }
            self.draws += 1;
            if self.chance.share(self.draws, 0) < fault.share.get() {
                match fault.failure {
                    DnsFailure::Slow(delay) => effect.delay = effect.delay.saturating_add(delay),
                    DnsFailure::ServFail => effect.fails = true,
                    DnsFailure::NoSuchName => effect.missing = true,
                    DnsFailure::NoAnswer => effect.silent = true,
                }
            }
        }
        effect
    }
}

fn is_at_or_below(name: &str, upper: &str) -> bool {
    let (name, upper) = (name.as_bytes(), upper.trim_end_matches('.').as_bytes());
    let Some(start) = name.len().checked_sub(upper.len()) else { return false };
    name[start..].eq_ignore_ascii_case(upper) && (start == 0 || upper.is_empty() || name[start - 1] == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_fault_affects_a_name_and_all_below() {
        for (name, upper, is) in [
            ("charter.net", "Charter.net", true),
            ("mx.charter.net", "charter.net.", true),
            ("notcharter.net", "charter.net", false),
            ("net", "charter.net", false),
            ("anything", ".", true),
        ] {
            assert_eq!(is_at_or_below(name, upper), is, "{name} below {upper}");
        }
    }

    #[test]
    fn a_dns_fault_affects_a_share_of_queries_and_delays_add_up() {
        let mut faults = ActiveFaults::none();
        let slow = DnsFailure::Slow(Duration::from_secs(1));
        let fault = |share, failure| DnsFault { name: None, share: Fraction::clamped(share), failure };
        faults.list = vec![fault(1.0, slow), fault(0.25, DnsFailure::ServFail), fault(1.0, slow)];
        let effects: Vec<QueryEffect> = (0..1_000).map(|_| faults.effect_on("a.example")).collect();
        assert!(effects.iter().all(|effect| effect.delay == Duration::from_secs(2) && !effect.silent));
        let failed = effects.iter().filter(|effect| effect.fails).count();
        assert!((200..300).contains(&failed), "{failed}");
    }
}
