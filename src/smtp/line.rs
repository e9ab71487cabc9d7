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
pub struct Lines {
    /// The line is too long already, and the rest of it goes the same way.
    skipping: bool,
}

impl Lines {
    /// The line at the beginning of `input`, and how many bytes of it are done with. `max` includes the line end.
    pub fn next<'a>(&mut self, input: &'a [u8], max: usize, ends: LineEnds) -> (usize, Line<'a>) {
        let looked = if self.skipping { input } else { &input[..input.len().min(max)] };
        let Some(end) = memchr(b'\n', looked) else {
            if !self.skipping && input.len() < max {
                return (0, Line::Unfinished);
            }
            self.skipping = true;
            return (looked.len(), Line::Unfinished);
        };
        if std::mem::take(&mut self.skipping) {
            return (end + 1, Line::TooLong);
        }
        let line = match (input[..end].strip_suffix(b"\r"), ends) {
            (Some(line), _) => Line::Whole(line),
            (None, LineEnds::Lenient) => Line::Whole(&input[..end]),
            (None, LineEnds::Strict) => Line::Bare,
        };
        (end + 1, line)
    }
}
