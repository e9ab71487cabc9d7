//! The record of a run, as it is saved: plain data, complete, in words of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::own_failure::OwnFailures;
use crate::metric::{or_highest, or_lowest};

/// Everything a report needs to know about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub format: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The question it answers.
    pub question: String,
    /// How long a trial could last, in microseconds.
    pub duration_us: u64,
    /// Width of a bucket of the time series, in microseconds.
    pub bucket_us: u64,
    /// Whether the run was stopped before all trials were done.
    pub partial: bool,
    /// Why mxlab itself stopped it before that, if it did: where going on would have said nothing of any provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// The strategies, in the scenario's order; the oracle's bound last if it was not asked for by name.
    pub strategies: Vec<StrategyInfo>,
    /// The providers, in the scenario's order.
    pub providers: Vec<ProviderInfo>,
    /// The expectations and what came out.
    pub expected: Vec<ExpectationResult>,
    /// The trials, ordered by strategy, then by seed.
    pub trials: Vec<Trial>,
    /// The same trials again, each with the unknown limits of the next seed (of the first, after the last): what tells
    /// unknown limits from chance. Sums only, see [`Trial::sums`]. Empty if that was not asked for, or no limit is
    /// unknown. No mean or interval counts them.
    pub crossed: Vec<Trial>,
    /// What is unknown outside the providers, each with the trials that tell how much it matters; empty if that was not
    /// asked for, or nothing is unknown. No mean or interval counts these trials either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknowns: Vec<UnknownInfo>,
}

impl Record {
    /// The version of the format this program writes and reads.
    pub const FORMAT: u32 = 3;

    /// A run of these strategies to these providers of which nothing is recorded yet, not even how long it lasts.
    pub const fn empty(
        scenario: String,
        question: String,
        strategies: Vec<StrategyInfo>,
        providers: Vec<ProviderInfo>,
    ) -> Self {
        Self {
            format: Self::FORMAT,
            scenario,
            question,
            duration_us: 0,
            bucket_us: 0,
            partial: false,
            halted: None,
            strategies,
            providers,
            expected: Vec::new(),
            trials: Vec::new(),
            crossed: Vec::new(),
            unknowns: Vec::new(),
        }
    }

    /// The strategy that is the upper bound of the others: the one that was added as such, or the one called `oracle`.
    pub fn oracle(&self) -> Option<&StrategyInfo> {
        let added = self.strategies.iter().find(|strategy| strategy.bound);
        added.or_else(|| self.strategies.iter().find(|strategy| strategy.name == "oracle"))
    }

    /// Failures of mxlab's own side, in all trials together.
    pub fn own_failures(&self) -> OwnFailures {
        let mut all = OwnFailures::default();
        let moved = self.unknowns.iter().flat_map(|unknown| &unknown.moved).map(|moved| &moved.trial);
        self.trials.iter().chain(&self.crossed).chain(moved).for_each(|trial| all.merge(&trial.own_failures));
        all
    }

    /// How long the longest trial took until its last recipient was settled, or to its end, in microseconds.
    pub fn lasted_us(&self) -> u64 {
        self.trials.iter().map(|trial| trial.settled_us.unwrap_or(self.duration_us)).max().unwrap_or(0)
    }

    /// The trials of a strategy, by seed.
    pub fn trials_of(&self, strategy: &str) -> impl Iterator<Item = &Trial> {
        self.trials.iter().filter(move |trial| trial.strategy == strategy)
    }
}

/// A strategy of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyInfo {
    /// The name under which its trials are recorded.
    pub name: String,
    /// What it does, in a sentence.
    pub about: String,
    /// Whether it is only there as the upper bound.
    pub bound: bool,
}

/// A provider of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// The profile's name.
    pub name: String,
    /// The name people know.
    pub title: String,
}

/// A number, or numbers drawn together, that is not known outside a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnknownInfo {
    /// The provider's place in the record.
    pub provider: usize,
    /// What it is called: the name of its rule, or `allowance`.
    pub name: String,
    /// What is known of it: its range, in words.
    pub range: String,
    /// Trials of one strategy, each under a seed of its own but for this unknown, which is that of another seed. Empty
    /// where the rule refused nothing in any trial, so that its limit did not matter.
    pub moved: Vec<MovedTrial>,
}

/// A trial in which one unknown is that of another seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MovedTrial {
    /// Where in its range the unknown lies under the trial's own seed, from 0 to 1.
    pub from: f64,
    /// Where it lies in this trial.
    pub to: f64,
    /// What came of it: sums only, see [`Trial::sums`]. Its `unknowns` are the seed that this one is from.
    pub trial: Trial,
}

/// An expectation and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationResult {
    /// Name of the metric.
    pub metric: String,
    /// Name of the strategy it is about.
    pub strategy: String,
    /// Name of the provider it is about; `None` is all providers together.
    pub provider: Option<String>,
    /// At least; `null` in the file is no lower end.
    #[serde(deserialize_with = "or_lowest")]
    #[schemars(with = "Option<f64>")]
    pub min: f64,
    /// At most; `null` in the file is no upper end.
    #[serde(deserialize_with = "or_highest")]
    #[schemars(with = "Option<f64>")]
    pub max: f64,
    /// The mean over the seeds; `None` if it is not defined for any of them.
    pub mean: Option<f64>,
    /// Half the width of its 95 % interval over the seeds; `None` for a single seed.
    pub half: Option<f64>,
    /// Whether it was met.
    pub met: bool,
}

/// One strategy, one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The strategy's name.
    pub strategy: String,
    /// The seed of chance.
    pub seed: u64,
    /// The seed of the unknown limits: the same, but in crossed trials.
    pub unknowns: u64,
    /// Hash of everything that happened, 16 hexadecimal digits: equal hashes, equal trials.
    pub hash: String,
    /// Events the world went through.
    pub events: u64,
    /// When the last recipient was settled; `None` if some were still queued at the end.
    pub settled_us: Option<u64>,
    /// When 50, 90, 99 and 100 % of the deliverable recipients of all providers together had their mail, in
    /// microseconds after the start.
    pub reached_us: [Option<u64>; 4],
    /// How long mail waited because the sender had as many connections open as it opens at most, in microseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub capped_us: u64,
    /// One for each provider, in the record's order.
    pub cells: Vec<Cell>,
    /// Failures of mxlab's own side during the trial: none in virtual time, and none that is booked as a provider's.
    #[serde(default, skip_serializing_if = "OwnFailures::is_empty")]
    pub own_failures: OwnFailures,
}

impl ReplyCount {
    /// What the server did instead of replying, where that was against the protocol or no TLS, in words.
    pub fn break_off(&self) -> Option<&str> {
        let what = self.text.strip_prefix('(')?.strip_suffix(')')?;
        ["protocol violation:", "TLS"].iter().any(|of| what.starts_with(of)).then_some(what)
    }
}

impl Trial {
    /// The trial without what it is drawn from over time: series, histograms and replies. Sums, times and limits stay.
    #[must_use]
    pub fn sums(mut self) -> Self {
        for cell in &mut self.cells {
            cell.series = Series::default();
            cell.time_to_delivery = String::new();
            cell.replies = Vec::new();
        }
        self
    }
}

/// One strategy, one seed, one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// What was counted over the whole trial.
    pub totals: Totals,
    /// What was counted in each bucket of time.
    pub series: Series,
    /// Time from a message's intended time to its delivery, in milliseconds: HdrHistogram V2, deflated, base64.
    pub time_to_delivery: String,
    /// Every refusal, by reply text; ordered by how often, then by text.
    pub replies: Vec<ReplyCount>,
    /// Every rule of the provider, in its order.
    pub rules: Vec<RuleActivity>,
}

/// Sums over a trial at one provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Recipients injected: delivered + bounced + expired + queued.
    pub injected: u64,
    /// Of these, recipients with a mailbox that takes mail.
    pub deliverable: u64,
    /// Recipients whose mail the provider accepted.
    pub delivered: u64,
    /// Bounced: given up because of a reply.
    pub bounced: u64,
    /// Of the bounced, those lost to a limit (a 5xx that was in truth temporary).
    pub bounced_by_limit: u64,
    /// Given up because of their age.
    pub expired: u64,
    /// Still in the sender's queue at the end.
    pub queued: u64,
    /// Attempts: each counts every recipient it carried.
    pub attempts: u64,
    /// Attempts that the provider deferred.
    pub deferred: u64,
    /// Attempts that failed without a reply (time-out, reset, silent close).
    pub failed: u64,
    /// What would have been attempts, had mxlab's own side not broken them off: they are in no other count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub spoiled: u64,
    /// Deferred attempts by stage: connect, ehlo, mail, rcpt, data, end-of-data.
    pub deferred_at: [u64; 6],
    /// Transactions that were begun with MAIL.
    pub transactions: u64,
    /// Connections that the sender tried to open.
    pub connections: u64,
    /// Connections refused at connect or EHLO.
    pub connections_refused: u64,
    /// Connections on which no recipient was named, so that it is not known what they would have brought. Only a server
    /// counts them: a sender knows its mail.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connections_without_recipient: u64,
    /// Connections that timed out or were reset before a greeting.
    pub connections_failed: u64,
    /// Sessions that went on in clear text, as the server refused STARTTLS.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub starttls_refused: u64,
    /// Recipient-microseconds that mail was ready to go and the sender itself held it back.
    pub held_back_us: u64,
    /// How often recipients were put off without being tried, because the sender took their site for dead.
    #[serde(default, rename = "suspended")]
    pub put_off: u64,
    /// The sender's window of concurrency, seen after every delivery.
    #[serde(default)]
    pub window: WindowSum,
    /// Client-microseconds under a hold of the provider.
    pub hold_us: u64,
    /// Complaints that reached the provider.
    pub complaints: u64,
    /// Recipients who found accepted mail in the junk, where the provider is known to place it.
    #[serde(default)]
    pub junked: u64,
    /// When 50, 90, 99 and 100 % of the deliverable recipients had their mail, in microseconds after the start.
    pub reached_us: [Option<u64>; 4],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A window of concurrency that was looked at several times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSum {
    /// How often it was looked at.
    pub times: u64,
    /// The sum of what was seen.
    pub sum: u64,
}

/// Time series: entry n covers the n-th bucket. All of the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Attempts that ended in the bucket.
    pub attempts: Vec<u64>,
    /// Attempts that the provider deferred.
    pub deferred: Vec<u64>,
    /// Recipients whose mail the provider accepted.
    pub delivered: Vec<u64>,
    /// Recipients given up because of a reply.
    pub bounced: Vec<u64>,
    /// Recipients given up because of their age.
    pub expired: Vec<u64>,
    /// Connections that the sender tried to open.
    pub connections: Vec<u64>,
    /// Connections refused at connect or EHLO.
    pub connections_refused: Vec<u64>,
    /// Most connections open at once in the bucket, as the provider sees them.
    pub open_max: Vec<u32>,
    /// Recipients ready to go and held back by the sender itself, at the end of the bucket.
    pub held_back: Vec<u64>,
    /// Recipients that wait for their retry, at the end of the bucket.
    pub waiting: Vec<u64>,
    /// Lowest reputation of any of the sources, at the end of the bucket; `None` where it cannot be seen, as of a
    /// server elsewhere.
    pub reputation: Vec<Option<f64>>,
    /// The tightest limit on open connections, summed over sources, at the end of the bucket; `None` is no limit.
    pub open_limit: Vec<Option<u64>>,
}

/// A reply text and how often it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyCount {
    /// Where in the session.
    pub stage: String,
    /// Code, enhanced code and text; or what happened instead of a reply, in parentheses.
    pub text: String,
    /// The rule that gave it; empty for what no rule decided.
    pub rule: String,
    /// How often, in attempts.
    pub count: u64,
    /// (bucket, attempts) for the buckets in which it was given.
    pub over_time: Vec<(u32, u64)>,
}

/// A rule and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleActivity {
    /// The rule's name in the profile.
    pub rule: String,
    /// What it refused.
    pub refused: u64,
    /// How many holds it began.
    pub holds: u64,
    /// The limits by tier in this trial, unknowns drawn; `None` is no limit; empty for rules without a limit.
    pub limits: Vec<Option<u32>>,
}
