//! A figure as data: panels with axes and marks. Knows nothing of pixels.

/// A figure: panels that share a question, a legend and an x axis.
#[derive(Clone, Debug)]
pub(in crate::report) struct Figure {
    /// Name of its files, without extension.
    pub(in crate::report) name: String,
    /// The question it asks.
    pub(in crate::report) title: String,
    /// What one sees, in a sentence.
    pub(in crate::report) caption: String,
    /// What the marks mean, above all panels.
    pub(super) legend: Vec<LegendEntry>,
    /// The panels; none is nothing to show.
    pub(in crate::report) panels: Vec<Panel>,
    /// Whether the panels stand below each other, each as wide as the figure.
    pub(super) stacked: bool,
}

/// A pair of axes with marks.
#[derive(Clone, Debug)]
pub(in crate::report) struct Panel {
    /// What it shows; empty if the figure's title says it all.
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// From back to front.
    pub(super) marks: Vec<Mark>,
    /// What the marks of this panel mean, at its right.
    pub(super) legend: Vec<LegendEntry>,
    /// A remark inside the panel, such as that nothing happened.
    pub(super) note: Option<String>,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it measures, with the unit.
    pub(super) label: String,
    /// Its lower end.
    pub(super) min: f64,
    /// Its upper end.
    pub(super) max: f64,
    /// Where ticks stand, and what they say.
    pub(super) ticks: Vec<(f64, String)>,
}

/// An entry of a legend.
#[derive(Clone, Debug)]
pub(super) struct LegendEntry {
    pub(super) text: String,
    pub(super) look: LegendMark,
}

/// How a mark of a legend looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum LegendMark {
    Line(Pen),
    Area(Rgb),
    Dot(Pen),
}

/// Something drawn in a panel, in the units of its axes.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// A line through points; each part is a line of its own, a part of one point a dash of that width.
    Line { parts: Vec<Vec<(f64, f64)>>, pen: Pen, dash: f64 },
    /// The area between two lines over the same x: (x, low, high).
    Band { points: Vec<(f64, f64, f64)>, colour: Rgb },
    /// A filled rectangle: left, bottom, right, top.
    Bar { corners: [f64; 4], colour: Rgb },
    /// A marker at each point.
    Dots { points: Vec<(f64, f64)>, pen: Pen },
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pen {
    pub(super) colour: Rgb,
    pub(super) stroke: Stroke,
    /// The marker of this line; `None` for lines without.
    pub(super) marker: Option<Marker>,
    /// Place among the lines, so that their markers do not cover each other.
    pub(super) place: usize,
}

/// How a line is stroked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Triangle,
    Square,
    Diamond,
    Cross,
    TriangleDown,
    Ring,
}

/// A colour: red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb(pub(super) u8, pub(super) u8, pub(super) u8);
