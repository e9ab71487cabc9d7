//! Failures of mxlab's own side, injected: what is said of the provider is what is said without them, or the run says
//! that it cannot know.

use std::net::SocketAddr;
use std::time::Duration;

use mxlab::live::{
    self, AllowedTargets, ClientOptions, LiveTrial, OwnFaultPoint, OwnFaults, Receivers, Speed, TrialHalt,
    source_address,
};
use mxlab::record::{OwnFailure, Totals};
use mxlab::rng::Seed;
use mxlab::trial::TrialInput;
use mxlab::workload::generate;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{LONG, client_options, scenario_text};

/// A campaign that a provider takes whole, with a connection for each message.
const SCENARIO: &str = r#"
duration = "24h"
provider = [{ profile = "charter" }]
source = [{ ip = "192.0.2.1", reputation = 1.0, daily-volume = 100000 }]
stream = [{ arrivals = { at-once = { recipients = 60 } }, recipients-per-message = 1 }]
strategy = [{ preset = "fixed", concurrency = { fixed = 2 }, session = { messages-per-connection = 1 } }]
"#;

async fn trial(receivers: &Receivers, client_options: ClientOptions) -> LiveTrial {
    let scenario = scenario_text::scenario("own-side", SCENARIO, &[]);
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let input =
        TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    let (speed, never) = (Speed::new(600.0).unwrap(), CancellationToken::new());
    let trial = live::trial(input, receivers, speed, client_options, &never);
    tokio::time::timeout(LONG, trial).await.expect("it comes to an end").expect("recipients are conserved")
}

/// What a run says of the provider, whatever the time it took.
fn said_of_the_provider(live: &LiveTrial) -> [u64; 8] {
    let Totals {
        delivered, bounced, expired, attempts, deferred, failed, connections_refused, connections_failed, ..
    } = live.trial.cells[0].totals;
    [delivered, bounced, expired, attempts, deferred, failed, connections_refused, connections_failed]
}

#[tokio::test]
async fn a_provider_is_not_charged_with_what_this_machine_is_short_of() {
    let sound = trial(&Receivers::Cluster, client_options()).await;
    assert!(sound.trial.own_failures.is_empty() && sound.halted.is_none());
    assert_eq!(said_of_the_provider(&sound), [60, 0, 0, 60, 0, 0, 0, 0]);
    for (point, share) in [
        (OwnFaultPoint::Socket, 0.2),
        (OwnFaultPoint::Bind, 0.2),
        (OwnFaultPoint::Accept, 0.2),
        (OwnFaultPoint::Buffer, 0.02),
        (OwnFaultPoint::Buffer, 0.05),
    ] {
        for seed in 1..=2 {
            let own_faults = OwnFaults::new(seed, &[(point, share)]);
            let faulty = trial(&Receivers::Cluster, ClientOptions { own_faults, ..client_options() }).await;
            assert_eq!(said_of_the_provider(&faulty), said_of_the_provider(&sound), "{point:?} {share}, seed {seed}");
            assert_eq!(faulty.trial.cells[0].replies, [], "{point:?} {share}, seed {seed}");
            assert!(!faulty.trial.own_failures.is_empty() && faulty.halted.is_none(), "{point:?}, and it is told");
        }
    }
}

/// Receivers whose memory is not ours to break.
async fn elsewhere(doubtful: bool) -> (Receivers, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (hosts(at, doubtful), listener)
}

fn hosts(at: SocketAddr, doubtful: bool) -> Receivers {
    Receivers::Hosts {
        targets: vec![vec![at]],
        sources: vec![source_address(0)],
        allowed: AllowedTargets::default(),
        doubtful: if doubtful { vec![at] } else { Vec::new() },
    }
}

#[tokio::test]
async fn an_attempt_that_this_machine_breaks_off_is_no_attempt() {
    let (receivers, listener) = elsewhere(false).await;
    let accepting = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let own_faults = OwnFaults::new(1, &[(OwnFaultPoint::Buffer, 1.0)]);
    let own_patience = Duration::from_millis(400);
    let live = trial(&receivers, ClientOptions { own_faults, own_patience, ..client_options() }).await;
    accepting.abort();
    assert_eq!(live.halted, Some(TrialHalt::OwnSide { what: OwnFailure::Memory, lasted: own_patience }));
    assert_eq!(live.trial.cells[0].replies, []);
    assert_eq!(said_of_the_provider(&live), [0; 8], "{:?}", live.trial.cells[0].totals);
}

#[tokio::test]
async fn what_stays_away_for_too_long_halts_the_trial() {
    for (point, what) in [
        (OwnFaultPoint::Socket, OwnFailure::Descriptors),
        (OwnFaultPoint::Bind, OwnFailure::Addresses),
        (OwnFaultPoint::Accept, OwnFailure::Untaken),
        (OwnFaultPoint::Buffer, OwnFailure::Memory),
    ] {
        let own_faults = OwnFaults::new(1, &[(point, 1.0)]);
        let own_patience = Duration::from_millis(400);
        let live = trial(&Receivers::Cluster, ClientOptions { own_faults, own_patience, ..client_options() }).await;
        assert_eq!(live.halted, Some(TrialHalt::OwnSide { what, lasted: own_patience }), "{point:?}");
        assert!(live.stopped);
        let totals = live.trial.cells[0].totals;
        assert_eq!((totals.injected, totals.queued), (60, 60));
        assert_eq!(said_of_the_provider(&live), [0; 8], "{point:?}: {totals:?}");
        assert_eq!(live.trial.cells[0].replies, [], "{point:?}");
    }
}

#[tokio::test]
async fn where_no_server_listens_the_trial_is_halted_and_nothing_is_booked() {
    let (receivers, listener) = elsewhere(true).await;
    let Receivers::Hosts { targets, .. } = &receivers else { unreachable!() };
    let at = targets[0][0];
    drop(listener);
    let live = trial(&receivers, client_options()).await;
    assert_eq!((live.halted, live.stopped), (Some(TrialHalt::NoListener(at)), true));
    assert_eq!(live.trial.cells[0].totals.attempts, 0);
}
