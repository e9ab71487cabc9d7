//! The window over which a limit counts, as a profile writes it and as it is meant.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::time_zone::TimeZone;
use crate::provider::{Aligned, Meter, Window};
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned, TextOrTable};
use crate::time::Span;

/// Over which time a meter counts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum WindowSpec {
    /// What is open now.
    Gauge,
    /// Since the session began.
    Session,
    /// Since MAIL.
    Message,
    /// In the current frame.
    Fixed(FixedSpec),
    /// In the last so much time.
    Sliding(Span),
    /// A token bucket that is refilled with the limit every `per` and holds at most `burst`.
    #[serde(rename_all = "kebab-case")]
    TokenBucket {
        /// The time in which the whole limit is refilled.
        per: Span,
        /// Most tokens it can hold; as many as the limit unless said otherwise.
        burst: Option<u32>,
    },
    /// An exponentially weighted average rate over this smoothing period, as Exim's `ratelimit`.
    Average(Span),
}

/// A frame: `"1h"`, or `{ length = "1h", aligned = "first" }`, or `{ length = "24h", zone = "UTC-5" }`.
#[derive(Clone, Copy, Debug)]
pub struct FixedSpec {
    /// Length of a frame.
    pub length: Span,
    /// Where frames begin.
    pub aligned: Aligned,
    /// By how much frames of the clock begin later than at its whole multiples of `length`.
    pub offset: Option<Span>,
    /// Instead of that, the time zone at whose whole multiples they begin.
    pub zone: Option<TimeZone>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FixedTable {
    length: Span,
    #[serde(default)]
    aligned: Aligned,
    /// By how much frames of the clock begin later than at its whole multiples of `length`.
    offset: Option<Span>,
    /// Instead of that, the time zone at whose whole multiples they begin, where the clock shows UTC.
    zone: Option<TimeZone>,
}

impl<'de> Deserialize<'de> for FixedSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a length of time (\"1h\") or { length = \"1h\", aligned = \"clock\" }";
        Ok(match TextOrTable::<Span, FixedTable>::deserialize_as(deserializer, expected)? {
            TextOrTable::Text(length) => Self { length, aligned: Aligned::default(), offset: None, zone: None },
            TextOrTable::Table(FixedTable { length, aligned, offset, zone }) => Self { length, aligned, offset, zone },
        })
    }
}

impl JsonSchema for FixedSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fixed".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (span, table) = (generator.subschema_for::<Span>(), generator.subschema_for::<FixedTable>());
        json_schema!({ "anyOf": [span, table] })
    }
}

/// The window that is meant.
pub(super) fn build(spec: &Spanned<WindowSpec>, check: &mut Checker<'_>) -> Window {
    let (window, length) = match spec.value {
        WindowSpec::Gauge => return Window::Gauge,
        WindowSpec::Session => return Window::Session,
        WindowSpec::Message => return Window::Message,
        WindowSpec::Fixed(fixed) => (fixed_window(fixed, &spec.span, check), fixed.length),
        WindowSpec::Sliding(length) => (Window::Sliding { length }, length),
        WindowSpec::TokenBucket { per, burst } => (Window::Bucket { per, burst }, per),
        WindowSpec::Average(period) => (Window::Ewma { period }, period),
    };
    if length.is_zero() {
        let message = "a window of no length counts nothing";
        check.wrong_do(&spec.span, message, "write a length such as \"1h\"");
    }
    if matches!(window, Window::Bucket { burst: Some(0), .. }) {
        let message = "a token bucket that holds nothing lets nothing in";
        check.wrong_do(&spec.span, message, "to let nothing in, write `limit = 0`");
    }
    window
}

/// Frames, and where they begin.
fn fixed_window(spec: FixedSpec, place: &Range<usize>, check: &mut Checker<'_>) -> Window {
    let FixedSpec { length, aligned, offset, zone } = spec;
    if aligned == Aligned::First && (offset.is_some() || zone.is_some()) {
        let message = "frames that begin with the first event go by no clock";
        check.wrong_do(place, message, "leave `offset` and `zone` out, or write aligned = \"clock\"");
    }
    if offset.is_some() && zone.is_some() {
        let message = "an `offset` and a `zone` both say where frames begin";
        check.wrong_do(place, message, "write one of the two");
    }
    let offset = match (offset, zone) {
        (Some(offset), _) if offset >= length && !length.is_zero() => {
            let help = "write less than a frame: frames come one after the other";
            check.wrong_do(place, format!("an offset of {offset} is no less than a frame of {length}"), help);
            Span::ZERO
        }
        (Some(offset), _) => offset,
        (None, Some(zone)) => zone.offset_of(length),
        (None, None) => Span::ZERO,
    };
    Window::Fixed { length, aligned, offset }
}

/// Says so if a meter cannot be counted over the window at `place`.
pub(super) fn fits(window: Window, meter: Meter, place: &Spanned<WindowSpec>, check: &mut Checker<'_>) {
    let counted_at = meter.natural_stage();
    let help = match window {
        Window::Gauge if meter.is_gauge() => return,
        Window::Gauge => "a gauge is for `open-connections` and `open-transactions`",
        Window::Session
        | Window::Message
        | Window::Fixed { .. }
        | Window::Sliding { .. }
        | Window::Bucket { .. }
        | Window::Ewma { .. }
            if meter.is_gauge() =>
        {
            "what is open now has no window: write `window = \"gauge\"`"
        }
        Window::Session if counted_at <= Stage::Connect => "a session has one connection",
        Window::Message if counted_at <= Stage::Mail => {
            "within a message there are `recipients`, `unknown-recipients` and `bytes`"
        }
        Window::Session
        | Window::Message
        | Window::Fixed { .. }
        | Window::Sliding { .. }
        | Window::Bucket { .. }
        | Window::Ewma { .. } => return,
    };
    check.wrong_do(&place.span, format!("{meter} cannot be counted in this window"), help);
}
