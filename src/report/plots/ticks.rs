//! Axes that say round numbers in units people use.

use super::figure::Axis;

/// An axis of counts from 0 to at least `most`.
pub(super) fn count(label: &str, most: f64) -> Axis {
    let most = if most > 0.0 { most } else { 1.0 };
    let step = round_step(most / 4.0).max(if most >= 4.0 { 1.0 } else { 0.0 });
    let max = (most / step).ceil() * step;
    let ticks = steps(max, step).map(|value| (value, plain(value, step))).collect();
    Axis { label: label.to_owned(), min: 0.0, max, ticks }
}

/// An axis of shares from 0 to at least `most`, in percent; a round end not far above the data, 100 at the most.
pub(super) fn share(label: &str, most: f64) -> Axis {
    let max = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8].into_iter().find(|max| most <= *max).unwrap_or(1.0);
    let step = round_step(max / 5.0);
    let ticks = steps(max, step).map(|value| (value, plain(value * 100.0, step * 100.0))).collect();
    Axis { label: label.to_owned(), min: 0.0, max, ticks }
}

/// An axis of time from 0 to `seconds`, in the unit that suits it; `label` is what comes before the unit.
pub(super) fn time(label: &str, seconds: f64) -> Axis {
    let seconds = if seconds > 0.0 { seconds } else { 1.0 };
    // Sixths and quarters of an hour or a day are rounder than tenths.
    let sixtieths: &[f64] = &[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0];
    let (size, unit, round): (f64, &str, &[f64]) = match seconds {
        s if s <= 180.0 => (1.0, "seconds", sixtieths),
        s if s <= 3.0 * 3_600.0 => (60.0, "minutes", sixtieths),
        s if s <= 72.0 * 3_600.0 => (3_600.0, "hours", &[0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 12.0]),
        _ => (86_400.0, "days", &[0.25, 0.5, 1.0, 2.0, 5.0, 7.0, 14.0]),
    };
    let wanted = seconds / size / 5.0;
    let step = round.iter().copied().find(|step| *step >= wanted * 0.999).unwrap_or_else(|| round_step(wanted));
    let ticks = steps(seconds / size, step).map(|value| (value * size, plain(value, step))).collect();
    Axis { label: format!("{label} ({unit})"), min: 0.0, max: seconds, ticks }
}

/// An axis of the logarithm (to the base 10) of seconds, around all the values given.
pub(super) fn log_time(label: &str, least: f64, most: f64) -> Axis {
    let least = least.clamp(0.001, 2_591_999.0);
    let most = most.max(least * 1.001).min(2_592_000.0);
    let from = TIMES.iter().rposition(|(value, _)| *value <= least).unwrap_or(0);
    let to = TIMES.iter().position(|(value, _)| *value >= most).unwrap_or(TIMES.len() - 1);
    let around = &TIMES[from..=to];
    // Where they would crowd, only every other, third ... is said; the upper end always is.
    let apart = around.len().div_ceil(MOST_TICKS);
    let said = around.iter().rev().step_by(apart);
    Axis {
        label: label.to_owned(),
        min: TIMES[from].0.log10(),
        max: TIMES[to].0.log10(),
        ticks: said.map(|(value, text)| (value.log10(), (*text).to_owned())).collect(),
    }
}

/// An axis of numbers around all of them, which need not begin at 0.
pub(super) fn around(label: &str, least: f64, most: f64) -> Axis {
    let width = if most > least { most - least } else { most.abs().max(1.0) };
    let step = round_step(width / 6.0);
    let (min, max) = ((least / step).floor() * step, (most / step).ceil() * step);
    let max = if max > min { max } else { min + step };
    let ticks = steps(max - min, step).map(|value| (min + value, plain(min + value, step))).collect();
    Axis { label: label.to_owned(), min, max, ticks }
}

/// An axis of the logarithm (to the base 10) of numbers above 0, around all of them.
pub(super) fn log(label: &str, least: f64, most: f64) -> Axis {
    let (least, most) = (least.max(f64::MIN_POSITIVE), most.max(least.max(f64::MIN_POSITIVE) * 1.001));
    let decades = (most / least).log10();
    // Over many decades only powers of ten have room.
    let factors: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a number is small")]
    let exponents = (least.log10().floor() as i32)..=(most.log10().ceil() as i32);
    let all = exponents.flat_map(|exponent| factors.iter().map(move |factor| factor * 10_f64.powi(exponent)));
    let all: Vec<f64> = all.collect();
    let from = all.iter().rposition(|value| *value <= least * 1.000_1).unwrap_or(0);
    let to = all.iter().position(|value| *value >= most * 0.999_9).unwrap_or(all.len() - 1).max(from + 1);
    let shown = &all[from..=to.min(all.len() - 1)];
    Axis {
        label: label.to_owned(),
        min: shown[0].log10(),
        max: shown[shown.len() - 1].log10(),
        ticks: shown.iter().map(|value| (value.log10(), plain(*value, *value))).collect(),
    }
}

/// More ticks than this crowd a small panel.
const MOST_TICKS: usize = 7;

/// Round times, in seconds.
const TIMES: [(f64, &str); 22] = [
    (0.001, "1 ms"),
    (0.01, "10 ms"),
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (3.0, "3 s"),
    (10.0, "10 s"),
    (30.0, "30 s"),
    (60.0, "1 min"),
    (180.0, "3 min"),
    (600.0, "10 min"),
    (1_200.0, "20 min"),
    (3_600.0, "1 h"),
    (7_200.0, "2 h"),
    (14_400.0, "4 h"),
    (28_800.0, "8 h"),
    (57_600.0, "16 h"),
    (86_400.0, "1 d"),
    (172_800.0, "2 d"),
    (345_600.0, "4 d"),
    (691_200.0, "8 d"),
    (1_382_400.0, "16 d"),
    (2_592_000.0, "30 d"),
];

/// The largest of 1, 2, 2.5, 5 times a power of ten that is not less than `wanted`.
fn round_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= wanted * 0.999).unwrap_or(10.0);
    factor * power
}

fn steps(max: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..100_u32).map(move |n| f64::from(n) * step).take_while(move |value| *value <= max * 1.000_1)
}

/// A value with as many decimals as its step needs.
fn plain(value: f64, step: f64) -> String {
    let decimals = (0..6_u8).find(|n| {
        let scaled = step * 10_f64.powi(i32::from(*n));
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    match (decimals.unwrap_or(6), value) {
        (0, value) if value.abs() >= 1e4 => super::super::words::number(value),
        (decimals, value) => format!("{value:.*}", usize::from(decimals)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(axis: &Axis) -> String {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(said(&count("", 17.0)), "0 5 10 15 20");
        assert_eq!(said(&count("", 3.0)), "0 1 2 3");
        assert_eq!(said(&count("", 87_000.0)), "0 25,000 50,000 75,000 100,000");
        assert_eq!(said(&share("", 0.33)), "0 10 20 30 40");
        assert_eq!(said(&share("", 1.0)), "0 20 40 60 80 100");
        assert_eq!(said(&time("", 86_400.0)), "0 6 12 18 24");
        assert_eq!(time("time", 86_400.0).label, "time (hours)");
        assert_eq!(said(&time("", 3_600.0)), "0 15 30 45 60");
        assert_eq!(said(&log_time("", 500.0, 4_000.0)), "2 h 1 h 20 min 10 min 3 min");
        assert_eq!(said(&around("", 1.0, 40.0)), "0 10 20 30 40");
        assert_eq!(said(&around("", 0.2, 0.5)), "0.20 0.25 0.30 0.35 0.40 0.45 0.50");
        assert_eq!(said(&log("", 1.0, 100.0)), "1 2 5 10 20 50 100");
        assert_eq!(said(&log("", 0.03, 0.3)), "0.02 0.05 0.1 0.2 0.5");
        assert_eq!(said(&log("", 1.0, 1e6)), "1 10 100 1000 10,000 100,000 1,000,000");
        assert_eq!(said(&log_time("", 3.0, 4_000.0)), "2 h 20 min 3 min 30 s 3 s");
    }

    #[test]
    fn odd_values_are_no_panic() {
        for value in [0.0, -1.0, 1e-9, 1e300, f64::INFINITY, f64::NAN] {
            let axes = [count("", value), share("", value), time("", value), log_time("", value, value)];
            for axis in axes.into_iter().chain([around("", value, value), log("", value, value)]) {
                assert!(axis.ticks.len() <= 100);
            }
        }
    }
}
