//! Where a strategy wanted more connections than any sender opens at a time.

use schemars::JsonSchema;
use serde::Serialize;

use crate::harmless;
use crate::record::Record;

use super::words::duration;

/// A strategy whose mail waited for one of all connections that a sender may have open.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct CappedStrategy<'a> {
    pub(super) strategy: &'a str,
    /// In how many of its trials.
    pub(super) trials: usize,
    /// Of how many.
    pub(super) of: usize,
    /// Seconds for which it did, in the mean of these trials.
    pub(super) seconds: f64,
}

/// All of a run, in the record's order.
pub(super) fn capped(record: &Record) -> Vec<CappedStrategy<'_>> {
    let of_strategy = |strategy: &'_ str| {
        let waited: Vec<f64> = record.trials_of(strategy).map(|trial| trial.capped_us as f64 / 1e6).collect();
        let bit: Vec<f64> = waited.iter().copied().filter(|seconds| *seconds > 0.0).collect();
        (bit.len(), waited.len(), bit.iter().sum::<f64>() / bit.len().max(1) as f64)
    };
    let one = |strategy| {
        let (trials, of, seconds) = of_strategy(strategy);
        (trials > 0).then_some(CappedStrategy { strategy, trials, of, seconds })
    };
    record.strategies.iter().filter_map(|strategy| one(&strategy.name)).collect()
}

/// All of them in a sentence; `None` if there are none.
pub(super) fn sentence(record: &Record) -> Option<String> {
    let told = |capped: &CappedStrategy<'_>| {
        let name = harmless::line(capped.strategy);
        format!("{name} in {} of {} trials, for {}", capped.trials, capped.of, duration(capped.seconds))
    };
    let told: Vec<String> = capped(record).iter().map(told).collect();
    (!told.is_empty()).then(|| {
        format!(
            "All connections were open that a sender opens at a time (see `mxlab check`), and mail waited for one: {}.",
            told.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn only_where_the_cap_bit_it_is_told() {
        let mut record = sample::small();
        assert_eq!(sentence(&record), None);
        record.trials[0].capped_us = 90_000_000;
        let told = sentence(&record).unwrap();
        assert!(told.ends_with("mail waited for one: fixed in 1 of 3 trials, for 90.0 s."), "{told}");
    }
}
