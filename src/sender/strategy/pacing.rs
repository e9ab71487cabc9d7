//! The pacing axis: how fast transactions may begin.

use std::sync::Arc;

use crate::time::{Span, Time};

/// How fast transactions may begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// As fast as concurrency allows.
    #[default]
    None,
    /// A token bucket (GCRA): `messages` in every `per`, at most `burst` at once.
    TokenBucket {
        /// Tokens per `per`; at least 1.
        messages: u32,
        /// The time in which so many tokens come.
        per: Span,
        /// Most tokens held; at least 1. With 1 the messages are evenly spaced.
        burst: u32,
    },
    /// So many in each frame of this length, counted from the start of the trial; all at once where they can.
    FixedWindow {
        /// Messages per frame; at least 1.
        messages: u32,
        /// Length of a frame.
        per: Span,
    },
    /// Postfix's rate delay: the next transaction begins so long after the end of the one before.
    RateDelay {
        /// The delay; not zero.
        delay: Span,
        /// How late the timer rings. Measured with Postfix 3.7: about 5 ms.
        lag: Span,
    },
    /// The warm-up of a new IP: a fixed window that takes more every day. Attempts count, retries too; what is too much
    /// for a frame waits for the next.
    WarmUp {
        /// Messages per frame on each day from the start of the trial; the last is for every day after. Not empty, and
        /// each at least 1.
        days: Arc<[u32]>,
        /// Length of a frame; at most a day. A frame is of the day on which it begins.
        per: Span,
    },
}

impl Pacing {
    /// The growth of a warm-up that begins with `first` messages and takes `factor` times as many every day, until it
    /// takes `cap`: `min(cap, first × factor^day)`, to the nearest message. That is how the published ones grow
    /// (SendGrid's by 1.4, SparkPost's by 2 and later by 1.25). `None` if it takes more than [`Pacing::DAYS_MAX`] days.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn growth(first: u32, factor: f64, cap: u32) -> Option<Arc<[u32]>> {
        let mut days = Vec::new();
        let mut messages = f64::from(first);
        while messages < f64::from(cap) {
            if days.len() >= Self::DAYS_MAX {
                return None;
            }
            days.push((messages.round() as u32).max(1));
            // Not powi, whose last bit is not the same everywhere.
            messages *= factor;
        }
        days.push(cap);
        Some(days.into())
    }

    /// Ten times the longest warm-up anyone publishes.
    pub const DAYS_MAX: usize = 1_000;
}

/// What pacing remembers.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    /// Token bucket: the theoretical arrival time of GCRA, in units of `per / messages`: microseconds × messages.
    tat: u128,
    /// Fixed window and warm-up: the current frame and what it has used.
    frame: u64,
    used: u32,
    /// Rate delay: when it is over.
    resumes_at: Time,
}

impl State {
    /// The moment at which the next transaction may begin; not after `now` if it may begin now.
    #[inline]
    pub fn ready_at(&self, now: Time, pacing: &Pacing) -> Time {
        if matches!(pacing, Pacing::None) { now } else { self.paced(now, pacing) }
    }

    #[inline(never)]
    fn paced(&self, now: Time, pacing: &Pacing) -> Time {
        match pacing {
            Pacing::None => now,
            Pacing::RateDelay { .. } => self.resumes_at.max(now),
            Pacing::TokenBucket { messages, per, burst } => {
                let tolerance = u128::from(per.as_micros()) * u128::from(burst - 1);
                let earliest = self.tat.saturating_sub(tolerance).div_ceil(u128::from(*messages));
                Time::from_micros(u64::try_from(earliest).unwrap_or(u64::MAX)).max(now)
            }
            Pacing::FixedWindow { messages, per } => self.in_frame(now, *per, |_| *messages),
            Pacing::WarmUp { days, per } => self.in_frame(now, *per, |frame| allowed(days, *per, frame)),
        }
    }

    /// A transaction begins at `now`, which was not before [`State::ready_at`].
    pub fn began(&mut self, now: Time, pacing: &Pacing) {
        match pacing {
            Pacing::None | Pacing::RateDelay { .. } => {}
            Pacing::TokenBucket { messages, per, .. } => {
                let now = u128::from(now.as_micros()) * u128::from(*messages);
                // A start that was only rounded up to the next microsecond is on time: rounding must not add up.
                let on_time = now < self.tat + u128::from(*messages);
                self.tat = if on_time { self.tat } else { now } + u128::from(per.as_micros());
            }
            Pacing::FixedWindow { per, .. } | Pacing::WarmUp { per, .. } => {
                let frame = now.as_micros() / per.as_micros();
                self.used = if frame == self.frame { self.used + 1 } else { 1 };
                self.frame = frame;
            }
        }
    }

    /// A transaction is over.
    pub fn ended(&mut self, now: Time, pacing: &Pacing) {
        if let Pacing::RateDelay { delay, lag } = *pacing {
            self.resumes_at = now + delay + lag;
        }
    }

    /// When a frame of length `per` next has room, where each takes as many as `messages` says.
    fn in_frame(&self, now: Time, per: Span, messages: impl Fn(u64) -> u32) -> Time {
        let frame = now.as_micros() / per.as_micros();
        if frame > self.frame || self.used < messages(frame) {
            now
        } else {
            Time::from_micros((frame + 1).saturating_mul(per.as_micros()))
        }
    }
}

/// What a warm-up takes in a frame.
fn allowed(days: &[u32], per: Span, frame: u64) -> u32 {
    let day = frame.saturating_mul(per.as_micros()) / Span::DAY.as_micros();
    let last = days.len() - 1;
    days[usize::try_from(day).map_or(last, |day| day.min(last))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begins a transaction as soon as pacing allows, `n` times, from `start` on.
    fn starts(pacing: &Pacing, start: Time, n: usize) -> Vec<u64> {
        let mut state = State::default();
        let mut now = start;
        let mut begin = || {
            now = state.ready_at(now, pacing);
            state.began(now, pacing);
            now.as_micros()
        };
        (0..n).map(|_| begin()).collect()
    }

    #[test]
    fn a_bucket_of_one_spaces_evenly_and_without_drift() {
        let pacing = Pacing::TokenBucket { messages: 3, per: Span::from_secs(1), burst: 1 };
        let starts = starts(&pacing, Time::from_micros(7), 7);
        assert_eq!(starts, [7, 333_341, 666_674, 1_000_007, 1_333_341, 1_666_674, 2_000_007]);
    }

    #[test]
    fn a_bucket_lets_its_burst_go_at_once() {
        let pacing = Pacing::TokenBucket { messages: 1, per: Span::from_secs(1), burst: 3 };
        assert_eq!(starts(&pacing, Time::ZERO, 5), [0, 0, 0, 1_000_000, 2_000_000]);
    }

    #[test]
    fn a_fixed_window_bursts_at_every_boundary() {
        let pacing = Pacing::FixedWindow { messages: 2, per: Span::from_secs(1) };
        assert_eq!(starts(&pacing, Time::from_micros(900_000), 5), [900_000, 900_000, 1_000_000, 1_000_000, 2_000_000]);
    }

    /// SendGrid's automated warm-up, messages an hour on each day from the first, as published.
    const SENDGRID: [u32; 42] = [
        20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583, 11_953,
        16_734, 23_427, 32_798, 45_917, 64_284, 89_998, 125_997, 176_395, 246_953, 345_735, 484_029, 677_640, 948_696,
        1_328_175, 1_859_444, 2_603_222, 3_644_511, 5_102_316, 7_143_242, 10_000_539, 14_000_754, 19_601_056,
    ];

    /// SparkPost's, messages a day from the first, as published.
    const SPARKPOST: [u32; 29] = [
        200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 50_000, 75_000, 100_000, 150_000, 200_000, 250_000,
        325_000, 400_000, 500_000, 600_000, 750_000, 1_000_000, 1_250_000, 1_750_000, 2_000_000, 3_000_000, 4_250_000,
        5_000_000, 6_000_000, 7_500_000, 10_000_000,
    ];

    #[test]
    fn growth_by_a_factor_is_the_published_schedule() {
        let days = Pacing::growth(20, 1.4, u32::MAX).unwrap();
        assert_eq!(days[..12], SENDGRID[..12]);
        let off = |(day, (grown, published)): (usize, (&u32, &u32))| {
            (grown.abs_diff(*published) > published / 10_000 + 1).then_some((day, *grown, *published))
        };
        let differ: Vec<_> = days.iter().zip(&SENDGRID).enumerate().filter_map(off).collect();
        // A round number, and what looks like two digits that changed places.
        assert_eq!(differ, [(12, 1_134, 1_000), (18, 8_538, 8_583)]);
    }

    #[test]
    fn growth_stops_at_its_cap_and_must_get_there() {
        assert_eq!(*Pacing::growth(50, 2.0, 500).unwrap(), [50, 100, 200, 400, 500]);
        assert_eq!(*Pacing::growth(500, 2.0, 500).unwrap(), [500]);
        assert_eq!(*Pacing::growth(2, 1.1, 3).unwrap(), [2, 2, 2, 3, 3, 3], "below one more a day it still grows");
        assert_eq!(Pacing::growth(1, 1.001, 1_000_000), None);
    }

    /// The messages of each day where there is always more mail than may go.
    fn by_day(pacing: &Pacing, days: usize) -> Vec<u32> {
        let mut state = State::default();
        let mut sent = vec![0; days];
        let mut now = Time::ZERO;
        loop {
            now = state.ready_at(now, pacing);
            let day = usize::try_from(now.as_micros() / Span::DAY.as_micros()).unwrap();
            let Some(today) = sent.get_mut(day) else { return sent };
            *today += 1;
            state.began(now, pacing);
        }
    }

    #[test]
    fn a_day_takes_what_its_schedule_says() {
        let sparkpost = Pacing::WarmUp { days: SPARKPOST[..8].into(), per: Span::DAY };
        assert_eq!(by_day(&sparkpost, 10), [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 40_000, 40_000]);
        let sendgrid = Pacing::WarmUp { days: SENDGRID.into(), per: Span::HOUR };
        assert_eq!(by_day(&sendgrid, 12), SENDGRID[..12].iter().map(|hour| 24 * hour).collect::<Vec<_>>());
    }

    #[test]
    fn a_frame_is_of_the_day_on_which_it_begins_and_leaves_nothing_for_the_next() {
        let hours = |hours| Time::ZERO + Span::HOUR.times(hours);
        let pacing = Pacing::WarmUp { days: [1, 3].into(), per: Span::HOUR.times(5) };
        // The fifth frame begins at 20 h and reaches into the second day.
        let expected = [0, 5, 10, 15, 20, 25, 25, 25, 30].map(|at| hours(at).as_micros());
        assert_eq!(starts(&pacing, Time::ZERO, 9), expected);
        // A day without mail is lost, not saved.
        let late = [48, 48, 48, 50, 50].map(|at| hours(at).as_micros());
        assert_eq!(starts(&pacing, hours(48), 5), late);
    }
}
