//! The conditions under which Postfix was measured, as scenarios.
//!
//! What the receiver enforced becomes rules; what differs from Postfix's defaults stands under `main-cf` by its own
//! name. Postfix had been started 1.8 s before the mail came (its first look through the queue is at its start).

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sim::trial;
use mxlab::trial::TrialInput;
use mxlab::workload::generate;

/// A condition.
#[derive(Clone)]
pub(crate) struct Condition {
    /// Rules and service of the receiver, as a profile writes them.
    pub(crate) receiver: String,
    /// The strategy, but for its `[[strategy]]`.
    pub(crate) sender: String,
    /// Messages, and over how many seconds they come.
    pub(crate) messages: u32,
    pub(crate) over: f64,
    /// Recipients of a message.
    pub(crate) recipients: u32,
    /// Lines of the network, besides round trip and host time.
    pub(crate) network: String,
    /// Seconds until the run was cut off.
    pub(crate) lasts: f64,
}

/// What the receiver's clock shows when Postfix is started: its minutes begin 35 s after the first message.
const CLOCK: u64 = 23;

/// Seconds from the start of Postfix to the first message.
pub(crate) const STARTED: f64 = 1.8;

impl Condition {
    /// The same, cut off before anything is tried again.
    pub(crate) fn first_pass(&self) -> Self {
        let first_retry =
            if self.sender.contains("minimal_backoff_time = \"30s\"") { 27.0 + self.over } else { 7_000.0 };
        Self { lasts: self.lasts.min(first_retry), ..self.clone() }
    }

    pub(crate) fn run(&self, seed: u64) -> Trial {
        let scenario = self.scenario();
        let mail = generate(&scenario.workload, Seed(seed)).unwrap();
        let input =
            TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed, unknowns: seed, mail: &mail };
        trial(input, &AtomicBool::new(false)).unwrap_or_else(|broken| panic!("{broken}")).unwrap()
    }

    fn scenario(&self) -> Scenario {
        let duration = STARTED + self.lasts;
        let network = if self.network.contains("rtt") { String::new() } else { NETWORK.to_owned() };
        let text = format!(
            "question = \"?\"\nstarts-at = \"{CLOCK}s\"\nduration = \"{duration:.3}s\"\n[[provider]]\nprofile = \"receiver.toml\"\n\
             [[source]]\nip = \"192.0.2.1\"\n\
             [[stream]]\nname = \"mail\"\narrivals = {{ trace = \"mail.csv\" }}\nsender-domain = \"a.example\"\n\
             [network]\n{network}{}\n[[strategy]]\n{}\n",
            self.network, self.sender
        );
        let files = [("receiver.toml", &*self.profile()), ("mail.csv", &*self.trace())];
        super::scenario_text::scenario("condition.toml", &text, &files)
    }

    fn profile(&self) -> String {
        format!(
            "name = \"receiver\"\ntitle = \"Receiver\"\ndomains = [\"dest.example\"]\nmx = [\"mx.dest.example\"]\n\
             [reply.busy]\ncode = 421\nenhanced = \"4.7.0\"\ntext = \"too many\"\n\
             [reply.later]\ncode = 451\nenhanced = \"4.7.1\"\ntext = \"try again later\"\n{}",
            self.receiver
        )
    }

    fn trace(&self) -> String {
        let mut text = "time,recipients\n".to_owned();
        let recipients = vec!["dest.example"; self.recipients as usize].join(";");
        for n in 0..self.messages {
            let at = STARTED + self.over * f64::from(n) / f64::from(self.messages);
            _ = writeln!(text, "{at:.6},{recipients}");
        }
        text
    }
}

/// The machine both ends ran on: two cores. Not measured by itself, but chosen once for all conditions.
const NETWORK: &str =
    "rtt = { uniform = [\"1ms\", \"3ms\"] }\nhost = { arrival = \"1700us\", delivery = \"3500us\" }\n";
