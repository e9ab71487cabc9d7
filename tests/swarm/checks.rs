//! What must be true of every trial, whatever the scenario.

use std::collections::BTreeMap;

use mxlab::provider::{Meter, Policy, RuleAction, RuleKind, Scope};
use mxlab::record::{Cell, RuleActivity, Trial};
use mxlab::scenario::Scenario;
use mxlab::smtp::Stage;
use mxlab::workload::Mail;

/// Panics with what is not true.
pub(crate) fn check(scenario: &Scenario, mail: &Mail, trial: &Trial) {
    let due = mail.intended.iter().filter(|at| at.as_micros() <= scenario.duration.as_micros()).count() as u64;
    let injected: u64 = trial.cells.iter().map(|cell| cell.totals.injected).sum();
    assert_eq!(injected, due, "everything that is due is injected");
    assert!(trial.settled_us.is_none_or(|at| at <= scenario.duration.as_micros()));
    monotone(&trial.reached_us);
    for (place, (cell, policy)) in trial.cells.iter().zip(&scenario.providers).enumerate() {
        sums(cell, trial.strategy.starts_with("oracle"));
        series(cell);
        monotone(&cell.totals.reached_us);
        if let Some(most) = most_open(scenario, policy, place, &cell.rules) {
            let open = cell.series.open_max.iter().copied().max().unwrap_or(0);
            assert!(u64::from(open) <= most, "{}: {open} connections open, {most} allowed", policy.name);
        }
    }
    effort(trial, due);
}

/// Adds what happened in a trial to what was seen.
pub(crate) fn count(trial: &Trial, seen: &mut BTreeMap<&'static str, u64>) {
    for cell in &trial.cells {
        let totals = cell.totals;
        for (stage, deferred) in Stage::ALL.iter().zip(totals.deferred_at) {
            *seen.entry(stage.name()).or_default() += deferred;
        }
        let holds = cell.rules.iter().map(|rule| rule.holds).sum();
        for (what, count) in [
            ("delivered", totals.delivered),
            ("bounced", totals.bounced),
            ("expired", totals.expired),
            ("queued", totals.queued),
            ("failed", totals.failed),
            ("connections that failed", totals.connections_failed),
            ("complaints", totals.complaints),
            ("holds", holds),
            ("held back", totals.held_back_us),
            ("settled", u64::from(trial.settled_us.is_some())),
        ] {
            *seen.entry(what).or_default() += count;
        }
    }
}

fn sums(cell: &Cell, oracle: bool) {
    let totals = cell.totals;
    assert_eq!(totals.injected, totals.delivered + totals.bounced + totals.expired + totals.queued, "{totals:?}");
    assert_eq!(totals.attempts, totals.delivered + totals.deferred + totals.failed + totals.bounced, "{totals:?}");
    assert_eq!(totals.deferred, totals.deferred_at.iter().sum::<u64>(), "{totals:?}");
    assert!(totals.bounced_by_limit <= totals.bounced, "{totals:?}");
    assert!(totals.connections_refused + totals.connections_failed <= totals.connections, "{totals:?}");
    let refused: u64 = cell.replies.iter().map(|reply| reply.count).sum();
    let heard = totals.deferred + totals.failed + totals.bounced;
    // What was said at the very end is not heard any more; and the oracle's mail may be gone by another connection
    // before the one it waited for is refused.
    let unheard = if oracle { u64::MAX - heard } else { totals.queued };
    assert!((heard..=heard + unheard).contains(&refused), "{refused} refused, replies {:?}, {totals:?}", cell.replies);
    for reply in &cell.replies {
        assert_eq!(reply.count, reply.over_time.iter().map(|(_, count)| count).sum::<u64>());
    }
}

fn series(cell: &Cell) {
    let (series, totals) = (&cell.series, cell.totals);
    let sums = [
        (&series.attempts, totals.attempts),
        (&series.deferred, totals.deferred),
        (&series.delivered, totals.delivered),
        (&series.bounced, totals.bounced),
        (&series.expired, totals.expired),
        (&series.connections, totals.connections),
        (&series.connections_refused, totals.connections_refused),
    ];
    for (buckets, total) in sums {
        assert_eq!(buckets.iter().sum::<u64>(), total);
    }
    assert!(series.reputation.iter().all(|score| score.is_some_and(|score| (0.0..=1.0).contains(&score))));
}

fn monotone(reached: &[Option<u64>; 4]) {
    for pair in reached.windows(2) {
        match (pair[0], pair[1]) {
            (Some(earlier), Some(later)) => assert!(earlier <= later, "{reached:?}"),
            (None, Some(_)) => panic!("{reached:?}"),
            _ => {}
        }
    }
}

/// The most sessions that the limits on open connections at the door leave room for, where these never change.
fn most_open(scenario: &Scenario, policy: &Policy, place: usize, rules: &[RuleActivity]) -> Option<u64> {
    let firm = |(rule, limited): (&mxlab::provider::Rule, &RuleActivity)| {
        let RuleKind::Limit(limit) = &rule.kind else { return None };
        let changes = scenario.timeline.iter().any(|change| change.provider.index() == place);
        let door = rule.at <= Stage::Ehlo && !matches!(rule.action, RuleAction::Tarpit(_));
        if limit.meter != Meter::OpenConnections || !door || !rule.enabled || changes || !limit.value.load.is_empty() {
            return None;
        }
        let most = limited.limits.iter().map(|amount| amount.map(u64::from)).collect::<Option<Vec<u64>>>()?;
        let many = match limit.scope {
            Scope::ClientIp | Scope::ClientNetwork => scenario.sources.len() as u64,
            Scope::Provider => 1,
            _ => return None,
        };
        Some(most.into_iter().max()? * many)
    };
    policy.rules.iter().zip(rules).filter_map(firm).min()
}

/// Nothing goes round in circles: events follow from attempts, and connections carry mail.
fn effort(trial: &Trial, due: u64) {
    let sum = |of: fn(&Cell) -> u64| trial.cells.iter().map(of).sum::<u64>();
    let attempts = sum(|cell| cell.totals.attempts);
    let connections = sum(|cell| cell.totals.connections);
    assert!(connections <= 2 * attempts + due + 100, "{connections} connections for {attempts} attempts");
    let most = 20 * (attempts + connections + due) + 1_000;
    assert!(trial.events <= most, "{} events for {attempts} attempts", trial.events);
}
