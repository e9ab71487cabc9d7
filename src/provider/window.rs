//! Windows: what a counter remembers, and whether it has room for one more.
//!
//! All arithmetic on counts and times is in integers, so that a window admits exactly what it says; only Exim's average
//! is a real number, as it is in Exim. Where `earliest` cannot name a moment it says [`Time::NEVER`].

use std::collections::VecDeque;

use super::policy::{Aligned, Window};
use crate::time::{Span, Time};

/// What one counter remembers. Its form follows from the window it belongs to.
#[derive(Clone, Debug)]
pub struct Counter {
    memory: Memory,
}

#[derive(Clone, Debug)]
enum Memory {
    /// Gauge, session and message windows: a plain number.
    Count(u32),
    /// Fixed window: the frame that was last counted in.
    Frame { start: Time, used: u32 },
    /// Sliding log: the moments that still count, oldest first.
    Log(VecDeque<Time>),
    /// Token bucket: tokens × `per` in microseconds at a moment; nothing was ever taken where there is no moment.
    Bucket { level: u128, at: Option<Time> },
    /// Exim: the smoothed rate at the last event.
    Average { rate: f64, at: Option<Time> },
}

impl Counter {
    /// A counter that has counted nothing.
    pub fn new(window: &Window) -> Self {
        let memory = match window {
            Window::Gauge | Window::Session | Window::Message => Memory::Count(0),
            Window::Fixed { .. } => Memory::Frame { start: Time::ZERO, used: 0 },
            Window::Sliding { .. } => Memory::Log(VecDeque::new()),
            Window::Bucket { .. } => Memory::Bucket { level: 0, at: None },
            Window::Ewma { .. } => Memory::Average { rate: 0.0, at: None },
        };
        Self { memory }
    }

    /// Whether `n` more fit under `limit` at `now`.
    #[inline]
    pub fn admits(&self, now: Time, window: &Window, limit: u32, n: u32) -> bool {
        match (&self.memory, *window) {
            (Memory::Count(used), _) => fits(*used, n, limit),
            (Memory::Frame { start, used }, Window::Fixed { length, aligned }) => {
                fits(if in_frame(now, *start, length, aligned, *used) { *used } else { 0 }, n, limit)
            }
            (Memory::Log(log), Window::Sliding { length }) => {
                let still = log.len() - log.partition_point(|at| *at + length <= now);
                still as u64 + u64::from(n) <= u64::from(limit)
            }
            (Memory::Bucket { level, at }, Window::Bucket { per, burst }) => {
                tokens(*level, *at, now, per, limit, burst) >= worth(n, per)
            }
            (Memory::Average { rate, at }, Window::Ewma { period }) => {
                smoothed(*rate, *at, now, period, n) < f64::from(limit)
            }
            _ => false,
        }
    }

    /// Counts `n` events at `now`. `keep` bounds a sliding log: the newest so many are enough to judge by.
    #[inline]
    pub fn count(&mut self, now: Time, window: &Window, limit: u32, n: u32, keep: u32) {
        // The commonest by far: the frame goes on.
        if let (Memory::Frame { start, used }, Window::Fixed { length, aligned }) = (&mut self.memory, *window)
            && in_frame(now, *start, length, aligned, *used)
        {
            *used = used.saturating_add(n);
        } else {
            self.remember(now, window, limit, n, keep);
        }
    }

    /// Whether `n` more fit, and counts them if they do, or `always`.
    pub fn takes(&mut self, now: Time, window: &Window, limit: u32, n: u32, (keep, always): (u32, bool)) -> bool {
        // The dearest to work out, and worked out once.
        if let (Memory::Bucket { level, at }, Window::Bucket { per, burst }) = (&mut self.memory, *window) {
            let (held, taken) = (tokens(*level, *at, now, per, limit, burst), worth(n, per));
            if held >= taken || always {
                (*level, *at) = (held.saturating_sub(taken), Some(now));
            }
            return held >= taken;
        }
        let fits = self.admits(now, window, limit, n);
        if fits || always {
            self.count(now, window, limit, n, keep);
        }
        fits
    }

    fn remember(&mut self, now: Time, window: &Window, limit: u32, n: u32, keep: u32) {
        match (&mut self.memory, *window) {
            (Memory::Count(used), _) => *used = used.saturating_add(n),
            (Memory::Frame { start, used }, Window::Fixed { length, aligned }) => {
                *start = frame_start(now, length, aligned);
                *used = n;
            }
            (Memory::Log(log), Window::Sliding { length }) => {
                while log.front().is_some_and(|at| *at + length <= now) {
                    log.pop_front();
                }
                for _ in 0..n.min(keep) {
                    if log.len() >= keep as usize {
                        log.pop_front();
                    }
                    log.push_back(now);
                }
            }
            (Memory::Bucket { level, at }, Window::Bucket { per, burst }) => {
                *level = tokens(*level, *at, now, per, limit, burst).saturating_sub(worth(n, per));
                *at = Some(now);
            }
            (Memory::Average { rate, at }, Window::Ewma { period }) => {
                *rate = smoothed(*rate, *at, now, period, n);
                *at = Some(now);
            }
            _ => {}
        }
    }

    /// Gives back `n` of a gauge.
    pub fn release(&mut self, n: u32) {
        if let Memory::Count(used) = &mut self.memory {
            *used = used.saturating_sub(n);
        }
    }

    /// The number of a gauge, session or message counter.
    pub fn used(&self) -> u32 {
        match self.memory {
            Memory::Count(used) => used,
            _ => 0,
        }
    }

    /// The first moment, not before `now`, at which `n` more fit if nothing else happens.
    pub fn earliest(&self, now: Time, window: &Window, limit: u32, n: u32) -> Time {
        if self.admits(now, window, limit, n) {
            return now;
        }
        match (&self.memory, *window) {
            (Memory::Frame { start, .. }, Window::Fixed { length, .. }) if n <= limit => *start + length,
            (Memory::Log(log), Window::Sliding { length }) if n <= limit => {
                let surplus = (log.len() + n as usize).saturating_sub(limit as usize);
                surplus.checked_sub(1).and_then(|i| log.get(i)).map_or(Time::NEVER, |at| *at + length)
            }
            (Memory::Bucket { level, at }, Window::Bucket { per, burst })
                if limit > 0 && n <= burst.unwrap_or(limit) =>
            {
                let missing = worth(n, per) - tokens(*level, *at, now, per, limit, burst);
                now + Span::from_micros(u64::try_from(missing.div_ceil(u128::from(limit))).unwrap_or(u64::MAX))
            }
            (Memory::Average { rate, at: Some(at) }, Window::Ewma { period }) if n < limit => {
                first_below(*rate, *at, now, period, n, limit)
            }
            _ => Time::NEVER,
        }
    }

    /// Whether this counter could be forgotten at `now` without anyone noticing.
    pub fn is_blank(&self, now: Time, window: &Window, limit: u32) -> bool {
        match (&self.memory, *window) {
            (Memory::Count(used), _) => *used == 0,
            (Memory::Frame { start, .. }, Window::Fixed { length, .. }) => *start + length <= now,
            (Memory::Log(log), Window::Sliding { length }) => log.back().is_none_or(|at| *at + length <= now),
            (Memory::Bucket { level, at }, Window::Bucket { per, burst }) => {
                let full = u128::from(burst.unwrap_or(limit)) * u128::from(per.as_micros());
                tokens(*level, *at, now, per, limit, burst) >= full
            }
            // After this many periods even the steepest peak has decayed below one event.
            (Memory::Average { at, .. }, Window::Ewma { period }) => at.is_none_or(|at| at + period.times(32) <= now),
            _ => true,
        }
    }
}

const fn fits(used: u32, n: u32, limit: u32) -> bool {
    used as u64 + n as u64 <= limit as u64
}

fn frame_start(now: Time, length: Span, aligned: Aligned) -> Time {
    match aligned {
        Aligned::Clock => Time::from_micros(now.as_micros() - now.as_micros() % length.as_micros()),
        Aligned::First => now,
    }
}

/// Whether `now` lies in the frame that began at `start`. A frame nothing was counted in is no frame.
fn in_frame(now: Time, start: Time, length: Span, aligned: Aligned, used: u32) -> bool {
    match aligned {
        // A frame of the clock begins at a whole multiple, as time zero does: no division is needed to compare.
        Aligned::Clock => start <= now && now < start + length,
        Aligned::First => used > 0 && now < start + length,
    }
}

/// Tokens × `per` at `now`. The rate is `limit` tokens in `per`; with both scaled by `per` it is `limit` a microsecond.
fn tokens(level: u128, at: Option<Time>, now: Time, per: Span, limit: u32, burst: Option<u32>) -> u128 {
    let full = u128::from(burst.unwrap_or(limit)) * u128::from(per.as_micros());
    match at {
        None => full,
        Some(at) => (level + u128::from(now.since(at).as_micros()) * u128::from(limit)).min(full),
    }
}

/// What `n` tokens are in the same measure.
fn worth(n: u32, per: Span) -> u128 {
    u128::from(n) * u128::from(per.as_micros())
}

/// Exim's measured rate after `n` events at `now` (Exim, `acl.c`, `acl_ratelimit`): an exponentially weighted average
/// of the instantaneous rate over `period`, never below the size of the event itself.
fn smoothed(rate: f64, at: Option<Time>, now: Time, period: Span, n: u32) -> f64 {
    let n = f64::from(n);
    let Some(at) = at else { return n };
    let interval = now.since(at).max(Span::TICK).as_secs_f64() / period.as_secs_f64();
    let weight = (-interval).exp();
    ((1.0 - weight) * n / interval + weight * rate).max(n)
}

/// The smoothed rate falls with the interval, so the first moment below the limit is found by halving.
fn first_below(rate: f64, at: Time, now: Time, period: Span, n: u32, limit: u32) -> Time {
    let below = |t: Time| smoothed(rate, Some(at), t, period, n) < f64::from(limit);
    let (mut low, mut high) = (now, at + period.times(64));
    if !below(high) {
        return Time::NEVER;
    }
    while high.since(low) > Span::TICK {
        let middle = Time::from_micros(low.as_micros().midpoint(high.as_micros()));
        if below(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    //! Every window against a naive reference that keeps a vector of all moments and counts them anew each time.

    use proptest::prelude::*;

    use super::*;

    const LENGTH: Span = Span::from_micros(100);

    /// Gaps between attempts, some of them none at all; and sizes of the attempts.
    fn attempts() -> impl Strategy<Value = Vec<(u64, u32)>> {
        prop::collection::vec((prop_oneof![Just(0_u64), 1..20_u64, 50..250_u64], 1..4_u32), 1..200)
    }

    /// Feeds attempts to a counter, counting what is admitted, and hands every decision to `check` with the moments
    /// admitted before.
    fn feed(
        window: Window,
        limit: u32,
        attempts: &[(u64, u32)],
        mut check: impl FnMut(Time, u32, bool, &[Time]),
    ) -> Vec<Time> {
        let mut counter = Counter::new(&window);
        let (mut now, mut admitted) = (Time::from_micros(1_000), Vec::new());
        for (gap, n) in attempts {
            now += Span::from_micros(*gap);
            let fits = counter.admits(now, &window, limit, *n);
            check(now, *n, fits, &admitted);
            assert_eq!(fits, counter.earliest(now, &window, limit, *n) == now);
            assert_eq!(counter.takes(now, &window, limit, *n, (limit, false)), fits);
            if fits {
                admitted.extend((0..*n).map(|_| now));
            }
        }
        admitted
    }

    proptest! {
        #[test]
        fn a_sliding_log_is_the_count_of_the_last_length(attempts in attempts(), limit in 0..12_u32) {
            feed(Window::Sliding { length: LENGTH }, limit, &attempts, |now, n, fits, admitted| {
                let recent = admitted.iter().filter(|at| **at + LENGTH > now).count();
                assert_eq!(fits, recent + n as usize <= limit as usize);
            });
        }

        #[test]
        fn a_clock_frame_is_the_count_of_the_frame_and_at_most_twice_the_limit_in_any_length(
            attempts in attempts(),
            limit in 0..12_u32,
        ) {
            let window = Window::Fixed { length: LENGTH, aligned: Aligned::Clock };
            let frame = |at: Time| at.as_micros() / LENGTH.as_micros();
            let admitted = feed(window, limit, &attempts, |now, n, fits, admitted| {
                let same = admitted.iter().filter(|at| frame(**at) == frame(now)).count();
                assert_eq!(fits, same + n as usize <= limit as usize);
            });
            for start in &admitted {
                let within = admitted.iter().filter(|at| **at >= *start && **at < *start + LENGTH).count();
                prop_assert!(within <= 2 * limit as usize);
            }
        }

        #[test]
        fn a_frame_that_begins_with_the_first_event_is_replayed_by_hand(attempts in attempts(), limit in 1..12_u32) {
            let window = Window::Fixed { length: LENGTH, aligned: Aligned::First };
            feed(window, limit, &attempts, |now, n, fits, admitted| {
                // The reference walks over all admitted moments and opens a frame whenever the last one is over.
                let mut start: Option<Time> = None;
                let mut used = 0;
                for at in admitted {
                    if start.is_none_or(|start| start + LENGTH <= *at) {
                        (start, used) = (Some(*at), 0);
                    }
                    used += 1;
                }
                let open = start.is_some_and(|start| now < start + LENGTH);
                assert_eq!(fits, if open { used } else { 0 } + n <= limit);
            });
        }

        #[test]
        fn a_bucket_admits_no_more_than_burst_and_rate_times_time(
            attempts in attempts(),
            limit in 1..12_u32,
            burst in 1..12_u32,
        ) {
            let window = Window::Bucket { per: LENGTH, burst: Some(burst) };
            let admitted = feed(window, limit, &attempts, |_, _, _, _| {});
            for (i, start) in admitted.iter().enumerate() {
                for (j, end) in admitted.iter().enumerate().skip(i) {
                    let count = (j - i + 1) as u64;
                    let earned = end.since(*start).as_micros() * u64::from(limit);
                    prop_assert!(count * LENGTH.as_micros() <= u64::from(burst) * LENGTH.as_micros() + earned);
                }
            }
        }

        #[test]
        fn a_bucket_is_gcra(attempts in attempts(), limit in 1..12_u32, burst in 1..12_u32) {
            // GCRA in exact arithmetic: time is scaled by the limit, so that the emission interval is LENGTH.
            let window = Window::Bucket { per: LENGTH, burst: Some(burst) };
            let mut tat = 0_i128;
            let interval = i128::from(LENGTH.as_micros());
            feed(window, limit, &attempts, |now, n, fits, _| {
                let scaled = i128::from(now.as_micros()) * i128::from(limit);
                let after = tat.max(scaled) + i128::from(n) * interval;
                let conforms = after - scaled <= i128::from(burst) * interval;
                assert_eq!(fits, conforms);
                if conforms {
                    tat = after;
                }
            });
        }

        #[test]
        fn waiting_until_the_earliest_moment_is_exactly_enough(
            attempts in attempts(),
            limit in 1..12_u32,
            kind in 0..5_u8,
        ) {
            let window = match kind {
                0 => Window::Sliding { length: LENGTH },
                1 => Window::Fixed { length: LENGTH, aligned: Aligned::Clock },
                2 => Window::Fixed { length: LENGTH, aligned: Aligned::First },
                3 => Window::Bucket { per: LENGTH, burst: None },
                _ => Window::Ewma { period: LENGTH },
            };
            let mut counter = Counter::new(&window);
            let mut now = Time::ZERO;
            for (gap, n) in attempts {
                now += Span::from_micros(gap);
                let at = counter.earliest(now, &window, limit, n);
                if at == Time::NEVER {
                    prop_assert!(n > limit || n == limit && kind == 4, "{n} {limit} {window:?}");
                    continue;
                }
                prop_assert!(counter.admits(at, &window, limit, n));
                if at > now {
                    prop_assert!(!counter.admits(Time::from_micros(at.as_micros() - 1), &window, limit, n));
                }
                now = at;
                counter.count(now, &window, limit, n, limit);
            }
        }

        #[test]
        fn a_limit_that_is_higher_never_admits_less(attempts in attempts(), limit in 1..12_u32) {
            let fixed = Window::Fixed { length: LENGTH, aligned: Aligned::Clock };
            for window in [Window::Sliding { length: LENGTH }, fixed] {
                let lower = feed(window, limit, &attempts, |_, _, _, _| {}).len();
                let higher = feed(window, limit * 2, &attempts, |_, _, _, _| {}).len();
                prop_assert!(higher >= lower);
            }
        }
    }

    #[test]
    fn counting_refusals_keeps_only_as_many_moments_as_the_limit() {
        let window = Window::Sliding { length: LENGTH };
        let mut counter = Counter::new(&window);
        for micros in 0..90 {
            counter.count(Time::from_micros(micros), &window, 5, 1, 5);
        }
        let Memory::Log(log) = &counter.memory else { panic!("a sliding window keeps a log") };
        assert_eq!(log.len(), 5);
        assert!(!counter.admits(Time::from_micros(184), &window, 5, 1));
        assert!(counter.admits(Time::from_micros(185), &window, 5, 1));
    }

    /// Exim's manual, section "Rate limiting incoming messages": a sender that stops after a peak is let in again after
    /// ln(peak / limit) smoothing periods.
    #[test]
    fn exims_average_forgets_a_peak_in_the_logarithm_of_its_height() {
        let period = Span::from_secs(3_600);
        let window = Window::Ewma { period };
        for (peak_per_period, limit) in [(1_000_u32, 100_u32), (5_000, 50), (200, 100)] {
            let mut counter = Counter::new(&window);
            let gap = Span::from_micros(period.as_micros() / u64::from(peak_per_period));
            let mut now = Time::ZERO;
            for _ in 0..peak_per_period * 12 {
                now += gap;
                counter.count(now, &window, limit, 1, limit);
            }
            let silence = counter.earliest(now, &window, limit, 1).since(now).as_secs_f64() / period.as_secs_f64();
            let expected = (f64::from(peak_per_period) / f64::from(limit)).ln();
            // The event that asks adds its own weight, 1/limit of the limit at most.
            assert!((silence - expected).abs() < 1.5 / f64::from(limit), "{silence} {expected}");
        }
    }

    #[test]
    fn exims_average_converges_to_a_steady_rate() {
        let window = Window::Ewma { period: Span::from_secs(60) };
        let mut counter = Counter::new(&window);
        for second in 0..600 {
            counter.count(Time::from_micros(second * 1_000_000), &window, 1_000, 5, 0);
        }
        let Memory::Average { rate, .. } = counter.memory else { panic!("an average") };
        assert!((rate / 300.0 - 1.0).abs() < 0.02, "{rate}");
    }
}
