//! What servers did that no sender can expect: replies against the protocol, TLS that failed or was refused.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::harmless;
use crate::record::{Cell, Record};

use super::words::number;

/// What a server did against the protocol, or a TLS that it could not speak, and how often it met an attempt.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct BreakOff<'a> {
    pub(super) provider: &'a str,
    /// Where in the session.
    pub(super) stage: &'a str,
    /// What it was, with what the server said.
    pub(super) what: &'a str,
    /// How often, in attempts, in all trials together.
    pub(super) count: u64,
}

/// All of a run; the most frequent first.
pub(super) fn break_offs(record: &Record) -> Vec<BreakOff<'_>> {
    let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for (provider, cell) in cells(record) {
        for reply in &cell.replies {
            if let Some(what) = reply.break_off() {
                *counts.entry((provider, &reply.stage, what)).or_default() += reply.count;
            }
        }
    }
    let all = counts.into_iter().map(|((provider, stage, what), count)| BreakOff { provider, stage, what, count });
    let mut all: Vec<BreakOff<'_>> = all.collect();
    // The sort is stable: equal counts stay ordered by what they are.
    all.sort_by_key(|one| std::cmp::Reverse(one.count));
    all
}

/// Sessions that went on in clear text, as STARTTLS was refused.
pub(super) fn starttls_refused(record: &Record) -> u64 {
    cells(record).map(|(_, cell)| cell.totals.starttls_refused).sum()
}

/// Both as sentences, one a line; empty where servers did as they should.
pub(super) fn sentences(record: &Record) -> Vec<String> {
    let all = break_offs(record);
    let told = all.iter().take(TOLD_MAX).map(|BreakOff { provider, stage, what, count }| {
        let what = harmless::line(what);
        format!("{} broke off at {stage}, {} times: {what}.", harmless::line(provider), number(*count as f64))
    });
    let rest = all.len().saturating_sub(TOLD_MAX);
    let rest = (rest > 0).then(|| format!("{rest} more of that kind are in replies.csv."));
    let refused = starttls_refused(record);
    let clear = (refused > 0)
        .then(|| format!("{} sessions went on in clear text, as STARTTLS was refused.", number(refused as f64)));
    told.chain(rest).chain(clear).collect()
}

/// The most that are told in sentences.
const TOLD_MAX: usize = 3;

fn cells(record: &Record) -> impl Iterator<Item = (&str, &Cell)> {
    let names = record.providers.iter().map(|provider| provider.name.as_str());
    record.trials.iter().flat_map(move |trial| names.clone().zip(&trial.cells))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::ReplyCount;
    use crate::report::sample;

    #[test]
    fn the_most_frequent_are_told_and_the_rest_counted() {
        let mut record = sample::small();
        assert_eq!(sentences(&record), [""; 0]);
        for (n, text) in ["354 a", "HTTP/1.1 400", "999 b", "250 c"].into_iter().enumerate() {
            let text = format!("(protocol violation: `{text}` is no reply to MAIL)");
            let reply = ReplyCount {
                stage: "mail".to_owned(),
                text,
                rule: String::new(),
                count: 1_000 + n as u64,
                over_time: Vec::new(),
            };
            record.trials[0].cells[0].replies.push(reply.clone());
            record.trials[1].cells[0].replies.push(reply);
        }
        record.trials[0].cells[1].totals.starttls_refused = 7;
        let told = sentences(&record);
        let first = "charter broke off at mail, 2,006 times: protocol violation: `250 c` is no reply to MAIL.";
        assert_eq!((told.len(), told[0].as_str()), (5, first));
        assert_eq!(told[3], "1 more of that kind are in replies.csv.");
        assert_eq!(told[4], "7 sessions went on in clear text, as STARTTLS was refused.");
    }
}
