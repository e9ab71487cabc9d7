//! Postfix's published tables and real Postfix, measured, against the model.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "postfix/conditions.rs"]
mod conditions;
#[path = "postfix/measured.rs"]
mod measured;

use conditions::{Condition, STARTED};
use measured::{Column, Measured};

#[test]
fn explore() {
    for network in [std::env::var("NET").unwrap_or_default()] {
        println!("{network}");
    for measured in measured::all() {
        let mut c = measured::condition(&measured);
        if !network.is_empty() { c.network = format!("{}\n{}", network.replace(';', "\n"), c.network); }
        let recipients = f64::from(c.messages * c.recipients);
        let seconds = |at: Option<u64>| at.map_or(-1.0, |at| at as f64 / 1e6 - STARTED);
        let one = |seed| {
        let trial = c.run(seed);
        let t = trial.cells[0].totals;
        [t.deferred as f64/ recipients, t.attempts as f64 / recipients, t.connections as f64, t.connections_refused as f64, t.delivered as f64, t.suspended as f64 / recipients, seconds(t.reached_us[0]), seconds(t.reached_us[1]), seconds(t.reached_us[3])]
        };
        let runs: Vec<[f64; 9]> = (1..=5).map(one).collect();
        let mean = |n: usize| runs.iter().map(|r| r[n]).sum::<f64>() / 5.0;
        let get = |c| measured.get(c).unwrap_or(-1.0);
        println!("{:18} defatt {:7.3}={:7.3} att {:6.3}={:6.3} conn {:5.0}={:5.0} ({:4.0}-{:4.0}) ref {:4.0}={:4.0} del {:4.0}={:4.0} sus {:.3}/{:.3} t50 {:6.1}={:6.1} t90 {:6.1}={:6.1} t100 {:6.1}={:6.1}", measured.id,
            mean(0), get(Column::DeferredAttempts)/recipients, mean(1), get(Column::AttemptsPerRecipient), mean(2), get(Column::Connections), runs.iter().map(|r| r[2]).fold(1e9, f64::min), runs.iter().map(|r| r[2]).fold(0.0, f64::max), mean(3), get(Column::Refused), mean(4), get(Column::Delivered), mean(5), get(Column::FirstSuspended),
            mean(6), get(Column::T50), mean(7), get(Column::T90), mean(8), get(Column::T100));
    }
    }
}
