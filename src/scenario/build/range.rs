//! The range that a figure must lie in: `min`, `max` or both.

use std::ops::Range;

use crate::spanned::{Checker, Spanned};

/// Both ends of a range that is written in the table at `place`; an end that is not written is infinite. `lacking` says
/// what it means that neither is.
pub(super) fn build(
    (min, max): (&Option<Spanned<f64>>, &Option<Spanned<f64>>),
    place: &Range<usize>,
    lacking: &str,
    check: &mut Checker<'_>,
) -> (f64, f64) {
    let mut bound = |written: &Option<Spanned<f64>>, open| match written {
        Some(bound) => check.number(bound, "write a number", |_| true).unwrap_or(open),
        None => open,
    };
    let (least, most) = (bound(min, f64::NEG_INFINITY), bound(max, f64::INFINITY));
    match (min, max) {
        (None, None) => check.lacking(place, lacking, "write `min`, `max` or both"),
        (Some(_), Some(max)) if least > most => {
            check.wrong(&max.span, format!("nothing is at least {least} and at most {most}"));
        }
        _ => {}
    }
    (least, most)
}
