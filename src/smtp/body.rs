//! A message after DATA: where it ends, and its lines without the dots put before them (RFC 5321, section 4.5.2).
//!
//! Only CR LF . CR LF ends a message. Whoever takes less for it (`\n.\n`, `\r\n.\r\r\n` …) lets a sender hide a second
//! message in the first.

use memchr::memchr_iter;

/// What was found at the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A piece of the message, dots taken away. Nothing is copied.
    Data(&'a [u8]),
    /// The end of the message.
    End,
    /// Nothing that can be decided yet.
    Unfinished,
}

/// Reads one message.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    at_line_start: bool,
    bare: bool,
    size: u64,
}

impl Default for Body {
    fn default() -> Self {
        Self { at_line_start: true, bare: false, size: 0 }
    }
}

impl Body {
    /// The piece at the beginning of `input`, and how many bytes of it are done with. A CR at the end, or a dot that
    /// may be the last, is left until more is known; no more than two bytes are.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> (usize, Piece<'a>) {
        let mut from = 0;
        if self.at_line_start {
            match input {
                [] | [b'.'] | [b'.', b'\r'] => return (0, Piece::Unfinished),
                [b'.', b'\r', b'\n', ..] => return (3, Piece::End),
                [b'.', ..] => from = 1,
                _ => {}
            }
        }
        let to = self.scan(input, from);
        let data = &input[from..to];
        self.size += data.len() as u64;
        if data.is_empty() { (to, Piece::Unfinished) } else { (to, Piece::Data(data)) }
    }

    /// Bytes of the message so far, without dots put before lines, with line ends.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Whether a CR or LF stood alone so far.
    pub const fn bare(&self) -> bool {
        self.bare
    }

    /// The end of the longest piece from `from` on: up to a line that begins with a dot, else all there is.
    fn scan(&mut self, input: &[u8], from: usize) -> usize {
        let (mut lines, mut dot) = (0, None);
        for lf in memchr_iter(b'\n', &input[from..]).map(|at| from + at) {
            // A CR is left in the input until what follows it is there: if there is one, it is here.
            if lf == 0 || input[lf - 1] != b'\r' {
                self.bare = true;
                continue;
            }
            lines += 1;
            if input.get(lf + 1) == Some(&b'.') {
                dot = Some(lf + 1);
                break;
            }
        }
        let to = dot.unwrap_or(input.len() - usize::from(input.ends_with(b"\r")));
        let data = &input[from..to];
        self.bare |= memchr_iter(b'\r', data).count() != lines;
        if !data.is_empty() {
            self.at_line_start = data.ends_with(b"\r\n");
        }
        to
    }
}
