//! What is wrong with a file a person wrote: file, line, column, what was expected, and a suggestion.
//!
//! Drawn as the Rust compiler draws its errors. Used for scenarios, profiles and traces alike.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::harmless::{self, TerminalText};

/// A text a person wrote, with the name it goes by in messages.
#[derive(Clone, Debug)]
pub struct Document {
    /// A path, or `built-in profile charter`.
    pub name: String,
    /// All that the person wrote, as it stands in the file.
    pub text: Arc<str>,
}

impl Document {
    /// A document called `name`.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Says what is wrong at `span` (bytes of the text).
    pub fn wrong(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let end = self.text.len();
        let span = span.start.min(end)..span.end.clamp(span.start.min(end), end);
        let message = shortened(message.into());
        Diagnostic { document: Box::new(self.clone()), span, message, label: String::new(), help: None }
    }
}

/// One thing wrong with one document.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    document: Box<Document>,
    span: Range<usize>,
    message: String,
    label: String,
    help: Option<String>,
}

impl Diagnostic {
    /// Adds a few words at the place itself.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    /// What is wrong, in a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, where that is known.
    pub fn suggestion(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The name of the document.
    pub fn document_name(&self) -> &str {
        &self.document.name
    }

    /// Where it begins, in bytes of the text.
    pub fn start(&self) -> usize {
        self.span.start
    }

    /// Line and column of the place, both counted from 1; the column in characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.document.text[..floor_char_boundary(&self.document.text, self.span.start)];
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }

    /// The message as a terminal shows it, in colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        let (line, column) = self.line_and_column();
        let Excerpt { text, span, is_cut } = Excerpt::of(&self.document.text, &self.span);
        let (source, place) = harmless_source(text, span);
        let [message, label, help] =
            [&self.message, &self.label, self.help.as_deref().unwrap_or_default()].map(harmless::text);
        let path = harmless::line(&self.document.name);
        let annotation = AnnotationKind::Primary.span(place);
        let annotation = if label.is_empty() { annotation } else { annotation.label(&*label) };
        let snippet = Snippet::source(source).line_start(line).annotation(annotation);
        let title = Level::ERROR.primary_title(&*message);
        let group: Group<'_> = if is_cut {
            // Columns of a part of a line are not those of the line.
            title.element(Origin::path(path).line(line).char_column(column)).element(snippet)
        } else {
            title.element(snippet.path(path))
        };
        let group = if self.help.is_some() { group.element(Level::HELP.message(&*help)) } else { group };
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// The lines of a text in which a place stands, or of very long ones the part around where it begins: what a message
/// costs to draw does not grow with the file.
struct Excerpt<'a> {
    text: &'a str,
    /// The place, in bytes of the excerpt.
    span: Range<usize>,
    is_cut: bool,
}

impl<'a> Excerpt<'a> {
    fn of(text: &'a str, place: &Range<usize>) -> Self {
        let start = floor_char_boundary(text, place.start);
        let end = floor_char_boundary(text, place.end).max(start);
        let line_start = memchr::memrchr(b'\n', &text.as_bytes()[..start]).map_or(0, |at| at + 1);
        let line_end = memchr::memchr(b'\n', &text.as_bytes()[end..]).map_or(text.len(), |at| end + at);
        if line_end - line_start <= EXCERPT_MAX {
            return Self {
                text: &text[line_start..line_end],
                span: start - line_start..end - line_start,
                is_cut: false,
            };
        }
        let from = floor_char_boundary(text, start.saturating_sub(BEFORE_MAX)).max(line_start);
        let to = floor_char_boundary(text, start + AFTER_MAX).min(line_end);
        // One line is enough to show where it begins.
        let to = memchr::memchr(b'\n', &text.as_bytes()[start..to]).map_or(to, |at| start + at);
        Self { text: &text[from..to], span: start - from..end.min(to) - from, is_cut: from > line_start }
    }
}

/// Lines together longer than this, in bytes, are shown in part: so many bytes before the place, and so many from there
/// on.
const EXCERPT_MAX: usize = 4_000;
const BEFORE_MAX: usize = 60;
const AFTER_MAX: usize = 120;

/// A message that is not longer than a person reads: of a longer one, its beginning.
fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        message.truncate(floor_char_boundary(&message, MESSAGE_MAX));
        message.push('…');
    }
    message
}

/// Bytes of a message or of what to do about it.
const MESSAGE_MAX: usize = 2_000;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// Several messages as a terminal shows them, in colours if `styled`; of very many, the first.
pub fn render(found: &[Diagnostic], styled: bool) -> TerminalText {
    let mut shown: Vec<String> = found.iter().take(SHOWN_MAX).map(|one| one.render(styled)).collect();
    if let more @ 1.. = found.len().saturating_sub(SHOWN_MAX) {
        shown.push(format!("… and {more} more"));
    }
    TerminalText::drawn(shown.join("\n\n"))
}

/// A text as a terminal may show it, and where a place in it is then. Line ends of two characters stay one.
fn harmless_source(text: &str, place: Range<usize>) -> (Cow<'_, str>, Range<usize>) {
    if !harmless::has_hidden(text) {
        return (Cow::Borrowed(text), place);
    }
    let shown = |part: &str| part.split("\r\n").map(harmless::text).collect::<Vec<_>>().join("\n");
    let [before, inside, after] = [&text[..place.start], &text[place.clone()], &text[place.end..]].map(shown);
    let place = before.len()..before.len() + inside.len();
    (Cow::Owned([before, inside, after].concat()), place)
}

/// More messages than anyone reads at once.
const SHOWN_MAX: usize = 200;

/// The name in `known` nearest to `name`, if any is near enough to be a slip of the fingers.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > NAME_MAX {
        return None;
    }
    let length = name.chars().count();
    let most = 1 + length / 4;
    known
        .into_iter()
        // As many edits as the lengths differ by are needed at least.
        .filter(|candidate| candidate.len() <= NAME_MAX && candidate.chars().count().abs_diff(length) <= most)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Bytes of the longest name in which a slip is looked for: the time that takes grows with the square of it.
const NAME_MAX: usize = 200;

/// What to do about a name that is not known where this one is near.
pub fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`?")
}

/// The nearest of the names that serde lists after "unknown field" or "unknown variant".
pub fn suggestion(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let mut quoted = rest.split('`').step_by(2);
    let name = quoted.next()?;
    nearest(name, quoted)
}

/// Edit distance in which a swap of neighbours is one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    text.floor_char_boundary(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_fingers_are_recognised() {
        let known = ["charter", "yahoo", "microsoft", "gmail"];
        assert_eq!(nearest("chartre", known), Some("charter"));
        assert_eq!(nearest("yaho", known), Some("yahoo"));
        assert_eq!(nearest("mircosoft", known), Some("microsoft"));
        assert_eq!(nearest("postfix", known), None);
    }

    #[test]
    fn serde_messages_yield_a_suggestion() {
        assert_eq!(suggestion("unknown field `sede`, expected one of `name`, `seed`"), Some("seed"));
        assert_eq!(suggestion("unknown variant `fixd`, expected `fixed`"), Some("fixed"));
        assert_eq!(suggestion("invalid type: string"), None);
    }

    #[test]
    fn a_diagnostic_points_at_its_place() {
        let document = Document::new("a.toml", "x = 1\nyä = 2\n");
        let diagnostic = document.wrong(10..11, "bad").label("here").help("write 3");
        assert_eq!(diagnostic.line_and_column(), (2, 4));
        insta::assert_snapshot!(diagnostic.render(false));
    }

    #[test]
    fn of_a_long_line_only_the_part_that_matters_is_shown() {
        let text = format!("a = 1\n{}wrong{}\nb = 2", "ä".repeat(5_000), "x".repeat(100_000));
        let at = text.find("wrong").unwrap();
        let shown = Document::new("a.toml", text.clone()).wrong(at..at + 5, "bad").render(false);
        assert!(shown.contains("a.toml:2:5001") && shown.contains("wrongxxx") && shown.len() < 1_000, "{shown}");
        let whole = Document::new("a.toml", text.clone()).wrong(0..text.len(), "x".repeat(1 << 20)).render(false);
        assert!(whole.contains("a.toml:1:1") && whole.len() < 4_000, "{whole}");
    }

    #[test]
    fn a_name_is_not_compared_with_what_cannot_be_meant() {
        let long = "x".repeat(10_000_000);
        assert_eq!(nearest(&long, ["charter", long.as_str()]), None);
        assert_eq!(nearest("charter", [long.as_str(), "charte"]), Some("charte"));
    }

    #[test]
    fn of_very_many_messages_the_first_are_shown() {
        let document = Document::new("a.toml", "x");
        let found: Vec<_> = (0..SHOWN_MAX + 7).map(|n| document.wrong(0..1, format!("bad {n}"))).collect();
        let shown = render(&found, false);
        assert!(shown.ends_with("… and 7 more") && shown.contains("bad 199") && !shown.contains("bad 200"), "{shown}");
    }

    #[test]
    fn a_place_outside_the_text_is_no_panic() {
        assert!(Document::new("a", "").wrong(5..9, "bad").render(false).contains("bad"));
    }
}
