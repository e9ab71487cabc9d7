//! Refusals by reply text, the seeds put together.

use std::collections::BTreeMap;

use crate::record::{Record, Replied};

/// The replies of a provider to a strategy, all seeds together; the most frequent first, then by text.
pub(super) fn counted(record: &Record, strategy: &str, provider: usize) -> Vec<Replied> {
    let mut sums: BTreeMap<(&str, &str, &str), (u64, BTreeMap<u32, u64>)> = BTreeMap::new();
    for trial in record.trials_of(strategy) {
        for reply in trial.cells.get(provider).map_or(&[][..], |cell| &cell.replies) {
            let (count, over_time) = sums.entry((&reply.text, &reply.stage, &reply.rule)).or_default();
            *count += reply.count;
            for (bucket, attempts) in &reply.over_time {
                *over_time.entry(*bucket).or_default() += attempts;
            }
        }
    }
    let mut replies: Vec<Replied> = sums
        .into_iter()
        .map(|((text, stage, rule), (count, over_time))| Replied {
            stage: stage.to_owned(),
            text: text.to_owned(),
            rule: rule.to_owned(),
            count,
            over_time: over_time.into_iter().collect(),
        })
        .collect();
    // The sort is stable: equal counts stay ordered by text.
    replies.sort_by_key(|reply| std::cmp::Reverse(reply.count));
    replies
}
