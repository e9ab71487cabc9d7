//! In the place of `plots` in a build without that feature: nothing is drawn.

use std::path::Path;

use crate::record::{Record, SweepRecord};

use super::drawing::Drawing;
use super::sweep::SweepRow;
use super::write::WriteError;

#[expect(clippy::unnecessary_wraps, reason = "drawing can fail")]
pub(super) fn draw(_: &Record, _: &Path) -> Result<Vec<Drawing>, WriteError> {
    Ok(Vec::new())
}

#[expect(clippy::unnecessary_wraps, reason = "drawing can fail")]
pub(super) fn draw_sweep(_: &SweepRecord, _: &[SweepRow], _: &Path) -> Result<Vec<Drawing>, WriteError> {
    Ok(Vec::new())
}
