//! A message after DATA: where it ends, its lines without the dots put before them, and with them (RFC 5321, section
//! 4.5.2).
//!
//! Only CR LF . CR LF ends a message. A server that takes less for it (`\n.\n`, `\r\n.\r\r\n` …) lets a sender hide a
//! second message in the first.

use std::ops::BitOr;
use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;

/// What was found at the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPiece<'a> {
    /// A piece of the message, dots taken away. Nothing is copied.
    Data(&'a [u8]),
    /// The end of the message.
    End,
    /// Nothing that can be decided yet.
    Unfinished,
}

/// Reads one message.
#[derive(Clone, Copy, Debug)]
pub struct DataReader {
    at_line_start: bool,
    bare: bool,
    size: u64,
}

impl Default for DataReader {
    fn default() -> Self {
        Self { at_line_start: true, bare: false, size: 0 }
    }
}

impl DataReader {
    /// The piece at the beginning of `input`, and how many bytes of it are done with. A CR at the end, or a dot that
    /// may be the last, is left until more is known; no more than two bytes are.
    pub fn next<'a>(&mut self, input: &'a [u8]) -> (usize, DataPiece<'a>) {
        let mut from = 0;
        if self.at_line_start {
            match input {
                [] | [b'.'] | [b'.', b'\r'] => return (0, DataPiece::Unfinished),
                [b'.', b'\r', b'\n', ..] => return (3, DataPiece::End),
                [b'.', ..] => from = 1,
                _ => {}
            }
        }
        let to = self.scan(input, from);
        let data = &input[from..to];
        self.size += data.len() as u64;
        if data.is_empty() { (to, DataPiece::Unfinished) } else { (to, DataPiece::Data(data)) }
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
        // A CR is left in the input until what follows it is there: a line end is in one piece, or not there yet.
        let to = match LINE_WITH_DOT.find(&input[from..]) {
            Some(line_end) => from + line_end + 2,
            None => input.len() - usize::from(input.ends_with(b"\r")),
        };
        let data = &input[from..to];
        self.bare |= has_bare(data);
        if !data.is_empty() {
            self.at_line_start = data.ends_with(b"\r\n");
        }
        to
    }
}

/// The end of a line before one that begins with a dot.
static LINE_WITH_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\r\n."));

/// Whether a CR or LF stands alone.
fn has_bare(data: &[u8]) -> bool {
    let [first, rest @ ..] = data else { return false };
    // Without a way out of the loop it goes over the bytes a vector at a time.
    let parted = |(one, next): (&u8, &u8)| u8::from((*one == b'\r') != (*next == b'\n'));
    let any_parted = data.iter().zip(rest).map(parted).fold(0, BitOr::bitor) != 0;
    any_parted || *first == b'\n' || data.ends_with(b"\r")
}

/// Puts a dot before every line that begins with one, in a message that comes in any pieces.
#[derive(Clone, Copy, Debug)]
pub struct DotStuffer {
    /// The two bytes before the next piece.
    before: [u8; 2],
}

impl Default for DotStuffer {
    fn default() -> Self {
        Self { before: *b"\r\n" }
    }
}

impl DotStuffer {
    /// Writes a piece of the message.
    pub fn write(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let mut from = 0;
        for dot in memchr_iter(b'.', piece) {
            if self.before(piece, dot) == *b"\r\n" {
                out.extend_from_slice(&piece[from..dot]);
                out.push(b'.');
                from = dot;
            }
        }
        out.extend_from_slice(&piece[from..]);
        self.before = self.before(piece, piece.len());
    }

    /// Ends the last line if it is not. The end of data is not part of it.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.before != *b"\r\n" {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// The two bytes before a place of the piece.
    fn before(self, piece: &[u8], at: usize) -> [u8; 2] {
        match at {
            0 => self.before,
            1 => [self.before[1], piece[0]],
            _ => [piece[at - 2], piece[at - 1]],
        }
    }
}

/// Writes a whole message for DATA: dots before lines that begin with one, a line end at the end, but not the end
/// of data.
pub fn dot_stuff(message: &[u8], out: &mut Vec<u8>) {
    let mut stuffer = DotStuffer::default();
    stuffer.write(message, out);
    stuffer.finish(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message, and whether it has an end, however the input is cut into two.
    fn read(input: &[u8]) -> (Vec<u8>, bool, bool) {
        let whole = read_cut(input, input.len());
        for cut in 0..input.len() {
            assert_eq!(read_cut(input, cut), whole, "{:?} cut at {cut}", input.escape_ascii().to_string());
        }
        whole
    }

    fn read_cut(input: &[u8], cut: usize) -> (Vec<u8>, bool, bool) {
        let (mut body, mut data, mut at) = (DataReader::default(), Vec::new(), 0);
        for limit in [cut, input.len()] {
            loop {
                let (used, piece) = body.next(&input[at..limit]);
                at += used;
                match piece {
                    DataPiece::Data(piece) => data.extend_from_slice(piece),
                    DataPiece::End => return (data, true, body.bare()),
                    DataPiece::Unfinished if used > 0 => {}
                    DataPiece::Unfinished => break,
                }
            }
        }
        assert!(input.len() - at <= 2, "more is left than a CR or a dot and a CR");
        (data, false, body.bare())
    }

    #[test]
    fn a_message_ends_with_its_dot() {
        assert_eq!(read(b"a\r\n.\r\n"), (b"a\r\n".to_vec(), true, false));
        assert_eq!(read(b".\r\n"), (vec![], true, false));
        assert_eq!(read(b"\r\n.\r\n"), (b"\r\n".to_vec(), true, false));
    }

    #[test]
    fn dots_before_lines_are_taken_away() {
        assert_eq!(read(b"..x\r\n...\r\n.y\r\n.\r\n"), (b".x\r\n..\r\ny\r\n".to_vec(), true, false));
        assert_eq!(read(b"a.\r\n.b\r\n.\r\n"), (b"a.\r\nb\r\n".to_vec(), true, false));
    }

    #[test]
    fn nothing_else_ends_a_message() {
        for end in [
            "\n.\n",
            "\n.\r\n",
            "\r\n.\n",
            "\r.\r",
            "\r\n.\r",
            "\r\n.\r\r\n",
            "\r\n.\r\n".trim_end(),
            "\r.\r\n",
            "\n\n.\r\n",
            "\r\r\n.\n",
            "\r\n.\0\r\n",
            "\r\n. \r\n",
            "\r\0\n.\r\n",
            "\r\n..\r\n",
        ] {
            let (_, ended, _) = read(format!("a{end}").as_bytes());
            assert!(!ended, "{end:?}");
            let (data, ended, _) = read(format!("a{end}b\r\n.\r\n").as_bytes());
            assert!(ended && data.ends_with(b"b\r\n"), "{end:?}: {:?}", data.escape_ascii().to_string());
        }
    }

    #[test]
    fn bare_line_ends_are_noticed() {
        for bare in ["\n", "\r", "\n\r", "\r\r\n", "\r\n\n", "\r\n\r", "\r\n.\n", "\r\n.\r\r\n"] {
            assert!(read(format!("a{bare}b\r\n.\r\n").as_bytes()).2, "{bare:?}");
            assert!(read(format!("{bare}b\r\n.\r\n").as_bytes()).2, "{bare:?}");
        }
        assert!(!read(b"a\r\n\r\n..\r\n.\r\n").2);
    }

    #[test]
    fn stuffing_is_undone() {
        for message in ["", ".\r\n", "..\r\n", "a\r\n.\r\nb\r\n", "a\n.\r\n", ".", "a", "a\r\n."] {
            let mut wire = Vec::new();
            dot_stuff(message.as_bytes(), &mut wire);
            wire.extend_from_slice(b".\r\n");
            let end = if message.is_empty() || message.ends_with("\r\n") { "" } else { "\r\n" };
            assert_eq!(read(&wire).0, format!("{message}{end}").as_bytes(), "{message:?}");
        }
    }
}
