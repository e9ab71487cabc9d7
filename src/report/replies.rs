//! Refusals by reply text, the seeds put together.

use std::collections::BTreeMap;

use crate::record::{Record, ReplyCount};
use crate::stats::Estimate;

/// The replies of a provider to a strategy, all seeds together; the most frequent first, then by text.
pub(super) fn counted(record: &Record, strategy: &str, provider: usize) -> Vec<ReplyCount> {
    let mut sums: BTreeMap<(&str, &str, &str), Sum> = BTreeMap::new();
    for trial in record.trials_of(strategy) {
        for reply in trial.cells.get(provider).map_or(&[][..], |cell| &cell.replies) {
            let sum = sums.entry((&reply.text, &reply.stage, &reply.rule)).or_default();
            sum.count += reply.count;
            for (bucket, attempts) in &reply.over_time {
                *sum.over_time.entry(*bucket).or_default() += attempts;
            }
        }
    }
    let mut replies: Vec<ReplyCount> = sums
        .into_iter()
        .map(|((text, stage, rule), sum)| ReplyCount {
            stage: stage.to_owned(),
            text: text.to_owned(),
            rule: rule.to_owned(),
            count: sum.count,
            over_time: sum.over_time.into_iter().collect(),
        })
        .collect();
    // The sort is stable: equal counts stay ordered by text.
    replies.sort_by_key(|reply| std::cmp::Reverse(reply.count));
    replies
}

/// How often a reply was given in a trial: mean over the seeds, with its interval; a seed without it counts as 0.
pub(super) fn per_seed(record: &Record, strategy: &str, provider: usize, reply: &ReplyCount) -> Option<Estimate> {
    let same =
        |other: &&ReplyCount| (&other.text, &other.stage, &other.rule) == (&reply.text, &reply.stage, &reply.rule);
    let counts = record.trials_of(strategy).map(|trial| {
        let replies = trial.cells.get(provider).map_or(&[][..], |cell| &cell.replies);
        replies.iter().filter(same).map(|reply| reply.count).sum::<u64>() as f64
    });
    Estimate::of(&counts.collect::<Vec<_>>())
}

/// How often a reply was given, in all and in each bucket.
#[derive(Default)]
struct Sum {
    count: u64,
    over_time: BTreeMap<u32, u64>,
}
