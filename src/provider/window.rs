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
            Window::Average { .. } => Memory::Average { rate: 0.0, at: None },
        };
        Self { memory }
    }

    /// Whether `n` more fit under `limit` at `now`.
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
                tokens(*level, *at, now, per, limit, burst) >= u128::from(n) * u128::from(per.as_micros())
            }
            (Memory::Average { rate, at }, Window::Average { period }) => {
                smoothed(*rate, *at, now, period, n) < f64::from(limit)
            }
            _ => false,
        }
    }

    /// Counts `n` events at `now`. `keep` bounds a sliding log: the newest so many are enough to judge by.
    pub fn count(&mut self, now: Time, window: &Window, limit: u32, n: u32, keep: u32) {
        match (&mut self.memory, *window) {
            (Memory::Count(used), _) => *used = used.saturating_add(n),
            (Memory::Frame { start, used }, Window::Fixed { length, aligned }) => {
                if in_frame(now, *start, length, aligned, *used) {
                    *used = used.saturating_add(n);
                } else {
                    *start = frame_start(now, length, aligned);
                    *used = n;
                }
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
                let taken = u128::from(n) * u128::from(per.as_micros());
                *level = tokens(*level, *at, now, per, limit, burst).saturating_sub(taken);
                *at = Some(now);
            }
            (Memory::Average { rate, at }, Window::Average { period }) => {
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
                let missing = u128::from(n) * u128::from(per.as_micros()) - tokens(*level, *at, now, per, limit, burst);
                now + Span::from_micros(u64::try_from(missing.div_ceil(u128::from(limit))).unwrap_or(u64::MAX))
            }
            (Memory::Average { rate, at: Some(at) }, Window::Average { period }) if n < limit => {
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
            (Memory::Average { at, .. }, Window::Average { period }) => {
                at.is_none_or(|at| at + period.times(32) <= now)
            }
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
        Aligned::Clock => frame_start(now, length, aligned) == start,
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

/// Exim's measured rate after `n` events at `now` (Exim, `acl.c`, `acl_ratelimit`): an exponentially weighted average of
/// the instantaneous rate over `period`, never below the size of the event itself.
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
