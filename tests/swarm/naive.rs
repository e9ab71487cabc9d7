//! Windows counted again, by their own definitions, from the moments and amounts that were counted before.

use mxlab::provider::{Aligned, Window};
use mxlab::time::{Span, Time};

/// Something that a window counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedEvent {
    /// On the provider's clock.
    pub(crate) at: Time,
    pub(crate) n: u32,
    /// The limit at that moment.
    pub(crate) limit: u32,
}

/// By how much the window is over its limit with `new` on top of what was `counted` before; not above zero is within
/// it. In events, or tokens, or Exim's rate.
pub(crate) fn excess(window: Window, counted: &[CountedEvent], new: CountedEvent) -> f64 {
    let sum = |within: &dyn Fn(&CountedEvent) -> bool| {
        let before: u64 = counted.iter().filter(|one| within(one)).map(|one| u64::from(one.n)).sum();
        (before + u64::from(new.n)) as f64 - f64::from(new.limit)
    };
    match window {
        Window::Gauge => f64::NAN,
        Window::Session | Window::Message => sum(&|_| true),
        Window::Fixed { length, aligned: Aligned::Clock, offset } => {
            let frame = |at: Time| (at.as_micros() + length.as_micros() - offset.as_micros()) / length.as_micros();
            sum(&|one| frame(one.at) == frame(new.at))
        }
        Window::Fixed { length, aligned: Aligned::First, .. } => {
            let start = frame_from_first(counted, length).filter(|start| new.at < *start + length);
            sum(&|one| start.is_some_and(|start| one.at >= start))
        }
        Window::Sliding { length } => sum(&|one| one.at + length > new.at),
        Window::Bucket { per, burst } => overdrawn(counted, new, per, burst),
        Window::Ewma { period } => {
            // Exim refuses at the limit itself.
            let rate = smoothed(counted.iter().chain([&new]), period);
            if rate < f64::from(new.limit) { 0.0 } else { rate - f64::from(new.limit) + f64::EPSILON }
        }
    }
}

/// Where the frame begins that the last counted event is in, if frames begin with the first event after the last frame.
fn frame_from_first(counted: &[CountedEvent], length: Span) -> Option<Time> {
    let open = |start: Option<Time>, one: &CountedEvent| match start {
        Some(start) if one.at < start + length => Some(start),
        _ if one.n > 0 => Some(one.at),
        _ => None,
    };
    counted.iter().fold(None, open)
}

/// The arrival curve of a token bucket: between any event and the new one, no more is taken than the bucket held at
/// most at that event, and what has flowed in since. In tokens.
fn overdrawn(counted: &[CountedEvent], new: CountedEvent, per: Span, burst: Option<u32>) -> f64 {
    let micros = i128::from(per.as_micros());
    let full = |one: &CountedEvent| i128::from(burst.unwrap_or(one.limit)) * micros;
    let mut taken = i128::from(new.n) * micros;
    let mut flown = 0;
    let mut worst = taken - full(&new);
    let mut later = new;
    for one in counted.iter().rev() {
        taken += i128::from(one.n) * micros;
        flown += i128::from(later.at.since(one.at).as_micros()) * i128::from(later.limit);
        worst = worst.max(taken - flown - full(one));
        later = *one;
    }
    worst as f64 / micros as f64
}

/// Exim's measured rate after these events (`acl.c`, `acl_ratelimit`).
fn smoothed<'a>(events: impl Iterator<Item = &'a CountedEvent>, period: Span) -> f64 {
    let mut last: Option<(Time, f64)> = None;
    for one in events {
        let n = f64::from(one.n);
        let rate = last.map_or(n, |(at, rate)| {
            let interval = one.at.since(at).max(Span::TICK).as_secs_f64() / period.as_secs_f64();
            let old = (-interval).exp();
            ((1.0 - old) * n / interval + old * rate).max(n)
        });
        last = Some((one.at, rate));
    }
    last.map_or(0.0, |(_, rate)| rate)
}
