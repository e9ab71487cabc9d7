//! Time zones, as a distance from UTC: `UTC-5`, `UTC+05:30`. Names such as Europe/Berlin are none here, for what they
//! mean changes with the season and the year.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use crate::time::Span;

/// A time zone, as minutes ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone {
    minutes_ahead: i32,
}

impl TimeZone {
    /// How long after a whole multiple of `length` of UTC one of this zone begins; less than `length`.
    pub(super) fn offset_of(self, length: Span) -> Span {
        let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX).max(1);
        let behind = -i64::from(self.minutes_ahead) * MINUTE;
        Span::from_micros(behind.rem_euclid(length).unsigned_abs())
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("UTC")?;
        if rest.is_empty() {
            return Some(Self { minutes_ahead: 0 });
        }
        let (sign, rest) = match rest.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
        let [hours, minutes] = [number(hours)?, number(minutes).filter(|minutes| *minutes < 60)?];
        let minutes_ahead = sign * (hours * 60 + minutes);
        (-12 * 60..=14 * 60).contains(&minutes_ahead).then_some(Self { minutes_ahead })
    }
}

/// One or two digits.
fn number(text: &str) -> Option<i32> {
    let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let known = "write how far it is from UTC, such as \"UTC-5\" or \"UTC+05:30\", from -12 to +14";
            D::Error::custom(format!("`{text}` is no time zone known here; {known}"))
        })
    }
}

impl JsonSchema for TimeZone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^UTC([+-][0-9]{1,2}(:[0-5][0-9])?)?$";
        json_schema!({ "type": "string", "description": "Such as \"UTC-5\" or \"UTC+05:30\".", "pattern": pattern })
    }
}

/// In microseconds.
const MINUTE: i64 = 60_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(zone: &str, length: Span) -> Option<Span> {
        TimeZone::parse(zone).map(|zone| zone.offset_of(length))
    }

    #[test]
    fn midnight_of_a_zone_is_later_in_the_west() {
        assert_eq!(offset("UTC", Span::DAY), Some(Span::ZERO));
        assert_eq!(offset("UTC-5", Span::DAY), Some(Span::HOUR.times(5)));
        assert_eq!(offset("UTC+1", Span::DAY), Some(Span::HOUR.times(23)));
        assert_eq!(offset("UTC+05:30", Span::HOUR), Some(Span::from_secs(30 * 60)));
        assert_eq!(offset("UTC+14:00", Span::HOUR), Some(Span::ZERO));
    }

    #[test]
    fn what_is_no_distance_from_utc_is_no_zone() {
        for wrong in
            ["", "utc", "UTC5", "UTC+", "UTC+15", "UTC-13", "UTC+1:60", "UTC+001", "UTC\u{20ac}", "Europe/Berlin"]
        {
            assert_eq!(TimeZone::parse(wrong), None, "{wrong}");
        }
    }
}
