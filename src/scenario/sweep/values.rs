//! The values of a sweep as people write them: `1,2,5,10`, `1..40:1`, `10ms..1s:log5`.
//!
//! A list of entries with commas between them. An entry is one value, written as the scenario writes it (quotes may be
//! left out), or a range with both of its ends: in steps (`1..40:1`), or so many evenly spaced (`0..1:lin11`) or evenly
//! spaced on a logarithmic scale (`1..1000:log10`).

use std::fmt;

use crate::metric::Measure;
use crate::time::Span;
use crate::units::Bytes;

/// One value that takes the place of another in a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Decimal(f64),
    /// True or false.
    Flag(bool),
    /// A text: a length of time, a size, a name.
    Text(String),
}

/// The values of a sweep: at least one, none twice; in rising order where they can be ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// What all of them measure: times, sizes, plain numbers or names.
    pub measure: Measure,
    /// Each value, and where it stands on an axis: a number, seconds, bytes, or its place in the list.
    pub list: Vec<(Value, f64)>,
}

/// Why there are no values, in a sentence, with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongValues(pub String);

/// How values are written, for help and errors.
pub const GRAMMAR: &str = "write a list (1,2,5,10), a range in steps (1..40:1), so many evenly spaced (0..1:lin11) or on \
a logarithmic scale (10ms..1s:log5), or several of these with commas between them";

/// The most values of a sweep.
pub const VALUES_MAX: usize = 1_000;

impl Values {
    /// Reads values as [`GRAMMAR`] says.
    ///
    /// # Errors
    ///
    /// Where the text does not follow the grammar of values.
    pub fn read(text: &str) -> Result<Self, WrongValues> {
        let mut all = Vec::new();
        for entry in text.split(',').map(str::trim) {
            if entry.is_empty() {
                let what = if text.trim().is_empty() { "there are no values" } else { "a value is missing by a comma" };
                return Err(WrongValues(format!("{what}; {GRAMMAR}")));
            }
            match entry.split_once("..") {
                Some((low, rest)) => all.extend(range(entry, low.trim(), rest.trim())?),
                None => all.push(Value::read(entry)),
            }
            few_enough(all.len())?;
        }
        Self::of(all)
    }

    /// These values.
    ///
    /// # Errors
    ///
    /// Where there are none, too many, or one of them twice.
    pub fn of(all: Vec<Value>) -> Result<Self, WrongValues> {
        few_enough(all.len())?;
        let first = all.first().ok_or_else(|| WrongValues(format!("there are no values; {GRAMMAR}")))?;
        let measure = first.quantity().0;
        let ordered = measure != Measure::Name && all.iter().all(|value| value.quantity().0 == measure);
        let mut list: Vec<(Value, f64)> = Vec::new();
        for value in all {
            let x = if ordered { value.quantity().1 } else { list.len() as f64 };
            let known = |(other, at): &(Value, f64)| if ordered { at.total_cmp(&x).is_eq() } else { *other == value };
            if list.iter().any(known) {
                return Err(WrongValues(format!("{value} is there twice; write each value once")));
            }
            list.push((value, x));
        }
        if ordered {
            list.sort_by(|a, b| a.1.total_cmp(&b.1));
        }
        Ok(Self { measure: if ordered { measure } else { Measure::Name }, list })
    }

    /// Whether they want a logarithmic axis: all above zero, and the widest gap several times the narrowest.
    pub fn are_logarithmic(&self) -> bool {
        let gaps = || self.list.windows(2).map(|pair| pair[1].1 - pair[0].1);
        let (least, most) = (gaps().fold(f64::INFINITY, f64::min), gaps().fold(0.0, f64::max));
        self.measure != Measure::Name && self.list.iter().all(|(_, x)| *x > 0.0) && most >= 4.0 * least
    }
}

impl Value {
    /// A value as a person writes it in a list: a number or a flag where it is one, else a text.
    fn read(written: &str) -> Self {
        let quoted = |mark: char| written.strip_prefix(mark)?.strip_suffix(mark);
        if let Some(text) = quoted('"').or_else(|| quoted('\'')) {
            return Self::Text(text.to_owned());
        }
        let plain = written.replace('_', "");
        let number = plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        match (written, plain.parse::<i64>(), plain.parse::<f64>()) {
            ("true" | "false", ..) => Self::Flag(written == "true"),
            (_, Ok(whole), _) => Self::Whole(whole),
            (.., Ok(decimal)) if number && decimal.is_finite() => Self::Decimal(decimal),
            _ => Self::Text(written.to_owned()),
        }
    }

    /// What it measures, and how much.
    fn quantity(&self) -> (Measure, f64) {
        match self {
            Self::Whole(number) => (Measure::Number, *number as f64),
            Self::Decimal(number) => (Measure::Number, *number),
            Self::Flag(_) => (Measure::Name, 0.0),
            // A size without a unit is a number in quotes.
            Self::Text(text) if text.ends_with(|c: char| c.is_ascii_digit()) => (Measure::Name, 0.0),
            Self::Text(text) => match (text.parse::<Span>(), text.parse::<bytesize::ByteSize>()) {
                (Ok(span), _) => (Measure::Seconds, span.as_secs_f64()),
                (_, Ok(size)) => (Measure::Bytes, size.0 as f64),
                _ => (Measure::Name, 0.0),
            },
        }
    }

    /// So much of it, written as the scenario would. Numbers keep to whole ones if `whole`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    fn made(measure: Measure, x: f64, whole: bool) -> Self {
        match measure {
            Measure::Number if whole => Self::Whole(x.round() as i64),
            Measure::Number | Measure::Name => Self::Decimal(x),
            Measure::Seconds => Self::Text(Span::from_secs_f64(x).to_string()),
            Measure::Bytes => {
                let bytes = Bytes(x.round() as u64).0;
                let unit = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
                let unit = unit.into_iter().find(|(size, _)| bytes > 0 && bytes.is_multiple_of(*size));
                let (size, name) = unit.unwrap_or((1, "B"));
                Self::Text(format!("{}{name}", bytes / size))
            }
        }
    }
}

impl From<&Value> for toml::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Whole(number) => Self::Integer(*number),
            Value::Decimal(number) => Self::Float(*number),
            Value::Flag(flag) => Self::Boolean(*flag),
            Value::Text(text) => Self::String(text.clone()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The values of `low..high:how`; `entry` is all of it, for messages.
fn range(entry: &str, low: &str, rest: &str) -> Result<Vec<Value>, WrongValues> {
    let wrong = |what: String| Err(WrongValues(format!("`{entry}`: {what}")));
    let Some((high, how)) = rest.split_once(':') else {
        return wrong(format!(
            "a range says how to go through it: {low}..{rest}:STEP, or {low}..{rest}:lin10 for ten values evenly spaced, \
             or {low}..{rest}:log10 on a logarithmic scale"
        ));
    };
    let (high, how) = (high.trim(), how.trim());
    let ends = [Value::read(low), Value::read(high)];
    let [(measure, from), (other, to)] = [ends[0].quantity(), ends[1].quantity()];
    let whole = ends.iter().all(|end| matches!(end, Value::Whole(_)));
    if measure == Measure::Name || measure != other {
        return wrong(format!(
            "{low} and {high} are no two ends of a range; write two numbers (1..40:1), two lengths of time (1s..60s:1s) \
             or two sizes (10kB..1MB:log5)"
        ));
    }
    if from >= to {
        return wrong(format!("{low} is not below {high}; write the lower end first"));
    }
    if let Some(count) = how.strip_prefix("lin").or_else(|| how.strip_prefix("log")) {
        let Some(count) = count.parse::<usize>().ok().filter(|count| (2..=VALUES_MAX).contains(count)) else {
            return wrong(format!("after `{}` comes how many values, from 2 to {VALUES_MAX}", &how[..3]));
        };
        let logarithmic = how.starts_with("log");
        if logarithmic && from <= 0.0 {
            return wrong(format!("a logarithmic scale has no {low}; begin above 0, or write lin{count}"));
        }
        // Whole numbers stay whole; but from 0 to 1 in five steps they could not be told apart.
        let whole = whole && (logarithmic || ((to - from) / (count - 1) as f64).fract() == 0.0);
        let share = |n: usize| n as f64 / (count - 1) as f64;
        let inner = (1..count - 1).map(|n| {
            let x = if logarithmic { from * (to / from).powf(share(n)) } else { from + (to - from) * share(n) };
            Value::made(measure, figures(x, if logarithmic { 3 } else { 12 }), whole)
        });
        let [first, last] = ends;
        let mut all: Vec<Value> = [first].into_iter().chain(inner).chain([last]).collect();
        // Whole numbers may come out the same.
        all.dedup();
        return Ok(all);
    }
    let written = Value::read(how);
    let (unit, step) = written.quantity();
    if unit != measure || step <= 0.0 {
        return wrong(format!(
            "`{how}` is no step from {low} to {high}; write one above 0 such as {low}..{high}:{low}"
        ));
    }
    let whole = whole && matches!(written, Value::Whole(_));
    // A hair more than what is there, so that 0.1 + 0.1 + 0.1 reaches 0.3.
    let steps = ((to - from) / step * (1.0 + 1e-12)).floor();
    if steps >= VALUES_MAX as f64 {
        return few_enough(usize::MAX).map(|()| Vec::new());
    }
    let at = |n: usize| Value::made(measure, figures(from + n as f64 * step, 12), whole);
    Ok((0..VALUES_MAX).take_while(|n| *n as f64 <= steps).map(at).collect())
}

/// A number to so many significant figures.
fn figures(x: f64, figures: i32) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a number is small")]
    let decimals = figures - 1 - x.abs().log10().floor() as i32;
    // By way of text: 10^-n is no number a computer has, and multiplying by it brings 0.30000000000000004 back.
    usize::try_from(decimals).map_or_else(
        |_| (x / 10_f64.powi(-decimals)).round() * 10_f64.powi(-decimals),
        |decimals| format!("{x:.decimals$}").parse().unwrap_or(x),
    )
}

fn few_enough(count: usize) -> Result<(), WrongValues> {
    if count <= VALUES_MAX {
        return Ok(());
    }
    Err(WrongValues(format!("these are more than {VALUES_MAX} values; take larger steps")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match Values::read(text) {
            Ok(values) => values.list.iter().map(|(value, _)| value.to_string()).collect::<Vec<_>>().join(" "),
            Err(wrong) => wrong.to_string(),
        }
    }

    #[test]
    fn lists_and_ranges() {
        assert_eq!(said("1,2,5,10"), "1 2 5 10");
        assert_eq!(said(" 1..5:1 , 10 ,20..40:10"), "1 2 3 4 5 10 20 30 40");
        assert_eq!(said("0.1..0.5:0.1"), "0.1 0.2 0.3 0.4 0.5");
        assert_eq!(said("1..10:4"), "1 5 9");
        assert_eq!(said("0..1:lin5"), "0 0.25 0.5 0.75 1");
        assert_eq!(said("0..8:lin5"), "0 2 4 6 8");
        assert_eq!(said("1..1000:log4"), "1 10 100 1000");
        assert_eq!(said("1..5:log9"), "1 2 3 4 5");
        assert_eq!(said("10ms..1s:log5"), "10ms 31ms600us 100ms 316ms 1s");
        assert_eq!(said("10kB..30kB:10kB"), "10kB 20kB 30kB");
        assert_eq!(said("1_000,2_000"), "1000 2000");
    }

    #[test]
    fn what_can_be_ordered_is() {
        assert_eq!(said("10,1,5"), "1 5 10");
        assert_eq!(said("1min,30s"), "30s 1min");
        assert_eq!(said("unlimited,10"), "unlimited 10");
        assert_eq!(Values::read("b,a").unwrap().list, [(Value::Text("b".into()), 0.0), (Value::Text("a".into()), 1.0)]);
        assert_eq!(Values::read("1,unlimited").unwrap().measure, Measure::Name);
        assert_eq!(Values::read("\"1\",'2'").unwrap().measure, Measure::Name);
        assert_eq!(Values::read("30s,2min").unwrap().list[1], (Value::Text("2min".into()), 120.0));
    }

    #[test]
    fn scales() {
        assert!(Values::read("1,2,5,10").unwrap().are_logarithmic());
        assert!(!Values::read("1..40:1").unwrap().are_logarithmic());
        assert!(!Values::read("0,1,10,100").unwrap().are_logarithmic());
        assert!(!Values::read("a,b").unwrap().are_logarithmic());
        assert!(!Values::read("7").unwrap().are_logarithmic());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, message) in [
            ("", "there are no values; write a list (1,2,5,10)"),
            ("1,,2", "a value is missing by a comma"),
            ("1..40", "`1..40`: a range says how to go through it: 1..40:STEP, or 1..40:lin10"),
            ("40..1:1", "40 is not below 1; write the lower end first"),
            ("1..5s:1", "1 and 5s are no two ends of a range"),
            ("a..b:1", "a and b are no two ends of a range"),
            ("1..10:0", "`0` is no step from 1 to 10"),
            ("1s..10s:1", "`1` is no step from 1s to 10s"),
            ("0..10:log5", "a logarithmic scale has no 0; begin above 0, or write lin5"),
            ("1..10:log1", "after `log` comes how many values"),
            ("1..10:loga", "after `log` comes how many values"),
            ("1..100000:1", "these are more than 1000 values"),
            ("1..1000:1,2000", "these are more than 1000 values"),
            ("10,1,5,5", "5 is there twice; write each value once"),
            ("b,a,b", "b is there twice"),
            ("60s,1min", "1min is there twice"),
            ("1..3:1,2", "2 is there twice"),
        ] {
            assert!(said(text).contains(message), "{text}: {}", said(text));
        }
    }
}
