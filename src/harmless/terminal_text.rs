//! Text for a terminal: nothing in it is obeyed but the colours that this program chose itself.

use std::fmt;
use std::ops::Deref;

use super::text;

/// What a terminal is shown. Whatever it is made from cannot move the cursor, change colours or turn the direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TerminalText(String);

impl TerminalText {
    /// The text in a colour, by the number of its escape sequence, such as `1;31`.
    pub fn painted(colour: &'static str, words: &str) -> Self {
        Self(format!("\u{1b}[{colour}m{}\u{1b}[0m", text(words)))
    }

    /// What was drawn with colours of our own from parts that are harmless.
    pub(crate) const fn drawn(text: String) -> Self {
        Self(text)
    }

    /// Adds to the end.
    pub fn push(&mut self, more: impl Into<Self>) {
        self.0.push_str(&more.into().0);
    }

    /// All of them, with `between` between them.
    pub fn joined(parts: &[Self], between: &str) -> Self {
        let parts: Vec<&str> = parts.iter().map(|part| part.0.as_str()).collect();
        Self(parts.join(&text(between)))
    }
}

impl From<&str> for TerminalText {
    fn from(words: &str) -> Self {
        Self(text(words).into_owned())
    }
}

impl From<String> for TerminalText {
    fn from(words: String) -> Self {
        Self::from(words.as_str())
    }
}

impl Deref for TerminalText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TerminalText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_of_our_own_are_obeyed() {
        let mut all = TerminalText::painted("1;31", "error\u{1b}[0m");
        all.push(": \u{1b}]0;title\u{7}");
        assert_eq!(&*all, "\u{1b}[1;31merror␛[0m\u{1b}[0m: ␛]0;title␇");
        assert_eq!(&*TerminalText::joined(&[all.clone(), "x".into()], "\n"), &format!("{all}\nx"));
    }
}
