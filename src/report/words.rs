//! How numbers, times and names are written: one way everywhere, in tables, plots and sentences.

use crate::harmless;
use crate::metric::{Metric, Unit, ValueRange};
use crate::stats::Estimate;

/// What stands where there is no number.
pub(super) const NOTHING: &str = "-";

/// A number with at most six decimals and no trailing zeros: the same on every machine.
pub(super) fn exact(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A mean with half its interval, both exact: `0.331 ±0.004`.
/// Where half the interval on each side would go beyond what such a value can be, its ends are given as far as they can
/// be: `0.9 (0.7-1)`.
pub(super) fn with_half(range: ValueRange, mean: f64, half: Option<f64>) -> String {
    if let Some((low, high)) = cut(range, mean, half) {
        return format!("{} ({}-{})", exact(mean), exact(low), exact(high));
    }
    let half = half.map(exact).filter(|half| half != "0").map(|half| format!(" ±{half}")).unwrap_or_default();
    format!("{}{half}", exact(mean))
}

/// A number as a person reads it: three or so figures, thousands set apart by commas.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || (value.fract() == 0.0 && size < 1e15) {
        return thousands(value);
    }
    format!("{value:.*}", if size >= 10.0 { 1 } else { 2 })
}

/// A share as a number of percent, without the sign.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// A length of time, in the unit that suits it: `42 s`, `12.5 min`, `3.2 h`, `2.1 d`.
pub(super) fn duration(seconds: f64) -> String {
    let (size, name) = time_unit(seconds);
    format!("{} {name}", short(seconds / size))
}

/// A value with its interval, compactly: `33.1 ±0.4`, `3.20 ±0.10 h`. Where half the interval on each side would go
/// beyond what such a value can be, its ends are given as far as they can be: `81.6 (0.0-100.0)`.
pub(super) fn with_interval(unit: Unit, range: ValueRange, mean: f64, half: Option<f64>) -> String {
    let text = |value: f64, unit_of: f64| match unit {
        Unit::Seconds => short(value / unit_of),
        Unit::Fraction => percent(value),
        Unit::Count | Unit::RecipientHours => number(value),
        Unit::Ratio | Unit::Reputation => format!("{value:.2}"),
    };
    let (size, name) = if unit == Unit::Seconds { time_unit(mean) } else { (1.0, "") };
    let gap = if name.is_empty() { "" } else { " " };
    if let Some((low, high)) = cut(range, mean, half) {
        let ends = [low, high].map(|end| text(end, size));
        if ends[0] != ends[1] {
            return format!("{} ({}-{}){gap}{name}", text(mean, size), ends[0], ends[1]);
        }
    }
    // An interval that rounds to nothing is left out: it says no more than the mean's own digits.
    let half = half.map(|half| text(half, size)).filter(|half| half.chars().any(|c| c.is_ascii_digit() && c != '0'));
    let half = half.map(|half| format!(" ±{half}")).unwrap_or_default();
    format!("{}{half}{gap}{name}", text(mean, size))
}

/// The ends of an interval that goes beyond what such a value can be, as far as they can be; `None` where it does not.
fn cut(range: ValueRange, mean: f64, half: Option<f64>) -> Option<(f64, f64)> {
    let ends = range.interval(mean, half)?;
    (Some(ends) != ValueRange::ANY.interval(mean, half)).then_some(ends)
}

/// A time with the ends of its interval, where no end is beyond the trial: `70.0 (65.0-∞) min`.
pub(super) fn time_range(at: f64, low: Option<f64>, high: Option<f64>) -> String {
    // An end that is too long for the unit of the median decides.
    let too_long = high.filter(|high| high / time_unit(at).0 >= 1_000.0);
    let (size, name) = time_unit(too_long.unwrap_or(at));
    let end = |end: Option<f64>| end.map_or_else(|| "∞".to_owned(), |end| short(end / size));
    format!("{} ({}-{}) {name}", short(at / size), end(low), end(high))
}

/// How much more or less something is, without the sign, with its interval and its unit: `18.0 ±1.2 points`; where that
/// would go beyond what such a difference can be, `60.0 (20.0 to 100.0) points`.
pub(super) fn difference(metric: Metric, by: &Estimate) -> String {
    difference_text(metric, by.mean.abs(), by.half, "")
}

/// The same with its sign: `+18.0 ±1.2 points`.
pub(super) fn signed_difference(metric: Metric, by: &Estimate) -> String {
    difference_text(metric, by.mean, by.half, "+")
}

/// A difference; `plus` stands before one that is more.
fn difference_text(metric: Metric, mean: f64, half: Option<f64>, plus: &str) -> String {
    let unit = metric.unit();
    let largest = mean.abs().max(half.unwrap_or(0.0));
    if largest == 0.0 {
        return "0".to_owned();
    }
    let (size, decimals, name) = match unit {
        Unit::Seconds => {
            let (size, name) = time_unit(largest);
            (size, usize::from(largest / size < 99.95), name)
        }
        // A share in points of a percent.
        Unit::Fraction => (0.01, if largest < 0.001 { 3 } else { 1 }, "points"),
        Unit::Ratio | Unit::Reputation => (1.0, if largest < 0.1 { 3 } else { 2 }, ""),
        Unit::Count | Unit::RecipientHours => (1.0, usize::from(largest < 10.0), ""),
    };
    let text = |value: f64| {
        let value = value / size;
        if decimals == 0 { thousands(value) } else { format!("{value:.decimals$}") }
    };
    let sign = |value: f64| match value {
        value if value > 0.0 => plus,
        value if value < 0.0 => "\u{2212}",
        _ => "",
    };
    let signed = |value: f64| format!("{}{}", sign(value), text(value.abs()));
    let gap = if name.is_empty() { "" } else { " " };
    if let Some((low, high)) = cut(metric.range().of_difference(), mean, half) {
        let ends = [low, high].map(signed);
        if ends[0] != ends[1] {
            return format!("{} ({} to {}){gap}{name}", signed(mean), ends[0], ends[1]);
        }
    }
    let half = half.map(text).filter(|half| half.chars().any(|c| c.is_ascii_digit() && c != '0'));
    let half = half.map(|half| format!(" ±{half}")).unwrap_or_default();
    format!("{}{half}{gap}{name}", signed(mean))
}

/// A name of at most `most` characters; of a longer one its beginning and an ellipsis.
pub(super) fn shortened(name: &str, most: usize) -> String {
    let name = harmless::line(name);
    if name.chars().count() <= most {
        return name;
    }
    let kept: String = name.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A name as a part of a file name: lower-case letters, digits and dashes; `x` if nothing else is left.
pub(super) fn slug(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let slug: String = words.join("-").chars().take(60).collect();
    if slug.is_empty() { "x".to_owned() } else { slug }
}

/// A slug for each name, all different.
pub(super) fn slugs<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let plain = slug(name);
        let (mut free, mut n) = (plain.clone(), 1);
        while taken.contains(&free) {
            n += 1;
            free = format!("{plain}-{n}");
        }
        taken.push(free);
    }
    taken
}

fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        s if s < 0.1 => (0.001, "ms"),
        s if s < 100.0 => (1.0, "s"),
        s if s < 6_000.0 => (60.0, "min"),
        s if s < 172_800.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    }
}

fn short(value: f64) -> String {
    format!("{value:.*}", usize::from(value.abs() < 99.95))
}

fn thousands(value: f64) -> String {
    let plain = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in plain.chars().enumerate() {
        if place > 0 && (plain.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(1.5), "1.50");
        assert_eq!(number(-4_200.4), "-4,200");
        assert_eq!(exact(0.25), "0.25");
        assert_eq!(exact(1_000.0), "1000");
        assert_eq!(exact(-0.000_000_01), "0");
        assert_eq!(duration(42.0), "42.0 s");
        assert_eq!(duration(11_520.0), "3.2 h");
        assert_eq!(duration(0.0), "0.0 ms");
    }

    #[test]
    fn intervals_stand_in_the_unit_of_their_mean() {
        assert_eq!(with_interval(Unit::Fraction, ValueRange::SHARE, 0.331, Some(0.004)), "33.1 ±0.4");
        assert_eq!(with_interval(Unit::Seconds, ValueRange::AMOUNT, 11_520.0, Some(360.0)), "3.2 ±0.1 h");
        assert_eq!(with_interval(Unit::Count, ValueRange::AMOUNT, 12_000.0, Some(0.0)), "12,000");
        assert_eq!(with_interval(Unit::Ratio, ValueRange::AMOUNT, 1.25, None), "1.25");
        assert_eq!(
            with_interval(Unit::Fraction, ValueRange::SHARE, 0.816, Some(1.776)),
            "81.6 (0.0-100.0)",
            "no share is beyond all"
        );
        let bound = Metric::BoundShare.range();
        assert_eq!(
            with_interval(Unit::Fraction, bound, 0.9, Some(0.2)),
            "90.0 ±20.0",
            "of the bound there may be more"
        );
        assert_eq!(with_interval(Unit::Count, ValueRange::AMOUNT, 100.0, Some(430.0)), "100 (0-530)");
        assert_eq!(with_interval(Unit::Seconds, ValueRange::AMOUNT, 120.0, Some(600.0)), "2.0 (0.0-12.0) min");
        assert_eq!(with_interval(Unit::Fraction, ValueRange::SHARE, 0.0, Some(0.0)), "0.0");
    }

    #[test]
    fn differences_have_the_unit_of_the_larger_of_mean_and_interval() {
        let by = |mean, half| Estimate { n: 3, mean, half: Some(half) };
        let share = Metric::DeliveredShare;
        assert_eq!(difference(share, &by(-0.18, 0.012)), "18.0 ±1.2 points");
        assert_eq!(signed_difference(share, &by(-0.18, 0.012)), "\u{2212}18.0 ±1.2 points");
        assert_eq!(difference(share, &by(0.0002, 0.0001)), "0.020 ±0.010 points");
        assert_eq!(difference(Metric::TimeTo90, &by(0.02, 360.0)), "0.0 ±6.0 min");
        assert_eq!(difference(Metric::Bounced, &by(-1_234.0, 0.0)), "1,234");
        assert_eq!(difference(Metric::TimeTo90, &by(0.0, 0.0)), "0");
        // No share differs from another by more than a whole.
        assert_eq!(difference(share, &by(-0.7, 0.4)), "70.0 (30.0 to 100.0) points");
        assert_eq!(signed_difference(share, &by(-0.7, 0.9)), "\u{2212}70.0 (\u{2212}100.0 to +20.0) points");
        assert_eq!(signed_difference(Metric::BoundShare, &by(0.7, 0.9)), "+70.0 ±90.0 points");
        assert_eq!(with_half(ValueRange::SHARE, 0.9, Some(0.3)), "0.9 (0.6-1)");
        assert_eq!(with_half(ValueRange::SHARE, 0.9, Some(0.01)), "0.9 ±0.01");
        assert_eq!(time_range(4_200.0, Some(3_900.0), None), "70.0 (65.0-∞) min");
        assert_eq!(time_range(5_400.0, Some(1_020.0), Some(72_000.0)), "1.5 (0.3-20.0) h");
    }

    #[test]
    fn names_become_file_names() {
        assert_eq!(slug("Back-off (×2)/é"), "back-off-2");
        assert_eq!(slug("日本"), "x");
        assert_eq!(slugs(["a b", "a/b", "A-B"]), ["a-b", "a-b-2", "a-b-3"]);
        assert_eq!(shortened("a\nvery long name", 8), "a very…");
    }
}
