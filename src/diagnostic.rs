//! What is wrong with a file a person wrote: file, line, column, what was expected, and a suggestion.
//!
//! Drawn as the Rust compiler draws its errors. Used for scenarios, profiles and traces alike.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text a person wrote, with the name it goes by in messages.
#[derive(Clone, Debug)]
pub struct Document {
    /// A path, or `built-in profile charter`.
    pub name: String,
    /// The text.
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
        Diagnostic { document: Box::new(self.clone()), span, message: message.into(), label: String::new(), help: None }
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
        self.help = Some(help.into());
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

    /// Line and column of the place, both counted from 1; the column in characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.document.text[..floor_char_boundary(&self.document.text, self.span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        (line, column)
    }

    /// The message as a terminal shows it, in colours if `styled`.
    pub fn render(&self, styled: bool) -> String {
        let start = floor_char_boundary(&self.document.text, self.span.start);
        let end = floor_char_boundary(&self.document.text, self.span.end).max(start);
        let annotation = AnnotationKind::Primary.span(start..end);
        let annotation = if self.label.is_empty() { annotation } else { annotation.label(&self.label) };
        let snippet = Snippet::source(&*self.document.text).path(&self.document.name).annotation(annotation);
        let group: Group<'_> = Level::ERROR.primary_title(&self.message).element(snippet);
        let group = match &self.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// Several messages as a terminal shows them, in colours if `styled`.
pub fn render(found: &[Diagnostic], styled: bool) -> String {
    found.iter().map(|one| one.render(styled)).collect::<Vec<_>>().join("\n\n")
}

/// The name in `known` nearest to `name`, if any is near enough to be a slip of the fingers.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + name.chars().count() / 4;
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

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
    (0..=index.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
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
    fn a_place_outside_the_text_is_no_panic() {
        assert!(Document::new("a", "").wrong(5..9, "bad").render(false).contains("bad"));
    }
}
