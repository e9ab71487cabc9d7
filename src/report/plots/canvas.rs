//! The only place that knows plotters: lines, areas and text in pixels, as SVG or PNG.
//!
//! Plotters speaks whole pixels, which shows as stairs in slanted lines. So everything is drawn [`SCALE`] times as
//! large: an SVG is then said to be as small as meant (its view box stays), a PNG is averaged down to twice the meant
//! size, sharp on any screen.

use std::sync::OnceLock;

use ::png::{AdaptiveFilterType, ColorType, Compression, Encoder, EncodingError};
use plotters::coord::Shift;
use plotters::element::Drawable;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, FontTransform, register_font};

use super::figure::Rgb;

/// A ground to draw on. All lengths are in pixels of the meant size, y grows downwards.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    /// By how much of its size a text is drawn lower than plotters would.
    drop: f64,
}

/// How a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelStyle {
    /// Height in pixels.
    pub(super) size: f64,
    pub(super) colour: Rgb,
    /// Which of its points is placed.
    pub(super) anchor: Anchor,
    /// Whether it is bold, where the font can be.
    pub(super) bold: bool,
    /// Whether it is read from below.
    pub(super) upright: bool,
}

/// Which point of a text is placed: its left, middle or right, at half its height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// The result of drawing; an error is in plotters' words.
pub(super) type DrawResult = Result<(), String>;

/// Draws an SVG of that size.
pub(super) fn svg(
    size: (u32, u32),
    title: &str,
    draw: impl FnOnce(&Canvas<'_, SVGBackend<'_>>) -> DrawResult,
) -> Result<String, String> {
    need_font()?;
    let (width, height) = (size.0 * SCALE, size.1 * SCALE);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(&Canvas { area: &area, drop: 0.0 })?;
        area.present().map_err(|error| error.to_string())?;
    }
    let large = format!("<svg width=\"{width}\" height=\"{height}\"");
    let meant = format!(
        "<svg width=\"{}\" height=\"{}\" role=\"img\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
        size.0, size.1
    );
    let text = text.replacen(&large, &meant, 1);
    let head = text.find('>').map_or(0, |end| end + 1);
    let (head, body) = text.split_at(head);
    Ok(format!("{head}\n<title>{}</title>{body}", escaped(title)))
}

/// Draws a PNG of twice that size.
pub(super) fn png(
    size: (u32, u32),
    draw: impl FnOnce(&Canvas<'_, BitMapBackend<'_>>) -> DrawResult,
) -> Result<Vec<u8>, String> {
    need_font()?;
    let (width, height) = (size.0 * SCALE, size.1 * SCALE);
    let mut buffer = vec![u8::MAX; width as usize * height as usize * CHANNELS];
    {
        let area = BitMapBackend::with_buffer(&mut buffer, (width, height)).into_drawing_area();
        draw(&Canvas { area: &area, drop: BITMAP_DROP })?;
        area.present().map_err(|error| error.to_string())?;
    }
    encoded((width / 2, height / 2), &halved(&buffer, width as usize)).map_err(|error| error.to_string())
}

/// A picture of half the size, each of its pixels the mean of four; `width` is that of the large one, in pixels.
fn halved(large: &[u8], width: usize) -> Vec<u8> {
    let row = width * CHANNELS;
    let mut small = Vec::with_capacity(large.len() / 4);
    for rows in large.chunks_exact(2 * row) {
        let (upper, lower) = rows.split_at(row);
        for (above, below) in upper.chunks_exact(2 * CHANNELS).zip(lower.chunks_exact(2 * CHANNELS)) {
            for channel in 0..CHANNELS {
                let four = [above[channel], above[channel + CHANNELS], below[channel], below[channel + CHANNELS]];
                let sum: u16 = four.into_iter().map(u16::from).sum();
                small.push(u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX));
            }
        }
    }
    small
}

fn encoded((width, height): (u32, u32), pixels: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_compression(Compression::Fast);
    encoder.set_adaptive_filter(AdaptiveFilterType::Adaptive);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

impl<DB: DrawingBackend> Canvas<'_, DB> {
    pub(super) fn line(&self, points: &[(f64, f64)], colour: Rgb, width: f64) -> DrawResult {
        self.draw(&PathElement::new(pixels(points), stroke(colour, width)))
    }

    pub(super) fn area(&self, points: &[(f64, f64)], colour: Rgb, opacity: f64) -> DrawResult {
        self.draw(&Polygon::new(pixels(points), rgb(colour).mix(opacity).filled()))
    }

    pub(super) fn rectangle(&self, from: (f64, f64), to: (f64, f64), colour: Rgb) -> DrawResult {
        self.draw(&Rectangle::new([pixel(from), pixel(to)], rgb(colour).filled()))
    }

    pub(super) fn disc(&self, centre: (f64, f64), radius: f64, colour: Rgb) -> DrawResult {
        self.draw(&Circle::new(pixel(centre), whole(radius), rgb(colour).filled()))
    }

    pub(super) fn ring(&self, centre: (f64, f64), radius: f64, colour: Rgb, width: f64) -> DrawResult {
        self.draw(&Circle::new(pixel(centre), whole(radius), stroke(colour, width)))
    }

    pub(super) fn text(&self, text: &str, at: (f64, f64), lettering: LabelStyle) -> DrawResult {
        let drop = self.drop * lettering.size;
        let at = if lettering.upright { (at.0 + drop, at.1) } else { (at.0, at.1 + drop) };
        self.draw(&Text::new(text.to_owned(), pixel(at), style(lettering)))
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, lettering: LabelStyle) -> f64 {
        let size = self.area.estimate_text_size(text, &style(LabelStyle { upright: false, ..lettering }));
        size.map_or(0.0, |(width, _)| f64::from(width) / f64::from(SCALE))
    }

    fn draw<'e, E>(&self, element: &'e E) -> DrawResult
    where
        &'e E: plotters::element::PointCollection<'e, (i32, i32)>,
        E: Drawable<DB>,
    {
        self.area.draw(element).map_err(|error| error.to_string())
    }
}

/// Red, green and blue.
const CHANNELS: usize = 3;

/// How many times larger everything is drawn.
const SCALE: u32 = 4;

/// Where plotters centres a text on a bitmap, half of the line's height is in the middle, not half of an x as in SVG.
const BITMAP_DROP: f64 = 0.15;

/// A subset of `DejaVu` Sans: Latin-1 and a few signs. What it lacks is drawn as an empty box.
const FONT: &[u8] = include_bytes!("../../../assets/DejaVuSans-subset.ttf");

/// Plotters needs a font of its own even to guess how wide a text is.
fn need_font() -> DrawResult {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = *REGISTERED.get_or_init(|| register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    if registered { Ok(()) } else { Err("the font cannot be read".to_owned()) }
}

fn style(lettering: LabelStyle) -> TextStyle<'static> {
    let weight = if lettering.bold { FontStyle::Bold } else { FontStyle::Normal };
    // Plotters' sizes are 1.24 times those of SVG.
    let font = FontDesc::new(FontFamily::SansSerif, lettering.size * 1.24 * f64::from(SCALE), weight);
    let font = if lettering.upright { font.transform(FontTransform::Rotate270) } else { font };
    let horizontal = match lettering.anchor {
        Anchor::Left => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    TextStyle { font, color: rgb(lettering.colour).to_backend_color(), pos: Pos::new(horizontal, VPos::Center) }
}

fn stroke(colour: Rgb, width: f64) -> ShapeStyle {
    rgb(colour).stroke_width(u32::try_from(whole(width)).unwrap_or(1).max(1))
}

fn rgb(Rgb(red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

fn pixels(points: &[(f64, f64)]) -> Vec<(i32, i32)> {
    points.iter().map(|point| pixel(*point)).collect()
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (whole(x), whole(y))
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
fn whole(length: f64) -> i32 {
    (length * f64::from(SCALE)).round() as i32
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
