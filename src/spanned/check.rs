//! Gathers what is wrong with one document, so that a person hears of all of it at once.

use std::ops::{Range, RangeInclusive};

use super::gaps::Gaps;
use super::source_map::SourceMap;
use super::{Count, Spanned};
use crate::diagnostic::{Diagnostic, Document, did_you_mean, nearest};
use crate::harmless;
use crate::time::Span;

/// What was found wrong so far. Every check gives a value to go on with, right or wrong.
#[derive(Debug)]
pub struct Checker<'a> {
    source_map: SourceMap<'a>,
    found: Vec<Diagnostic>,
    gaps: Gaps,
}

impl<'a> Checker<'a> {
    /// Nothing is wrong yet.
    pub fn new(document: &'a Document) -> Self {
        Self { source_map: SourceMap::new(document), found: Vec::new(), gaps: Gaps::default() }
    }

    /// The document that is checked, and others whose values stand among its own.
    pub const fn source_map(&self) -> &SourceMap<'a> {
        &self.source_map
    }

    /// Adds documents whose values stand among those of the first; gives how much further on their places now are.
    pub fn include(&mut self, others: &SourceMap<'a>) -> usize {
        self.source_map.add_all(others)
    }

    /// `value`, if nothing was found wrong. Where there is none, something must have been.
    ///
    /// # Errors
    /// Everything that was found wrong, document by document in the order of the text; at least one mistake.
    ///
    /// # Panics
    /// There is no value although nothing was found wrong.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        let first = &self.source_map.first().name;
        self.found.sort_by_cached_key(|one| {
            let document = one.document_name().to_owned();
            (document != *first, document, one.start())
        });
        match value {
            _ if !self.found.is_empty() => Err(self.found),
            Some(value) => Ok(value),
            None => panic!("what cannot be read has something wrong with it"),
        }
    }

    /// How many mistakes were found so far.
    pub const fn mistakes(&self) -> usize {
        self.found.len()
    }

    /// Adds what was found elsewhere.
    pub fn add(&mut self, found: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(found);
    }

    /// Something is wrong at `span`.
    pub fn wrong(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.found.push(self.source_map.wrong(span, message));
    }

    /// Something is wrong at `span`, and there is something to do about it.
    pub fn wrong_do(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(self.source_map.wrong(span, message).help(help));
    }

    /// What stands at `span` lacks something. Silent where a part of it could not be read: it may be that part.
    pub fn lacking(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        if !self.has_gap(span) {
            self.wrong_do(span, message, help);
        }
    }

    /// Whether a part of what stands at `span` (the place of a table or of its name) could not be read.
    pub fn has_gap(&self, span: &Range<usize>) -> bool {
        self.gaps.within(span)
    }

    /// A name that is not known: suggests the nearest of `known`, or lists them.
    pub fn unknown(&mut self, kind: &str, name: &Spanned<String>, known: &[&str]) {
        self.unknown_in(kind, "", name, known);
    }

    /// The same, of names known only in some `place`, such as ` in charter`. Silent where what has this name could not
    /// be read.
    pub fn unknown_in(&mut self, kind: &str, place: &str, name: &Spanned<String>, known: &[&str]) {
        if self.gaps.named(name) {
            return;
        }
        self.wrong_do(&name.span, format!("there is no {kind} `{}`{place}", name.value), nearest_or_all(name, known));
    }

    /// The name of a profile or provider, which becomes a folder, a key and a column.
    pub fn identifier(&mut self, kind: &str, name: &Spanned<String>) {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.trim().is_empty() {
            self.wrong(&name.span, format!("a {kind} needs a name"));
        } else if !name.chars().all(plain) || name.starts_with(['.', '-']) || name.len() > NAME_MAX {
            let message = format!("`{}` is not the name of a {kind}", clipped(name));
            let rule = "a name has letters, digits, `.`, `_` and `-`, and begins with none of `.` and `-`";
            let near = name.split(|c| !plain(c)).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
            let near: String = near.trim_start_matches(['.', '-']).chars().take(NAME_MAX).collect();
            let help = if near.is_empty() { rule.to_owned() } else { format!("{rule}: write \"{near}\"") };
            self.wrong_do(&name.span, message, help);
        } else {
            self.not_reserved(kind, name);
        }
    }

    /// The name of a strategy or stream, which people read: it may have spaces and signs.
    pub fn title(&mut self, kind: &str, name: &Spanned<String>) {
        if name.trim().is_empty() {
            self.wrong(&name.span, format!("a {kind} needs a name"));
        } else if name.contains(['\n', '\t']) || harmless::has_hidden(name) {
            let message = format!("the name of a {kind} has characters in it that cannot be seen");
            let seen: String = name.chars().filter(|c| !matches!(c, '\n' | '\t') && !harmless::is_hidden(*c)).collect();
            self.wrong_do(&name.span, message, format!("write \"{}\"", clipped(&seen)));
        } else if name.chars().count() > NAME_MAX {
            let message = format!("`{}` is too long for the name of a {kind}", clipped(name));
            self.wrong_do(&name.span, message, format!("a name has {NAME_MAX} characters at most"));
        } else {
            self.not_reserved(kind, name);
        }
    }

    fn not_reserved(&mut self, kind: &str, name: &Spanned<String>) {
        if name.value.eq_ignore_ascii_case("all") {
            let message = format!("a {kind} cannot be called `all`: results have all of them together under that name");
            self.wrong_do(&name.span, message, "choose another name");
        }
    }

    /// A count within bounds.
    pub fn count(&mut self, count: &Spanned<Count>, bounds: RangeInclusive<u32>) -> u32 {
        self.within(count.value.0, &count.span, bounds)
    }

    /// A number within bounds, written at `span`.
    pub fn within(&mut self, value: u64, span: &Range<usize>, bounds: RangeInclusive<u32>) -> u32 {
        match u32::try_from(value) {
            Ok(count) if bounds.contains(&count) => count,
            _ if value < u64::from(*bounds.start()) => {
                self.wrong(span, format!("{value} makes no sense here; write {} or more", bounds.start()));
                *bounds.start()
            }
            _ => {
                self.wrong(span, format!("{value} is too much; {} is the most", bounds.end()));
                *bounds.start()
            }
        }
    }

    /// A length of time that is not zero.
    pub fn some_time(&mut self, span: &Spanned<Span>) -> Span {
        if span.is_zero() {
            self.wrong_do(&span.span, "no time at all makes no sense here", "write a length of time above 0");
            return Span::from_secs(1);
        }
        span.value
    }

    /// A number above 0.
    pub fn positive(&mut self, number: &Spanned<f64>) -> f64 {
        self.number(number, "write a number above 0", |value| value > 0.0).unwrap_or(1.0)
    }

    /// A number, 0 or above.
    pub fn not_negative(&mut self, number: &Spanned<f64>) -> f64 {
        self.number(number, "write a number, 0 or above", |value| value >= 0.0).unwrap_or(0.0)
    }

    /// A finite number that `holds`.
    pub fn number(&mut self, number: &Spanned<f64>, help: &str, holds: impl Fn(f64) -> bool) -> Option<f64> {
        if number.is_finite() && holds(number.value) {
            return Some(number.value);
        }
        self.wrong_do(&number.span, format!("{} makes no sense here", number.value), help);
        None
    }

    pub(super) const fn gaps(&mut self) -> &mut Gaps {
        &mut self.gaps
    }
}

/// The most characters of a name.
const NAME_MAX: usize = 100;

/// As much of a name as a message has room for.
fn clipped(name: &str) -> String {
    let most = NAME_MAX / 2;
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most).chain(['…']).collect() }
}

/// What to do about a name that is not known: the nearest of `known`, or all of them as far as a person reads them.
pub fn nearest_or_all(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => did_you_mean(near),
        None if known.is_empty() => "there are none".to_owned(),
        None if known.len() > LISTED_MAX => {
            format!("there are {}: {} …", known.len(), known[..LISTED_MAX].join(", "))
        }
        None => format!("there is {}", listed(known)),
    }
}

/// More names than anyone looks through.
const LISTED_MAX: usize = 50;

/// `a`, `b` and `c`, in words.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => format!("`{}`", one.as_ref()),
        [most @ .., last] => {
            let most: Vec<String> = most.iter().map(|name| format!("`{}`", name.as_ref())).collect();
            format!("{} and `{}`", most.join(", "), last.as_ref())
        }
    }
}
