//! The one clock everything is said in: microseconds since the start of the trial.
//!
//! A [`Time`] is a moment, a [`Span`] a length of time. Neither can be read from the operating system: only a
//! world makes them, so that the machines of `provider` and `sender` run in virtual and in real time alike.

mod moments;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use moments::Moments;

/// A moment: microseconds since the start of the trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The start of the trial.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens; used for "never".
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for plots and tables.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

/// A length of time in microseconds. Written `"90s"`, `"1h30m"`, `"20ms"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The smallest length of time there is.
    pub const TICK: Self = Self(1);
    /// Twenty-four hours.
    pub const DAY: Self = Self::from_secs(86_400);
    /// Sixty minutes.
    pub const HOUR: Self = Self::from_secs(3_600);

    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000)
    }

    /// A span of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }

    /// The nearest span of whole microseconds; negative and not-a-number become zero.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
    pub fn from_secs_f64(secs: f64) -> Self {
        // What `round` gives, without the call that it is where a processor may not know it: the cast cuts off, and
        // what it cut off is exact.
        let micros = secs * 1e6;
        let whole = micros as u64;
        Self(whole.saturating_add(u64::from(micros - whole as f64 >= 0.5)))
    }

    /// Length in microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Length in whole milliseconds, rounded up.
    pub const fn as_millis_ceil(self) -> u64 {
        self.0.div_ceil(1_000)
    }

    /// Length in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// In days.
    pub fn as_days_f64(self) -> f64 {
        self.0 as f64 / Self::DAY.0 as f64
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This span `n` times over; stops at the largest span.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// This span scaled by a factor that is not negative, to the nearest microsecond.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::from_secs_f64(self.as_secs_f64() * factor)
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    /// The difference; zero where `other` is longer.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (name, size) in UNITS {
            let count = rest / size;
            if count > 0 {
                write!(f, "{count}{name}")?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since(Self::ZERO).fmt(f)
    }
}

/// Why a length of time could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Not of the form `1h30m`.
    #[error("`{0}` is not a length of time; write a number with a unit, such as \"90s\", \"20ms\" or \"1h30m\"")]
    Malformed(String),
    /// Months and years have no fixed length.
    #[error("`{0}`: months and years have no fixed length; write days (\"30d\")")]
    Calendar(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let calendar = text
            .split(|c: char| !c.is_ascii_alphabetic())
            .any(|unit| matches!(unit, "M" | "month" | "months" | "y" | "year" | "years"));
        if calendar {
            return Err(SpanError::Calendar(text.to_owned()));
        }
        humantime::parse_duration(text.trim())
            .ok()
            .and_then(|duration| u64::try_from(duration.as_micros()).ok())
            .filter(|micros| *micros <= LONGEST)
            .map(Self)
            .ok_or_else(|| SpanError::Malformed(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time with its unit, such as \"90s\", \"20ms\" or \"1h30m\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Written)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time: a number with a unit, such as \"90s\", \"20ms\", \"1h30m\" or \"2d\".",
            "examples": ["90s", "1h30m", "20ms"],
        })
    }
}

const UNITS: [(&str, u64); 6] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// A century in microseconds: sums of a few spans stay far from overflow.
const LONGEST: u64 = 36_525 * 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        assert_eq!("1h30m".parse(), Ok(Span::from_secs(5_400)));
        assert_eq!("20ms".parse(), Ok(Span::from_millis(20)));
        assert_eq!("0s".parse(), Ok(Span::ZERO));
        assert!(matches!("90".parse::<Span>(), Err(SpanError::Malformed(_))));
        assert!(matches!("-5s".parse::<Span>(), Err(SpanError::Malformed(_))));
        assert!(matches!("1M".parse::<Span>(), Err(SpanError::Calendar(_))));
        assert!(matches!("2 years".parse::<Span>(), Err(SpanError::Calendar(_))));
        assert!(matches!("999999999999d".parse::<Span>(), Err(SpanError::Malformed(_))));
    }

    #[test]
    fn spans_print_so_that_they_can_be_read_again() {
        for text in ["1d2h", "90s", "1m30s", "250us", "1s1ms"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        assert_eq!(Span::from_secs(5_400).to_string(), "1h30m");
    }

    #[test]
    fn differences_stop_at_zero() {
        assert_eq!(Time::from_micros(3).since(Time::from_micros(5)), Span::ZERO);
        assert_eq!(Span::from_secs(1) - Span::from_secs(2), Span::ZERO);
        assert_eq!(Time::NEVER + Span::DAY, Time::NEVER);
    }
}
