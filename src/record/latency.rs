//! How long everything took on real sockets, in `HdrHistogram`s: microseconds of wall-clock time, three digits.

use hdrhistogram::Histogram;

use crate::time::Span;

/// A stretch of a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyPhase {
    /// From the decision to connect to TCP's handshake.
    Connect,
    /// From there to the greeting.
    Banner,
    /// STARTTLS and the handshake.
    Tls,
    /// EHLO and its reply.
    Ehlo,
    /// MAIL and its reply.
    Mail,
    /// RCPT and its reply, each recipient.
    Rcpt,
    /// DATA and its reply.
    Data,
    /// From the first byte of the message to the reply to the end of data.
    Message,
    /// From MAIL to the last reply.
    Transaction,
    /// From the moment a message should have gone out to its delivery.
    Delivery,
}

impl LatencyPhase {
    /// Every phase, in the order of the session.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Banner,
        Self::Tls,
        Self::Ehlo,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Message,
        Self::Transaction,
        Self::Delivery,
    ];

    /// The phase's name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Banner => "banner",
            Self::Tls => "tls",
            Self::Ehlo => "ehlo",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Message => "message",
            Self::Transaction => "transaction",
            Self::Delivery => "delivery",
        }
    }
}

/// A histogram for every phase.
#[derive(Clone, Debug)]
pub struct Latencies {
    phases: [Histogram<u64>; 10],
}

/// An hour: nothing is waited for longer.
const LONGEST_US: u64 = 3_600_000_000;

impl Default for Latencies {
    fn default() -> Self {
        // Bounds that are valid (1 ≤ low, 2 × low ≤ high, digits ≤ 5), so this cannot fail.
        let empty = || Histogram::new_with_bounds(1, LONGEST_US, 3).expect("bounds of the histogram are valid");
        Self { phases: LatencyPhase::ALL.map(|_| empty()) }
    }
}

impl Latencies {
    /// So long it took, in wall-clock time.
    pub fn record(&mut self, phase: LatencyPhase, took: Span) {
        self.phases[phase as usize].saturating_record(took.as_micros().max(1));
    }

    /// Puts another trial's beside it.
    pub fn merge(&mut self, other: &Self) {
        for (own, others) in self.phases.iter_mut().zip(&other.phases) {
            // The bounds are the same, so this cannot fail.
            let _ = own.add(others);
        }
    }

    /// The histogram of a phase, in microseconds.
    pub const fn of(&self, phase: LatencyPhase) -> &Histogram<u64> {
        &self.phases[phase as usize]
    }
}

/// How long everything took with one strategy, all seeds together.
#[derive(Clone, Debug)]
pub struct StrategyLatencies {
    /// The strategy's name.
    pub strategy: String,
    /// What took how long.
    pub latencies: Latencies,
}
