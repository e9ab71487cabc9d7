//! Every window against a naive reference that keeps a vector of all moments and counts them again each time.

use proptest::prelude::*;

use super::timed::TimedCounters;
use super::{Aligned, Counted};
use crate::time::{Span, Time};

const LENGTH: Span = Span::from_micros(100);

/// Gaps between attempts, some of them none at all; and sizes of the attempts.
fn attempts() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec((prop_oneof![Just(0_u64), 1..20_u64, 50..250_u64], 1..4_u32), 1..200)
}

/// The key of the one counter.
const KEY: u64 = 0;

/// Feeds attempts to a counter, counting what is admitted, and hands every decision to `check` with the moments
/// admitted before.
fn feed(
    mut counters: TimedCounters,
    limit: u32,
    attempts: &[(u64, u32)],
    mut check: impl FnMut(Time, u32, bool, &[Time]),
) -> Vec<Time> {
    let (mut now, mut admitted) = (Time::from_micros(1_000), Vec::new());
    for (gap, n) in attempts {
        now += Span::from_micros(*gap);
        let fits = counters.admits(KEY, now, limit, *n);
        check(now, *n, fits, &admitted);
        assert_eq!(fits, counters.earliest(KEY, now, limit, *n) == Some(now));
        assert_eq!(counters.take(KEY, now, limit, *n, Counted::Acceptances), fits);
        if fits {
            admitted.extend((0..*n).map(|_| now));
        }
    }
    admitted
}

proptest! {
    #[test]
    fn a_sliding_log_is_the_count_of_the_last_length(attempts in attempts(), limit in 0..12_u32) {
        feed(TimedCounters::sliding(LENGTH, limit), limit, &attempts, |now, n, fits, admitted| {
            let recent = admitted.iter().filter(|at| **at + LENGTH > now).count();
            assert_eq!(fits, recent + n as usize <= limit as usize);
        });
    }

    #[test]
    fn a_clock_frame_is_the_count_of_the_frame_and_at_most_twice_the_limit_in_any_length(
        attempts in attempts(),
        limit in 0..12_u32,
        offset in 0..LENGTH.as_micros(),
    ) {
        let window = TimedCounters::fixed(LENGTH, Aligned::Clock, Span::from_micros(offset));
        let frame = |at: Time| (at.as_micros() + LENGTH.as_micros() - offset) / LENGTH.as_micros();
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
        let window = TimedCounters::fixed(LENGTH, Aligned::First, Span::ZERO);
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
        let window = TimedCounters::refill_bucket(LENGTH, Some(burst));
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
        let window = TimedCounters::refill_bucket(LENGTH, Some(burst));
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
        let mut counters = match kind {
            0 => TimedCounters::sliding(LENGTH, limit),
            1 => TimedCounters::fixed(LENGTH, Aligned::Clock, Span::ZERO),
            2 => TimedCounters::fixed(LENGTH, Aligned::First, Span::ZERO),
            3 => TimedCounters::refill_bucket(LENGTH, None),
            _ => TimedCounters::ewma(LENGTH),
        };
        counters.reset(KEY);
        let mut now = Time::ZERO;
        for (gap, n) in attempts {
            now += Span::from_micros(gap);
            let at = counters.earliest(KEY, now, limit, n).unwrap();
            if at == Time::NEVER {
                prop_assert!(n > limit || n == limit && kind == 4, "{n} {limit} {counters:?}");
                continue;
            }
            prop_assert!(counters.admits(KEY, at, limit, n));
            if at > now {
                prop_assert!(!counters.admits(KEY, Time::from_micros(at.as_micros() - 1), limit, n));
            }
            now = at;
            counters.count(KEY, now, limit, n);
        }
    }

    #[test]
    fn a_limit_that_is_higher_never_admits_less(attempts in attempts(), limit in 1..12_u32) {
        let windows: [fn(u32) -> TimedCounters; 2] =
            [|keep| TimedCounters::sliding(LENGTH, keep), |_| TimedCounters::fixed(LENGTH, Aligned::Clock, Span::ZERO)];
        for window in windows {
            let lower = feed(window(limit), limit, &attempts, |_, _, _, _| {}).len();
            let higher = feed(window(limit * 2), limit * 2, &attempts, |_, _, _, _| {}).len();
            prop_assert!(higher >= lower);
        }
    }
}
