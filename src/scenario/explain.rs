//! A scenario in plain words: what will be sent, to whom, from where, by which strategies, and what that takes.
//!
//! For `mxlab check`. A person reads it in under a minute, so it says nothing that is as usual.

mod clock;
mod mail;

use std::fmt::Write as _;
use std::iter;

use clock::clock;

use super::model::{BadHost, Change, Expectation, Network, Scenario};
use super::sweep::Sweep;
use crate::provider::{History, PolicyChange, Rule, RuleKind, profile};
use crate::sender::{CONNECTIONS_MAX, Strategy, preset};
use crate::units::{Bytes, Fraction, ProviderId, RuleId};

/// What `scenario` will do.
pub fn explain(scenario: &Scenario) -> String {
    let mut out = scenario.name.clone();
    if !scenario.question.is_empty() {
        _ = write!(out, ": {}", scenario.question);
    }
    out.push('\n');
    section(&mut out, "sends", &mail::lines(scenario));
    section(&mut out, "to", &providers(scenario));
    section(&mut out, "from", &sources(scenario));
    section(&mut out, "over", &[network(&scenario.network)]);
    section(&mut out, "by", &strategies(scenario));
    section(
        &mut out,
        "changes",
        &scenario.timeline.iter().map(|change| self::change(change, scenario)).collect::<Vec<_>>(),
    );
    section(&mut out, "expects", &scenario.expectations.iter().map(expectation).collect::<Vec<_>>());
    section(&mut out, "sweeps", &scenario.sweep.iter().flat_map(sweep).collect::<Vec<_>>());
    section(&mut out, "runs", &trials(scenario));
    out
}

/// Lines under a heading that stands to their left; nothing if there are none.
fn section(out: &mut String, heading: &str, lines: &[String]) {
    for (n, line) in lines.iter().enumerate() {
        let heading = if n == 0 { heading } else { "" };
        if n == 0 {
            out.push('\n');
        }
        _ = writeln!(out, "{heading:<9}{line}");
    }
}

fn providers(scenario: &Scenario) -> Vec<String> {
    let mut lines = Vec::new();
    for (policy, share) in scenario.providers.iter().zip(scenario.shares()) {
        let share = Fraction::clamped(share);
        lines.push(format!(
            "{} ({}), {share} of the recipients: {}",
            policy.name,
            policy.title,
            first_names(policy.domains.patterns())
        ));
        let limits = profile::limits_in_short(policy);
        let width = limits.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        lines.extend(limits.iter().map(|(name, limit)| format!("  {name:<width$}  {limit}")));
        if limits.is_empty() {
            lines.push("  no limits".to_owned());
        }
        let reasons = profile::reasons(policy);
        if !reasons.is_empty() {
            lines.push(format!("  also refuses for: {}", reasons.join(", ")));
        }
    }
    let unknown =
        |rule: &Rule| rule.enabled && matches!(&rule.kind, RuleKind::Limit(limit) if limit.value.is_unknown());
    if scenario.providers.iter().any(|policy| policy.rules.iter().any(unknown)) {
        lines.push("a range with a question mark: nobody outside knows; every seed draws its own number".to_owned());
    }
    lines
}

/// What lies behind a source or a sender domain, in words.
fn history(history: &History) -> String {
    let mut words = match (history.reputation, history.daily_volume) {
        (None, 0) => return "newcomers to every provider".to_owned(),
        (Some(reputation), _) => format!("reputation {} at the start", reputation.get()),
        (None, _) => "regular senders".to_owned(),
    };
    if history.daily_volume > 0 {
        _ = write!(words, ", used to reach {} recipients a day at each provider", history.daily_volume);
    }
    if let Some(age) = history.age {
        _ = write!(words, " for {age}");
    }
    words
}

fn sources(scenario: &Scenario) -> Vec<String> {
    // Alike but for the address: one line for all of them.
    let mut lines: Vec<(Vec<String>, String)> = Vec::new();
    for source in &scenario.sources {
        let mut traits = history(&source.history);
        if source.listed {
            traits.push_str(", on a block list");
        }
        if !source.ptr {
            traits.push_str(", without a PTR record");
        }
        if let Some(account) = source.account.and_then(|account| scenario.accounts.get(account.index())) {
            _ = write!(traits, ", logged in as {account} (in virtual time only)");
        }
        let ip = source.ip.to_string();
        match lines.last_mut() {
            Some((ips, last)) if *last == traits => ips.push(ip),
            _ => lines.push((vec![ip], traits)),
        }
    }
    let line = |(ips, traits): (Vec<String>, String)| match ips.as_slice() {
        [first, .., last] => format!("{} sources, {first} to {last}: {traits}", ips.len()),
        _ => format!("{}: {traits}", ips.concat()),
    };
    lines.into_iter().map(line).collect()
}

fn network(network: &Network) -> String {
    let mut line = format!("a network with a round-trip time of {}", network.rtt);
    if let Some(bytes) = network.bytes_per_second {
        _ = write!(line, ", {} a second for each connection", Bytes(bytes));
    }
    if network.reset > Fraction::NONE {
        _ = write!(line, "; {} of the transactions lose their connection", network.reset);
    }
    if network.bad_hosts > Fraction::NONE {
        let how = match network.bad_how {
            BadHost::Refuses => "refuse connections",
            BadHost::Silent => "never answer",
            BadHost::NeverGreets => "never greet",
        };
        _ = write!(line, "; {} of the MX hosts {how}", network.bad_hosts);
    }
    line
}

fn strategies(scenario: &Scenario) -> Vec<String> {
    let width = scenario.strategies.iter().map(|strategy| strategy.name.chars().count()).max().unwrap_or_default();
    let line = |one: &Strategy| format!("{:<width$}  {}", one.name, preset::sentence(one));
    scenario.strategies.iter().flat_map(|one| iter::once(line(one)).chain(starved(one, scenario))).collect()
}

/// What holds a strategy back whose windows and mail allow more connections than any sender opens.
fn starved(strategy: &Strategy, scenario: &Scenario) -> Option<String> {
    let domains: Vec<ProviderId> = scenario.domains.iter().map(|domain| domain.provider).collect();
    let demand = strategy.connection_demand(scenario.sources.len() as u64, &domains);
    let wanted = demand.deliveries.min(scenario.expected_recipients());
    let held_back = !strategy.oracle && wanted > CONNECTIONS_MAX as u64;
    held_back.then(|| {
        format!(
            "  may want {wanted} connections at once: a sender opens at most {CONNECTIONS_MAX}, and what is above waits \
             its turn, first come, first served"
        )
    })
}

fn change(change: &Change, scenario: &Scenario) -> String {
    let Some(policy) = scenario.providers.get(change.provider.index()) else { return String::new() };
    let rule = |id: &RuleId| policy.rules.get(id.index()).map_or("", |rule| rule.name.as_str());
    let what = match &change.policy_change {
        PolicyChange::Limit(id, limit) => {
            format!("the limit of {} becomes {}", rule(id), profile::limit_in_short(limit, policy))
        }
        PolicyChange::Enabled(id, true) => format!("{} is switched on", rule(id)),
        PolicyChange::Enabled(id, false) => format!("{} is switched off", rule(id)),
        PolicyChange::Reputation(client, share) => {
            let ip = scenario.sources.get(client.index()).map_or_else(String::new, |source| source.ip.to_string());
            format!("the reputation of {ip} becomes {}", share.get())
        }
    };
    format!("at {}, {}: {what}", change.at, policy.name)
}

fn expectation(expected: &Expectation) -> String {
    let Expectation { metric, strategy, provider, min, max } = expected;
    let place = provider.as_ref().map_or_else(String::new, |provider| format!(" at {provider}"));
    let range = match (min.is_finite(), max.is_finite()) {
        (true, true) => format!("from {min} to {max}"),
        (true, false) => format!("at least {min}"),
        _ => format!("at most {max}"),
    };
    format!("{metric} of {strategy}{place}: {range}")
}

/// What `mxlab sweep` goes through, and what it looks for.
fn sweep(sweep: &Sweep) -> [String; 2] {
    let values: Vec<String> = sweep.values.list.iter().map(|(value, _)| value.to_string()).collect();
    let shown = match values.as_slice() {
        [first, second, .., last] if values.len() > 8 => {
            format!("{first}, {second} ... {last}, {} in all", values.len())
        }
        all => all.join(", "),
    };
    [
        format!("{} over {shown} (mxlab sweep)", sweep.over.path()),
        format!("  looks for the values that are safe: {}", sweep.safe),
    ]
}

fn trials(scenario: &Scenario) -> Vec<String> {
    let strategies = scenario.strategies.len() as u64;
    // The upper bound is always there; a scenario that names it gets it no second time.
    let bound = u64::from(!scenario.strategies.iter().any(|strategy| strategy.oracle));
    let seeds = u64::from(scenario.seeds);
    let last = scenario.seed.saturating_add(seeds - 1);
    let plus = if bound == 1 { " and the oracle's upper bound" } else { "" };
    vec![
        format!(
            "{} trials: {}{plus}, {} each ({} to {last})",
            (strategies + bound) * seeds,
            counted(strategies, "strategy", "strategies"),
            counted(seeds, "seed", "seeds"),
            scenario.seed
        ),
        format!(
            "{} of virtual time each, from {} on; about {} of memory each",
            scenario.duration,
            clock(scenario.day_starts),
            Bytes(scenario.memory_per_trial())
        ),
    ]
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// At most four of the names.
fn first_names(names: &[String]) -> String {
    match names {
        [a, b, c, rest @ ..] if rest.len() > 1 => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests;
