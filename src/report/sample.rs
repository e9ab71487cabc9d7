//! Made-up records for tests: plausible enough to be looked at, small enough to be read.

#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the numbers are made up and small")]

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use crate::record::{
    Cell, ExpectationResult, Machine, MovedTrial, OwnFailures, ProviderInfo, Record, ReplyCount, RuleActivity,
    RunProvenance, Series, StrategyInfo, Totals, Trial, UnknownInfo,
};

/// Two providers (one with a hostile name), two strategies and the bound, three seeds; one strategy's last recipients
/// are late under one seed.
pub(super) fn small() -> Record {
    made(&["charter", "<script>gmail</script>"], &["fixed", "backoff"], 3, 24)
}

/// As large as runs get: four providers, four strategies and the bound, 20 seeds, 200 buckets.
pub(super) fn large() -> Record {
    made(&["charter", "yahoo", "microsoft", "gmail"], &["fixed", "paced", "backoff", "aimd"], 20, 200)
}

/// Records with as little in them as there can be.
pub(super) fn degenerate() -> Vec<Record> {
    let small = small();
    let (duration_us, bucket_us) = (small.duration_us, small.bucket_us);
    let empty = Record::empty(small.scenario.clone(), small.question.clone(), vec![], vec![]);
    let empty = Record { duration_us, bucket_us, ..empty };
    let no_trials = Record { trials: vec![], partial: true, ..small.clone() };
    let one = |change: fn(&mut Trial)| {
        let mut record = small.clone();
        record.trials.retain(|trial| trial.seed == 1 && trial.strategy != "oracle");
        record.strategies.retain(|strategy| !strategy.bound);
        record.trials.iter_mut().for_each(change);
        record
    };
    let idle = one(|trial| {
        trial.reached_us = [None; 4];
        for cell in &mut trial.cells {
            cell.totals = Totals::default();
            cell.time_to_delivery.clear();
            cell.replies.clear();
            for values in [&mut cell.series.attempts, &mut cell.series.deferred, &mut cell.series.delivered] {
                values.fill(0);
            }
        }
    });
    let no_series = one(|trial| trial.cells.iter_mut().for_each(|cell| cell.series = Series::default()));
    let never = one(|trial| {
        trial.reached_us = [None; 4];
        trial.cells.iter_mut().for_each(|cell| cell.totals.reached_us = [None; 4]);
    });
    let no_cells = one(|trial| trial.cells.clear());
    vec![empty, no_trials, idle, no_series, never, no_cells]
}

pub(super) fn provenance() -> RunProvenance {
    RunProvenance {
        format: Record::FORMAT,
        version: "0.1.0".to_owned(),
        scenario: "sample".to_owned(),
        scenario_hash: "00c0ffee00c0ffee".to_owned(),
        command: "mxlab run scenarios/sample.toml --seeds 3".to_owned(),
        seed: 1,
        seeds: 3,
        machine: Machine { os: "linux".to_owned(), arch: "x86_64".to_owned(), cores: 8 },
    }
}

fn made(providers: &[&str], strategies: &[&str], seeds: u64, buckets: usize) -> Record {
    let mut names: Vec<StrategyInfo> = strategies
        .iter()
        .map(|name| StrategyInfo {
            name: (*name).to_owned(),
            about: format!("Sends the way {name} does."),
            bound: false,
        })
        .collect();
    names.push(StrategyInfo { name: "oracle".to_owned(), about: "Knows the rules.".to_owned(), bound: true });
    let trial = |(strategy, seed, unknowns): (usize, u64, u64)| {
        let kind = if strategy + 1 == names.len() { 0 } else { strategy + 1 };
        let cells: Vec<Cell> = (0..providers.len()).map(|place| cell(kind, seed, unknowns, place, buckets)).collect();
        let reached_us = [0, 1, 2, 3]
            .map(|n| cells.iter().map(|cell| cell.totals.reached_us[n]).reduce(|a, b| Some(a?.max(b?))).flatten());
        let hash = format!("{:016x}", seed * 0x9e37_79b9);
        Trial {
            strategy: names[strategy].name.clone(),
            seed,
            unknowns,
            hash,
            events: 1,
            settled_us: reached_us[3],
            reached_us,
            capped_us: 0,
            cells,
            own_failures: OwnFailures::default(),
        }
    };
    let all = || (0..names.len()).flat_map(|strategy| (1..=seeds).map(move |seed| (strategy, seed)));
    let trials = all().map(|(strategy, seed)| trial((strategy, seed, seed))).collect();
    // As in a run: not for the bound, and not of few seeds.
    let apart = all().filter(|(strategy, _)| seeds >= 5 && strategy + 1 < names.len());
    let crossed = apart.map(|(strategy, seed)| trial((strategy, seed, seed % seeds + 1)).sums()).collect();
    let unknowns = if seeds < 5 {
        Vec::new()
    } else {
        unknowns(providers.len(), seeds, &|seed, unknowns| trial((strategies.len() - 1, seed, unknowns)))
    };
    let expected = |metric: &str, provider: Option<&str>, min, max, mean, met| ExpectationResult {
        metric: metric.to_owned(),
        strategy: strategies[0].to_owned(),
        provider: provider.map(str::to_owned),
        min,
        max,
        mean,
        half: mean.map(|_| 0.02),
        met,
    };
    let question = "What does a limit on connections do to a sender that limits its rate?";
    let providers =
        providers.iter().map(|name| ProviderInfo { name: (*name).to_owned(), title: title(name) }).collect();
    Record {
        duration_us: buckets as u64 * BUCKET_US,
        bucket_us: BUCKET_US,
        expected: vec![
            expected("deferral-share", Some("charter"), 0.2, 0.6, Some(0.3), true),
            expected("time-to-99", None, f64::NEG_INFINITY, 3_600.0, None, false),
        ],
        trials,
        crossed,
        unknowns,
        ..Record::empty("sample".to_owned(), question.to_owned(), names, providers)
    }
}

/// How harsh the second provider is, and something that changes nothing.
fn unknowns(providers: usize, seeds: u64, trial: &dyn Fn(u64, u64) -> Trial) -> Vec<UnknownInfo> {
    let place = 1.min(providers - 1);
    let moved = |seed: u64| {
        let next = seed % seeds + 1;
        let (mut moved, other) = (trial(seed, seed).sums(), trial(seed, next).sums());
        moved.cells[place] = other.cells[place].clone();
        moved.unknowns = next;
        MovedTrial { from: harshness(seed, place), to: harshness(next, place), trial: moved }
    };
    let unknown =
        |name: &str, moved| UnknownInfo { provider: place, name: name.to_owned(), range: "5 to 20?".to_owned(), moved };
    vec![unknown("connections", (1..=seeds).map(moved).collect()), unknown("size", Vec::new())]
}

const BUCKET_US: u64 = 300_000_000;

fn title(name: &str) -> String {
    match name {
        "charter" => {
            "Charter / Spectrum, who have a name that is endlessly long and nobody would ever want to read all of it"
                .to_owned()
        }
        "yahoo" => "Yahoo (Yahoo Mail, AOL)".to_owned(),
        "microsoft" => "Outlook.com".to_owned(),
        other => other.to_owned(),
    }
}

/// `kind` 0 is the oracle; the others are the more patient the larger. All chance is a hash of the first seed, and how
/// harsh the provider is one of the second.
fn cell(kind: usize, seed: u64, unknowns: u64, place: usize, buckets: usize) -> Cell {
    let noise = |n: usize| noise(seed * 7_919 + kind as u64 * 104_729 + place as u64, n);
    let recipients = 4_000 + 2_000 * place as u64;
    let (length, harsh) = match kind {
        0 => (buckets / 2, 0.0),
        kind => ((buckets / 2 + kind * buckets / 12).min(buckets), harshness(unknowns, place) / kind as f64),
    };
    let mut series = Series::default();
    let (mut totals, mut left) =
        (Totals { injected: recipients, deliverable: recipients - 60, ..Totals::default() }, recipients - 60);
    let stuck = if kind == 1 && seed == 2 && place == 0 { 300 } else { 0 };
    let mut late = vec![];
    let mut times = Histogram::<u64>::new(2).unwrap();
    for bucket in 0..buckets {
        let active = bucket < length && left > stuck;
        let wave = 0.5 + 0.5 * (bucket as f64 / buckets as f64 * 20.0 + place as f64).sin();
        let sent = (recipients as f64 / length as f64 * (0.7 + 0.6 * noise(bucket))) as u64 + 1;
        let delivered =
            if active { if bucket + 1 == length { left - stuck } else { sent.min(left - stuck) } } else { 0 };
        let silent = kind == 3 && bucket % 7 == 3;
        let delivered = if silent { 0 } else { delivered };
        let share = harsh * wave * (0.7 + 0.6 * noise(bucket + 1_000)) * if place == 3 { 0.0 } else { 1.0 };
        let deferred = (delivered as f64 * share / (1.0 - share.min(0.9))) as u64;
        left -= delivered;
        series.attempts.push(delivered + deferred);
        series.deferred.push(deferred);
        series.delivered.push(delivered);
        series.bounced.push(if bucket == 1 { 60 } else { 0 });
        series.expired.push(0);
        series.connections.push((delivered + deferred) / 15);
        series.connections_refused.push(deferred / 40);
        series.open_max.push(if active {
            (10.0 * (1.0 + 2.0 * share) * (0.8 + 0.4 * noise(bucket + 50))) as u32
        } else {
            0
        });
        series.held_back.push(left / 2);
        series.waiting.push(deferred);
        let score = 0.9 - harsh * 0.4 * (bucket.min(length) as f64 / buckets as f64) - 0.02 * noise(9);
        series.reputation.push(Some(score.clamp(0.0, 1.0)));
        series.open_limit.push(open_limit(place, bucket > buckets / 3));
        totals.attempts += delivered + deferred;
        totals.deferred += deferred;
        totals.delivered += delivered;
        totals.connections += (delivered + deferred) / 15;
        totals.connections_refused += deferred / 40;
        late.push(deferred);
        let at = (bucket as u64 + 1) * BUCKET_US;
        reach(&mut totals, at);
        if delivered > 0 {
            times.record_n(at / 1_000 / 3 + (60_000.0 * noise(bucket + 5)) as u64, delivered).unwrap();
        }
    }
    totals.bounced = 60;
    totals.queued = left;
    totals.deferred_at[0] = totals.deferred;
    Cell {
        totals,
        series,
        time_to_delivery: serialized(&times),
        replies: replies(&late),
        rules: vec![RuleActivity {
            rule: "open-connections".to_owned(),
            refused: totals.deferred,
            holds: 0,
            limits: vec![Some(10)],
        }],
    }
}

fn harshness(unknowns: u64, place: usize) -> f64 {
    0.6 + 0.3 * noise(unknowns * 31 + place as u64, 7)
}

fn noise(who: u64, n: usize) -> f64 {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ who;
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

const fn open_limit(place: usize, late: bool) -> Option<u64> {
    match place {
        0 => Some(10),
        1 if late => Some(20),
        1 => Some(12),
        2 => Some(500),
        _ => None,
    }
}

fn reach(totals: &mut Totals, at: u64) {
    for (n, percent) in [50, 90, 99, 100].into_iter().enumerate() {
        if totals.delivered * 100 >= totals.deliverable * percent {
            totals.reached_us[n].get_or_insert(at);
        }
    }
}

fn serialized(times: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(times, &mut bytes).unwrap();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What was said to the attempts deferred in each bucket.
fn replies(late: &[u64]) -> Vec<ReplyCount> {
    let over_time = |part: u64| -> Vec<(u32, u64)> {
        late.iter().enumerate().map(|(n, count)| (n as u32, count / part)).filter(|(_, count)| *count > 0).collect()
    };
    let reply = |text: &str, rule: &str, part: u64| {
        let over_time = over_time(part);
        let count = over_time.iter().map(|(_, count)| count).sum();
        ReplyCount { stage: "connect".to_owned(), text: text.to_owned(), rule: rule.to_owned(), count, over_time }
    };
    let mut replies = vec![
        reply(
            "421 4.7.1 Too many concurrent connections from your IP address, please try again later. <script>alert(1)</script>",
            "open-connections",
            2,
        ),
        reply(
            "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
            "volume",
            4,
        ),
        reply("451 4.3.2 Server busy", "busy", 8),
        reply("(time-out)", "", 16),
    ];
    replies.retain(|reply| reply.count > 0);
    replies
}
