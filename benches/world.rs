//! What must stay fast: attempts per second of the simulated world, beside a bare event loop in the same run.
//!
//! The bare loop is a binary heap of sixteen-byte keys in which every attempt is one event: the floor under any
//! discrete-event simulator. Quote the ratio, not the seconds: `cargo bench --bench world`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mxlab::diagnostic::Document;
use mxlab::rng::Seed;
use mxlab::scenario::{Scenario, parse};
use mxlab::sim::{Setting, trial};
use mxlab::workload::generate;

const RECIPIENTS: u64 = 100_000;

/// Charter with all its rules, thresholds that hardly bite, eight sources.
const SCENARIO: &str = r#"
question = "How fast is the world?"
duration = "24h"
[[provider]]
profile = "charter"
[[source]]
ip = "192.0.2.1"
count = 8
reputation = 0.9
daily-volume = 100000
[[stream]]
arrivals = { at-once = { recipients = 100000 } }
sender-domain = "news.example"
[[strategy]]
preset = "fixed"
concurrency = { fixed = 10 }
"#;

fn scenario() -> Scenario {
    let document = Document::new("bench", SCENARIO);
    parse(&document, Path::new(""), &|_| Err(std::io::ErrorKind::NotFound.into())).expect("the scenario is valid")
}

fn worlds(criterion: &mut Criterion) {
    let scenario = scenario();
    let mail = generate(&scenario.workload, Seed(1)).expect("the mail fits");
    let setting = Setting { scenario: &scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    let never = AtomicBool::new(false);
    let run = || trial(setting, &never).expect("recipients are conserved").expect("nobody stops it");
    let attempts = run().cells[0].totals.attempts;
    let mut group = criterion.benchmark_group("attempts");
    group.sample_size(20).throughput(Throughput::Elements(attempts));
    group.bench_function("world, charter", |bencher| bencher.iter(|| black_box(run().hash)));
    group.bench_function("bare heap", |bencher| bencher.iter(|| black_box(bare(attempts, 80))));
    group.finish();
}

fn mail(criterion: &mut Criterion) {
    let scenario = scenario();
    let mut group = criterion.benchmark_group("mail");
    group.sample_size(20).throughput(Throughput::Elements(RECIPIENTS));
    group.bench_function("generate", |bencher| {
        bencher.iter(|| black_box(generate(&scenario.workload, Seed(1)).expect("the mail fits").rows.len()));
    });
    group.finish();
}

/// So many events over so many slots, each scheduled anew when it comes.
fn bare(events: u64, slots: u64) -> u64 {
    let seed = Seed(1);
    let mut heap: BinaryHeap<Reverse<(u64, u64)>> =
        (0..slots).map(|slot| Reverse((seed.draw(slot, 0) >> 44, slot))).collect();
    for n in 0..events {
        let Some(Reverse((at, slot))) = heap.pop() else { break };
        heap.push(Reverse((at + (seed.draw(slot, n) >> 44), slot)));
    }
    heap.peek().map_or(0, |Reverse((at, _))| *at)
}

criterion_group!(benches, worlds, mail);
criterion_main!(benches);
