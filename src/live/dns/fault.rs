//! What goes wrong on request, for whoever wants to know what their MTA makes of it.

use std::time::Duration;

use crate::rng::Seed;
use crate::units::Fraction;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// For this name and all below it; `None` is all names.
    pub name: Option<String>,
    /// For this share of the queries.
    pub share: Fraction,
    /// What.
    pub trouble: Trouble,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The answer comes this much later, by the clock on the wall: resolvers have no other.
    Slow(Duration),
    /// The answer is SERVFAIL.
    ServFail,
    /// The answer is NXDOMAIN, whatever there is.
    NoSuchName,
    /// There is no answer.
    Silence,
}

/// What becomes of one query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) delay: Duration,
    pub(super) fails: bool,
    pub(super) missing: bool,
    pub(super) silent: bool,
}

/// The faults in force, and the chance that decides about shares.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) list: Vec<Fault>,
    coins: Seed,
    tossed: u64,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self { list: Vec::new(), coins: Seed(0).named("dns"), tossed: 0 }
    }

    /// What becomes of a query for this name. Delays add up.
    pub(super) fn befall(&mut self, name: &str) -> Fate {
        let mut fate = Fate::default();
        for fault in &self.list {
            let concerned = fault.name.as_ref().is_none_or(|upper| is_at_or_below(name, upper));
            if !concerned {
                continue;
            }
            self.tossed += 1;
            if self.coins.share(self.tossed, 0) < fault.share.get() {
                match fault.trouble {
                    Trouble::Slow(delay) => fate.delay = fate.delay.saturating_add(delay),
                    Trouble::ServFail => fate.fails = true,
                    Trouble::NoSuchName => fate.missing = true,
                    Trouble::Silence => fate.silent = true,
                }
            }
        }
        fate
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
    fn a_fault_is_for_a_name_and_all_below() {
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
    fn a_share_of_the_queries_meets_a_fault_and_delays_add_up() {
        let mut faults = Faults::none();
        let slow = Trouble::Slow(Duration::from_secs(1));
        let fault = |share, trouble| Fault { name: None, share: Fraction::clamped(share), trouble };
        faults.list = vec![fault(1.0, slow), fault(0.25, Trouble::ServFail), fault(1.0, slow)];
        let fates: Vec<Fate> = (0..1_000).map(|_| faults.befall("a.example")).collect();
        assert!(fates.iter().all(|fate| fate.delay == Duration::from_secs(2) && !fate.silent));
        let failed = fates.iter().filter(|fate| fate.fails).count();
        assert!((200..300).contains(&failed), "{failed}");
    }
}
