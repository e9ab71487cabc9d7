//! When messages are to go out: a timetable of messages for each mail stream, one at a time and in order.
//!
//! Nothing is stored: the sorted times of a daily curve come from the law of uniform order statistics (the smallest of
//! `n` uniform draws lies where a fraction `1 - V^(1/n)` of the way is over; Devroye, *Non-Uniform Random Variate
//! Generation*, 1986, section V.3), so a hundred million recipients need no more room than one.

use std::slice;

use rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::model::{Arrivals, MailStream, PoissonStage, TraceRow};
use crate::rng::{Seed, Stream};
use crate::time::{Span, Time};

/// A message that is to go out.
#[derive(Clone, Debug)]
pub(super) struct Planned<'a> {
    /// The moment it is handed to the sender, from the start of the trial.
    pub(super) at: Time,
    /// To how many recipients; at least 1.
    pub(super) recipients: u32,
    /// The row of the trace that says more about it.
    pub(super) row: Option<&'a TraceRow>,
}

/// The messages of one mail stream in the order of their times.
pub(super) struct Timetable<'a> {
    moments: ArrivalMoments<'a>,
    groups: Groups,
}

impl<'a> Timetable<'a> {
    /// The timetable of the `id`-th mail stream of a workload.
    pub(super) fn new(stream: &'a MailStream, seed: Seed, id: u64) -> Self {
        let mut groups = Groups {
            rng: seed.stream("recipients-per-message", id),
            range: stream.recipients_per_message,
            left: u32::MAX,
            endless: true,
        };
        if let Arrivals::AtOnce { recipients, .. } | Arrivals::Diurnal { recipients, .. } = stream.arrivals {
            groups.left = recipients;
            groups.endless = false;
        }
        let clock = seed.stream("arrivals", id);
        let moments = match &stream.arrivals {
            Arrivals::AtOnce { at, .. } => ArrivalMoments::AtOnce(*at),
            Arrivals::Poisson { stages } => ArrivalMoments::Poisson { stages: stages.iter(), now: None, clock },
            Arrivals::Diurnal { over, hours, day_starts, .. } => {
                let messages = groups.clone().count() as u64;
                ArrivalMoments::Diurnal {
                    curve: DiurnalCurve::new(hours, *day_starts, *over),
                    rest: 1.0,
                    messages,
                    clock,
                }
            }
            Arrivals::Trace { rows, .. } => ArrivalMoments::Trace(rows.iter()),
        };
        Self { moments, groups }
    }
}

impl<'a> Iterator for Timetable<'a> {
    type Item = Planned<'a>;

    fn next(&mut self) -> Option<Planned<'a>> {
        let at = match &mut self.moments {
            ArrivalMoments::AtOnce(at) => *at,
            ArrivalMoments::Poisson { stages, now, clock } => poisson(stages, now, clock)?,
            ArrivalMoments::Diurnal { curve, rest, messages, clock } => {
                let gap: f64 = Exp1.sample(clock);
                *rest *= (-gap / (*messages).max(1) as f64).exp();
                *messages = messages.saturating_sub(1);
                curve.at(1.0 - *rest)
            }
            ArrivalMoments::Trace(rows) => {
                let row = rows.find(|row| !row.domains.is_empty())?;
                let recipients = u32::try_from(row.domains.len()).expect("recipients have numbers of 32 bits");
                return Some(Planned { at: row.at, recipients, row: Some(row) });
            }
        };
        self.groups.next().map(|recipients| Planned { at, recipients, row: None })
    }
}

/// Where the next message's time comes from.
enum ArrivalMoments<'a> {
    AtOnce(Time),
    Poisson { stages: slice::Iter<'a, PoissonStage>, now: Option<(PoissonStage, f64)>, clock: Stream },
    Diurnal { curve: DiurnalCurve, rest: f64, messages: u64, clock: Stream },
    Trace(slice::Iter<'a, TraceRow>),
}

/// The next arrival of a Poisson process whose rate changes by steps; `now` is the stage and the seconds into it.
fn poisson(
    stages: &mut slice::Iter<'_, PoissonStage>,
    now: &mut Option<(PoissonStage, f64)>,
    clock: &mut Stream,
) -> Option<Time> {
    loop {
        let (stage, elapsed) = match now {
            Some(now) => now,
            None => now.insert((*stages.next()?, 0.0)),
        };
        // A process without memory may be started again at every step: the gap that crosses an edge is discarded.
        if stage.per_second > 0.0 {
            let gap: f64 = Exp1.sample(clock);
            *elapsed += gap / stage.per_second;
            let at = stage.from + Span::from_secs_f64(*elapsed);
            if at < stage.until {
                return Some(at);
            }
        }
        *now = None;
    }
}

/// How many recipients each message has.
#[derive(Clone)]
struct Groups {
    rng: Stream,
    range: (u32, u32),
    /// Recipients that are still to be had; the last message takes what is left.
    left: u32,
    endless: bool,
}

impl Iterator for Groups {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.left == 0 {
            return None;
        }
        let (low, high) = self.range;
        let drawn = if low == high { low } else { self.rng.random_range(low..=high) };
        let taken = drawn.clamp(1, self.left);
        if !self.endless {
            self.left -= taken;
        }
        Some(taken)
    }
}

/// A daily curve of hourly weights, walked from its start to its end.
struct DiurnalCurve {
    hours: [f64; 24],
    day_starts: Span,
    end: Time,
    /// Sum of weight × length over the whole curve.
    total: f64,
    /// The stretch of even weight that is being walked: from, until, and the sum before it.
    from: Time,
    until: Time,
    before: f64,
}

impl DiurnalCurve {
    fn new(hours: &[f64; 24], day_starts: Span, over: Span) -> Self {
        let mut curve = Self {
            hours: *hours,
            day_starts,
            end: Time::ZERO + over,
            total: 0.0,
            from: Time::ZERO,
            until: Time::ZERO,
            before: 0.0,
        };
        curve.total = curve.sum();
        if curve.total <= 0.0 {
            curve.hours = [1.0; 24];
            curve.total = curve.sum();
        }
        curve.until = curve.edge(Time::ZERO);
        curve
    }

    /// The moment before which a share `u` of the weight lies; `u` may not fall from call to call.
    fn at(&mut self, u: f64) -> Time {
        let wanted = u * self.total;
        loop {
            let weight = self.weight(self.from);
            let here = weight * self.until.since(self.from).as_secs_f64();
            let last = self.until >= self.end;
            if here > 0.0 && (wanted <= self.before + here || last) {
                let into = Span::from_secs_f64((wanted - self.before).min(here) / weight);
                return (self.from + into).min(self.until);
            }
            if last {
                return self.from;
            }
            self.before += here;
            self.from = self.until;
            self.until = self.edge(self.from);
        }
    }

    fn sum(&self) -> f64 {
        let mut sum = 0.0;
        let mut from = Time::ZERO;
        while from < self.end {
            let until = self.edge(from);
            sum += self.weight(from) * until.since(from).as_secs_f64();
            from = until;
        }
        sum
    }

    /// The next full hour of the day after `from`, or the end.
    fn edge(&self, from: Time) -> Time {
        let hour = Span::HOUR.as_micros();
        let into = (self.day_starts.as_micros() + from.as_micros()) % hour;
        (from + Span::from_micros(hour - into)).min(self.end)
    }

    fn weight(&self, at: Time) -> f64 {
        let hour = (self.day_starts.as_micros() + at.as_micros()) / Span::HOUR.as_micros();
        self.hours[usize::try_from(hour % 24).expect("an hour of the day")]
    }
}

impl MailStream {
    /// About how many recipients the stream has: exact but for Poisson arrivals, where it is the mean.
    pub fn expected_recipients(&self) -> f64 {
        match &self.arrivals {
            Arrivals::AtOnce { recipients, .. } | Arrivals::Diurnal { recipients, .. } => f64::from(*recipients),
            Arrivals::Poisson { stages } => {
                let (low, high) = self.recipients_per_message;
                let messages: f64 = stages.iter().map(|s| s.per_second * s.until.since(s.from).as_secs_f64()).sum();
                messages * f64::midpoint(f64::from(low), f64::from(high))
            }
            Arrivals::Trace { rows, .. } => rows.iter().map(|row| row.domains.len() as f64).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(weight: impl Fn(usize) -> f64) -> [f64; 24] {
        std::array::from_fn(weight)
    }

    #[test]
    fn an_even_curve_is_a_straight_line() {
        let mut curve = DiurnalCurve::new(&[1.0; 24], Span::ZERO, Span::DAY.times(2));
        let halves: Vec<Time> = [0.0, 0.25, 0.5, 1.0].map(|u| curve.at(u)).to_vec();
        let hour = |n| Time::ZERO + Span::HOUR.times(n);
        assert_eq!(halves, [hour(0), hour(12), hour(24), hour(48)]);
    }

    #[test]
    fn a_curve_begins_at_the_time_of_day_of_the_trial() {
        // All mail between 09:00 and 10:00; the trial starts at 08:30.
        let start = Span::from_secs(8 * 3_600 + 1_800);
        let mut curve = DiurnalCurve::new(&hours(|h| f64::from(u8::from(h == 9))), start, Span::DAY);
        let minutes = [0.0, 0.5, 1.0].map(|u| curve.at(u).as_micros() / 60_000_000);
        assert_eq!(minutes, [30, 60, 90]);
    }

    #[test]
    fn a_curve_without_weight_is_even() {
        let mut curve = DiurnalCurve::new(&hours(|h| f64::from(u8::from(h == 20))), Span::ZERO, Span::HOUR.times(2));
        assert_eq!(curve.at(0.5), Time::ZERO + Span::HOUR);
    }

    #[test]
    fn groups_add_up_exactly() {
        for left in [1, 2, 7, 1_000] {
            let rng = Seed(left.into()).stream("test", 0);
            let groups: Vec<u32> = Groups { rng, range: (2, 5), left, endless: false }.collect();
            assert_eq!(groups.iter().sum::<u32>(), left);
            assert!(groups[..groups.len() - 1].iter().all(|n| (2..=5).contains(n)));
        }
    }
}
