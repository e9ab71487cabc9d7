//! All trials of a scenario over real sockets: one after the other, since each takes the time it takes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{ChosenStrategy, RunOptions, RunProgress, assemble, chosen};
use crate::live::{self, ClientOptions, LiveTrial, Receivers, Speed, TrialError, TrialHalt};
use crate::record::{Latencies, Record, StrategyLatencies};
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::sender::Strategy;
use crate::trial::TrialInput;
use crate::workload::{GenerateError, generate};

/// What came of a run over real sockets.
#[derive(Debug)]
pub struct LiveRun {
    /// The run, as of a simulated one.
    pub record: Record,
    /// How long everything took in wall-clock time, for each strategy, all seeds together.
    pub latencies: Vec<StrategyLatencies>,
    /// Targets that refused STARTTLS, with what, and got mail in clear text.
    pub clear_text: BTreeMap<SocketAddr, String>,
}

/// Why a run over real sockets came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The mail cannot be made.
    #[error(transparent)]
    Mail(#[from] GenerateError),
    /// A trial came to nothing.
    #[error("strategy {strategy}, seed {seed}: {error}")]
    Trial {
        /// The name of the strategy whose trial it was.
        strategy: String,
        /// The seed of the trial.
        seed: u64,
        /// Why the trial came to nothing.
        error: TrialError,
    },
    /// The system gives no event queue.
    #[error("the system gives no event queue: {0}")]
    NoRuntime(std::io::Error),
}

/// Runs all trials of a scenario over sockets. There is no oracle: the future of a socket is not known. When
/// `stop` is set, the trial under way ends early and is kept as it is, and the record says that it is partial. So it
/// does where mxlab halts a trial, which is only kept if it says something of the providers.
///
/// # Errors
///
/// Where the mail cannot be made, a trial breaks down, or the system gives no event queue.
pub fn run_live(
    scenario: &Scenario,
    options: &RunOptions,
    receivers: &Receivers,
    clock_speed: Speed,
    client_options: &ClientOptions,
    progress: &dyn Fn(RunProgress),
    stop: &AtomicBool,
) -> Result<LiveRun, LiveError> {
    let mut strategies = chosen(scenario, &RunOptions { bound: false, ..options.clone() });
    strategies.retain(|chosen| !chosen.strategy.oracle);
    // One thread: what is sent first arrives first, and is heard first.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::NoRuntime)?;
    let of = strategies.len() * options.seeds as usize;
    let none =
        |strategy: &Strategy| StrategyLatencies { strategy: strategy.name.clone(), latencies: Latencies::default() };
    let mut latencies: Vec<StrategyLatencies> = strategies.iter().map(|chosen| none(&chosen.strategy)).collect();
    let mut trials = Vec::new();
    let mut clear_text = BTreeMap::new();
    let mut cut_short = false;
    let mut halted: Option<TrialHalt> = None;
    for n in 0..options.seeds {
        let seed = options.first_seed.wrapping_add(u64::from(n));
        let mail = generate(&scenario.workload, Seed(seed))?;
        for (ChosenStrategy { strategy, .. }, sum) in strategies.iter().zip(&mut latencies) {
            if stop.load(Ordering::Relaxed) || halted.is_some() {
                break;
            }
            let input = TrialInput { scenario, strategy, seed, unknowns: seed, mail: &mail };
            let live_trial = runtime.block_on(one(input, receivers, clock_speed, client_options.clone(), stop))?;
            cut_short |= live_trial.stopped;
            for (target, reply) in live_trial.clear_text {
                clear_text.entry(target).or_insert(reply);
            }
            halted = live_trial.halted;
            if halted.as_ref().is_some_and(|halt| !halt.keeps_record()) {
                break;
            }
            sum.latencies.merge(&live_trial.latencies);
            trials.push(Some(live_trial.trial));
            progress(RunProgress { done: trials.len(), of });
        }
    }
    runtime.shutdown_background();
    let mut record = assemble(scenario, &strategies, trials, of);
    record.partial |= cut_short;
    record.halted = halted.map(|halt| halt.to_string());
    Ok(LiveRun { record, latencies, clear_text })
}

async fn one(
    input: TrialInput<'_>,
    receivers: &Receivers,
    clock_speed: Speed,
    client_options: ClientOptions,
    stop: &AtomicBool,
) -> Result<LiveTrial, LiveError> {
    let token = CancellationToken::new();
    let asked_to_stop = async {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        token.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        live_trial = live::trial(input, receivers, clock_speed, client_options, &token) => {
            let strategy = input.strategy.name.clone();
            live_trial.map_err(|error| LiveError::Trial { strategy, seed: input.seed, error })
        }
        () = asked_to_stop => unreachable!("it waits for the trial to end"),
    }
}

/// How often the request to stop is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
