//! Lines out of bytes that arrive in any pieces. Nothing is kept: what is no whole line yet is left to the caller's
//! buffer and read again.

use memchr::memchr;

/// What ends a command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// CR LF only (RFC 5321, section 2.3.8). A bare LF ends a line that is refused; a bare CR or LF in a message
    /// refuses the message.
    #[default]
    Strict,
    /// A bare LF as well. It never ends a message.
    Lenient,
}

/// What was found at the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line, without its line end.
    Whole(&'a [u8]),
    /// A line that a bare LF ended where only CR LF may.
    Bare,
    /// The end of a line that was too long.
    TooLong,
    /// No line end yet.
    Unfinished,
}

/// Finds lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineReader {
    /// The line is too long already, and the rest of it goes the same way.
    skipping: bool,
}

impl LineReader {
    /// The line at the beginning of `input`, and how many bytes of it are done with. `max` includes the line end.
    pub fn next<'a>(&mut self, input: &'a [u8], max: usize, ends: LineEnds) -> (usize, Line<'a>) {
        if !self.skipping {
            if let Some(end) = memchr(b'\n', &input[..input.len().min(max)]) {
                return (end + 1, Self::ended(&input[..end], ends));
            }
            if input.len() < max {
                return (0, Line::Unfinished);
            }
        }
        let end = memchr(b'\n', input);
        self.skipping = end.is_none();
        end.map_or((input.len(), Line::Unfinished), |end| (end + 1, Line::TooLong))
    }

    /// The line that an LF ended.
    fn ended(line: &[u8], ends: LineEnds) -> Line<'_> {
        match (line.strip_suffix(b"\r"), ends) {
            (Some(line), _) => Line::Whole(line),
            (None, LineEnds::Lenient) => Line::Whole(line),
            (None, LineEnds::Strict) => Line::Bare,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(lines: &mut LineReader, input: &str) -> (usize, String) {
        let (used, line) = lines.next(input.as_bytes(), 8, LineEnds::Strict);
        let text = match line {
            Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
            other => format!("{other:?}"),
        };
        (used, text)
    }

    #[test]
    fn lines_end_in_crlf() {
        let lines = &mut LineReader::default();
        assert_eq!(next(lines, "a b\r\nc"), (5, "a b".into()));
        assert_eq!(next(lines, "\r\n"), (2, String::new()));
        assert_eq!(next(lines, "a\rb\r\n"), (5, "a\rb".into()));
        assert_eq!(next(lines, "a\nb\r\n"), (2, "Bare".into()));
        assert_eq!(next(lines, "a\r"), (0, "Unfinished".into()));
        assert_eq!(lines.next(b"a\nb\r\n", 8, LineEnds::Lenient), (2, Line::Whole(b"a")));
    }

    #[test]
    fn a_long_line_is_one_line() {
        let lines = &mut LineReader::default();
        assert_eq!(next(lines, "123456\r\n"), (8, "123456".into()));
        assert_eq!(next(lines, "1234567\r\n"), (9, "TooLong".into()));
        assert_eq!(next(lines, "1234567"), (0, "Unfinished".into()));
        assert_eq!(next(lines, "12345678"), (8, "Unfinished".into()));
        assert_eq!(next(lines, "12345678"), (8, "Unfinished".into()));
        assert_eq!(next(lines, "9\r\na\r\n"), (3, "TooLong".into()));
        assert_eq!(next(lines, "a\r\n"), (3, "a".into()));
    }
}
