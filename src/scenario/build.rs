//! From what is written to what is meant: every check of a scenario, each mistake at its place.
//!
//! Goes on after a mistake as far as what follows does not depend on it, so that all of them are told at once.

mod accounts;
mod arrivals;
mod expect;
mod files;
mod history;
mod names;
mod network;
mod providers;
mod range;
mod sources;
mod streams;
mod sweep;
mod timeline;

use std::path::Path;

use super::model::Scenario;
use super::spec::ScenarioSpec;
use crate::sender::{Strategy, preset};
use crate::spanned::{Checker, Spanned, Tree};
use crate::time::Span;
use accounts::AccountNames;
use files::NamedFiles;
pub(super) use files::ReadFile;
use names::{Unique, at_most};

/// What `spec`, read from `tree`, means, if nothing is wrong with it.
pub(super) fn build<'a>(
    spec: &ScenarioSpec,
    tree: &Tree<'a>,
    base_dir: &Path,
    files: &ReadFile<'_>,
    check: &mut Checker<'a>,
) -> Scenario {
    let mut files = NamedFiles::new(base_dir, files);
    check.source_map().all().for_each(|document| files.count_in(document));
    let seeds = spec.seeds.as_ref().map_or(5, |seeds| check.count(seeds, 1..=SEEDS_MAX));
    let duration = spec.duration.as_ref().map_or(Span::DAY, |written| {
        let duration = check.some_time(written);
        // No need to say of everything in the scenario that it comes after the end.
        if written.is_zero() { Span::DAY } else { duration }
    });
    let day_starts = spec.starts_at.as_ref().map_or(Span::ZERO, |at| {
        if at.value >= Span::DAY {
            check.wrong(&at.span, format!("{} is no time of day; a day has 24 hours", at.value));
        }
        at.value
    });
    let providers = providers::build(spec, tree, &mut files, check);
    let mut accounts = AccountNames::default();
    let sources = sources::build(&spec.source, &mut accounts, check);
    let (strategies, strategy_names) = strategies(&spec.strategy, check);
    let place = arrivals::Bounds { providers: &providers, sources: &sources, duration, day_starts };
    let workload = streams::build(&spec.stream, &place, &mut files, check);
    let sender_histories = history::of_domains(&spec.sender_domain, &workload.sender_domains, check);
    let network = network::build(&spec.network, check);
    let timeline = timeline::build(&spec.timeline, &providers, &sources, duration, check);
    let queues = sources.len().saturating_mul(providers.domains.len());
    if queues > QUEUES_MAX {
        check.wrong_do(
            &(0..0),
            format!("{} sources times {} domains are {queues} queues", sources.len(), providers.domains.len()),
            format!("a sender has {QUEUES_MAX} at most: simulate a part of the sources or of the domains"),
        );
    }
    let expectations = expect::build(&spec.expect, &strategy_names, &providers, check);
    let sweep = spec.sweep.as_ref().map(|spec| sweep::build(spec, tree, &providers, check));
    let stem = Path::new(&check.source_map().first().name).file_stem().and_then(|stem| stem.to_str());
    Scenario {
        name: stem.unwrap_or("scenario").to_owned(),
        question: spec.question.trim().to_owned(),
        seed: spec.seed.map_or(1, |seed| seed.0),
        seeds,
        duration,
        day_starts,
        domains: providers.domains,
        providers: providers.policies.into_iter().flatten().collect(),
        sources,
        accounts: accounts.into_names(),
        sender_histories,
        workload,
        network,
        strategies,
        timeline,
        expectations,
        sweep: sweep.flatten(),
        hash: files.hash(),
    }
}

/// A queue for each source and recipient domain is what a strategy may ask for.
const QUEUES_MAX: usize = 1_000_000;

/// The strategies, and the names of all that will run: also of those that are wrong, and of the bound.
fn strategies(specs: &[Spanned<preset::StrategySpec>], check: &mut Checker<'_>) -> (Vec<Strategy>, Vec<String>) {
    if specs.is_empty() {
        check.lacking(&(0..0), "the scenario has no strategies", "add one:\n[[strategy]]\npreset = \"fixed\"");
    }
    let mut names = Unique::new("strategy");
    let mut strategies = Vec::new();
    for spec in at_most(STRATEGIES_MAX, "strategies", specs, check) {
        let name = spec.name.as_ref().or(spec.preset.as_ref());
        if let Some(name) = name {
            check.title("strategy", name);
            names.add(name, "give one of them a `name` of its own", check);
        }
        if let Some(strategy) = preset::build(spec, check) {
            if let Some(name) = name.filter(|name| name.value == ORACLE && !strategy.oracle) {
                check.wrong_do(&name.span, "the name `oracle` belongs to the upper bound", "choose another name");
            }
            strategies.push(strategy);
        }
    }
    let mut names = names.all();
    // A scenario that names an oracle of its own gets no second one.
    if !strategies.iter().any(|strategy| strategy.oracle) {
        names.push(ORACLE.to_owned());
    }
    (strategies, names)
}

/// The name of the upper bound.
const ORACLE: &str = "oracle";
/// More than anyone compares.
const STRATEGIES_MAX: usize = 1_000;
/// More is never waited for.
const SEEDS_MAX: u32 = 100_000;
