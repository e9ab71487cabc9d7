//! A drawing: what a page shows of a plot.

/// A plot, drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// Name of its files, without extension.
    pub(super) name: String,
    /// What one sees, in a sentence.
    pub(super) caption: String,
    /// The plot as SVG, every text in it escaped.
    pub(super) svg: String,
}

/// A plot cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw plot `{plot}`: {reason}")]
pub struct PlotError {
    pub(super) plot: String,
    pub(super) reason: String,
}
