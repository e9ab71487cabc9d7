//! Limits that may be "unlimited".

use crate::spanned::{Capped, Checker, Count, Spanned};

/// The limit, at least 1; `None` is unlimited.
pub(super) fn capped(written: &Spanned<Capped<Count>>, check: &mut Checker<'_>) -> Option<u32> {
    let Capped(limit) = written.value;
    limit.map(|limit| check.count(&written.with(limit), 1..=u32::MAX))
}
