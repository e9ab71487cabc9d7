//! Times of day.

use crate::time::Span;

/// A time of day: `08:30`.
pub(super) fn clock(time: Span) -> String {
    let minutes = time.as_micros() / 60_000_000;
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}
