//! Text on its way out: names, replies and arguments were written by others, and must do nothing to their readers.
//!
//! A terminal obeys control characters, a reader's eye is led astray by bidirectional overrides and by characters that
//! cannot be seen, and a spreadsheet runs a cell that begins with `=`. Each place where text goes out has one function
//! here, at its very end, so that nothing that is put into the text before can be forgotten:
//! - [`TerminalText`] is what standard output and standard error take
//! - [`json`] is what every JSON text passes, on standard output, in files and over HTTP
//! - [`cell`] is what every field of a CSV file passes
//! - [`text`] is what pages and drawings pass, and [`line()`] what must stand on one line

mod terminal_text;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use terminal_text::TerminalText;

/// The text with a sign in the place of every character that cannot be seen. Line ends and tabs stay.
pub fn text(text: &str) -> Cow<'_, str> {
    if !has_hidden(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_hidden(c) { sign(c) } else { c }).collect())
}

/// The same as a single line: line ends and tabs are spaces.
pub fn line(text: &str) -> String {
    let plain = |c| match c {
        '\n' | '\r' | '\t' => ' ',
        c if is_hidden(c) => sign(c),
        c => c,
    };
    text.chars().map(plain).collect()
}

/// A JSON text with every character that cannot be seen written as `\u…`: a parser reads the same.
/// Outside of strings JSON has no such characters.
pub fn json(text: String) -> String {
    if !has_hidden(&text) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A field of a CSV file. One that a spreadsheet would run gets an apostrophe before it, which says "text" to
/// spreadsheets; numbers stay numbers.
pub fn cell(field: &str) -> Cow<'_, str> {
    let begins = |c: char| matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    let runs = field.starts_with(['\t', '\r']) || field.trim_start().starts_with(begins);
    if runs && field.parse::<f64>().is_err() {
        return Cow::Owned(format!("'{}", apart(text(field), begins)));
    }
    apart(text(field), begins)
}

/// Where a semicolon separates cells, as in much of Europe, what follows one is a cell too.
fn apart(field: Cow<'_, str>, begins: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !field.contains(';') {
        return field;
    }
    let parts = field.split(';').enumerate().map(|(place, part)| {
        let runs = place > 0 && part.trim_start().starts_with(&begins);
        if runs { format!("'{part}") } else { part.to_owned() }
    });
    Cow::Owned(parts.collect::<Vec<_>>().join(";"))
}

/// Whether there is anything in the text that cannot be seen.
pub fn has_hidden(text: &str) -> bool {
    // Most texts are plain, and then this is all that is looked at.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    !text.as_bytes().iter().all(plain) && text.chars().any(is_hidden)
}

/// Control characters but line ends and tabs, bidirectional controls, and what else Unicode has no picture for
/// (`Default_Ignorable_Code_Point` without variation selectors, which choose the look of the character before).
pub fn is_hidden(c: char) -> bool {
    let ignorable = matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    );
    // XML knows no way to write the last two.
    ignorable || (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// What is shown for a character that cannot be seen, as wide as a letter: ␛ for ESC, � where Unicode has no picture.
fn sign(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(text("a\u{1b}[31m\u{202e}b\u{9b}\u{7f}\u{200b}\nü\t✓"), "a␛[31m�b�␡�\nü\t✓");
        assert_eq!(line("two\r\nlines\u{2028}"), "two  lines�");
        assert!(matches!(text("plain\ntext\t– ü ⚠\u{fe0f}"), Cow::Borrowed(_)));
    }

    #[test]
    fn every_control_and_bidirectional_character_is_hidden() {
        let bidirectional = ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}');
        let marks = ['\u{200e}', '\u{200f}', '\u{61c}', '\u{7f}'];
        let controls = ('\0'..='\u{1f}').chain('\u{80}'..='\u{9f}').filter(|c| !matches!(c, '\n' | '\t'));
        for c in bidirectional.chain(marks).chain(controls) {
            assert!(is_hidden(c) && has_hidden(&format!("a{c}b")), "{c:?}");
            assert!(!is_hidden(sign(c)), "{c:?}");
        }
    }

    #[test]
    fn json_says_the_same() {
        let said = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}\"\\\n ü";
        let escaped = json(serde_json::to_string(said).unwrap());
        assert_eq!(escaped, r#""a\u001b\u007f\u009b\u202e\udb40\udc41\"\\\n ü""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), said);
    }

    #[test]
    fn cells_are_never_run() {
        for (field, shown) in [
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("+1 more", "'+1 more"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("  =1", "'  =1"),
            ("\r=1", "'␍=1"),
            ("＝1", "'＝1"),
            ("-1.5", "-1.5"),
            ("-1e-7", "-1e-7"),
            ("+3", "+3"),
            ("day / 24", "day / 24"),
            ("a=b", "a=b"),
            ("a;=1+1", "a;'=1+1"),
            ("=1; @x;b", "'=1;' @x;b"),
            ("a; b", "a; b"),
            ("", ""),
        ] {
            assert_eq!(cell(field), shown);
        }
    }
}
