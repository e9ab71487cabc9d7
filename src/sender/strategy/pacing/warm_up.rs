//! The warm-up of a new IP: a fixed window that takes more every day. Attempts count, retries too; what is too much for
//! a frame waits for the next.

use std::fmt;
use std::sync::Arc;

use super::frame::{self, Frame};
use crate::sender::strategy::controller::PaceController;
use crate::time::{Span, Time};

/// So many messages a frame, and more every day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmUp {
    /// Messages per frame on each day from the start of the trial; the last is for every day after. Not empty, and
    /// each at least 1.
    pub days: Arc<[u32]>,
    /// Length of a frame; at most a day. A frame is of the day on which it begins.
    pub per: Span,
}

impl WarmUp {
    /// The growth of a warm-up that begins with `first` messages and takes `factor` times as many every day, until it
    /// takes `cap`: `min(cap, first × factor^day)`, to the nearest message. That is how the published ones grow
    /// (SendGrid's by 1.4, SparkPost's by 2 and later by 1.25). `None` if it takes more than [`WarmUp::DAYS_MAX`] days.
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

    /// The warm-up that takes `factor` times as many every day.
    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self { days: self.days.iter().map(|messages| frame::scaled(*messages, factor)).collect(), per: self.per }
    }

    /// What it takes in a frame.
    fn allows(&self, frame: u64) -> u32 {
        let day = frame.saturating_mul(self.per.as_micros()) / Span::DAY.as_micros();
        let last = self.days.len() - 1;
        self.days[usize::try_from(day).map_or(last, |day| day.min(last))]
    }
}

impl fmt::Display for WarmUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = if self.per == Span::DAY { "a day".to_owned() } else { format!("every {}", self.per) };
        match &self.days[..] {
            [] => f.write_str("warms up"),
            [always] => write!(f, "{always} messages {frame}"),
            [first, second, .., last] if self.days.len() > 3 => {
                let day = self.days.len();
                write!(f, "warms up: {first} messages {frame} on the first day, then {second}, … {last} from day {day}")
            }
            [first, others @ ..] => {
                let others: Vec<String> = others.iter().map(ToString::to_string).collect();
                let (others, day) = (others.join(", then "), self.days.len());
                write!(f, "warms up: {first} messages {frame} on the first day, then {others} from day {day}")
            }
        }
    }
}

/// What the current frame has used.
#[derive(Clone, Debug)]
pub struct State {
    settings: WarmUp,
    frame: Frame,
}

impl State {
    /// Nothing is used yet.
    pub fn new(settings: WarmUp) -> Self {
        Self { settings, frame: Frame::default() }
    }

    /// Goes on with other settings; frames of another length begin unused.
    pub(super) fn change(&mut self, settings: WarmUp) {
        let frame = if settings.per == self.settings.per { self.frame } else { Frame::default() };
        *self = Self { settings, frame };
    }
}

impl PaceController for State {
    fn ready_at(&self, now: Time) -> Time {
        self.frame.ready_at(now, self.settings.per, |frame| self.settings.allows(frame))
    }

    fn began(&mut self, now: Time) {
        self.frame.began(now, self.settings.per);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::strategy::controller::tests::starts;

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
        let days = WarmUp::growth(20, 1.4, u32::MAX).unwrap();
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
        assert_eq!(*WarmUp::growth(50, 2.0, 500).unwrap(), [50, 100, 200, 400, 500]);
        assert_eq!(*WarmUp::growth(500, 2.0, 500).unwrap(), [500]);
        assert_eq!(*WarmUp::growth(2, 1.1, 3).unwrap(), [2, 2, 2, 3, 3, 3], "below one more a day it still grows");
        assert_eq!(WarmUp::growth(1, 1.001, 1_000_000), None);
    }

    /// The messages of each day where there is always more mail than may go.
    fn by_day(settings: WarmUp, days: usize) -> Vec<u32> {
        let mut state = State::new(settings);
        let mut sent = vec![0; days];
        let mut now = Time::ZERO;
        loop {
            now = state.ready_at(now);
            let day = usize::try_from(now.as_micros() / Span::DAY.as_micros()).unwrap();
            let Some(today) = sent.get_mut(day) else { return sent };
            *today += 1;
            state.began(now);
        }
    }

    #[test]
    fn a_day_takes_what_its_schedule_says() {
        let sparkpost = WarmUp { days: SPARKPOST[..8].into(), per: Span::DAY };
        assert_eq!(by_day(sparkpost, 10), [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 40_000, 40_000]);
        let sendgrid = WarmUp { days: SENDGRID.into(), per: Span::HOUR };
        assert_eq!(by_day(sendgrid, 12), SENDGRID[..12].iter().map(|hour| 24 * hour).collect::<Vec<_>>());
    }

    #[test]
    fn a_frame_is_of_the_day_on_which_it_begins_and_leaves_nothing_for_the_next() {
        let hours = |hours| Time::ZERO + Span::HOUR.times(hours);
        let warm_up = || State::new(WarmUp { days: [1, 3].into(), per: Span::HOUR.times(5) });
        // The fifth frame begins at 20 h and reaches into the second day.
        let expected = [0, 5, 10, 15, 20, 25, 25, 25, 30].map(|at| hours(at).as_micros());
        assert_eq!(starts(&mut warm_up(), Time::ZERO, 9), expected);
        // A day without mail is lost, not saved.
        let late = [48, 48, 48, 50, 50].map(|at| hours(at).as_micros());
        assert_eq!(starts(&mut warm_up(), hours(48), 5), late);
    }
}
