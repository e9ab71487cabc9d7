//! Replies out of bytes that arrive in any pieces: what a client reads (RFC 5321, section 4.2).

use memchr::memchr;

use super::Reply;
use super::code::{Class, Code, EnhancedCode, InvalidCode};

/// How much of a line is read, in bytes, with its line end. RFC 5321, section 4.5.3.1.5, allows 512; providers write
/// more. What is beyond is skipped, as Postfix does (`line_length_limit`, and the same 2048).
const LINE_MAX: usize = 2048;
/// The most bytes that are skipped in one reply.
const SKIPPED_MAX: usize = 262_144;
/// The most lines of a reply.
const LINES_MAX: u32 = 128;
/// The bytes of text that are kept of a reply.
const TEXT_MAX: usize = 4096;

/// A reply as it was received, borrowed from its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedReply<'a> {
    /// The code; the same on every line.
    pub code: Code,
    /// The enhanced code, if the first line begins with one of the code's class.
    pub enhanced: Option<EnhancedCode>,
    /// The text without the codes; lines are parted by `\n`. What is no UTF-8 is replaced, what is too long is cut off.
    pub text: &'a str,
}

impl ReceivedReply<'_> {
    /// What the code means.
    pub const fn class(&self) -> Class {
        self.code.class()
    }

    /// A reply to keep.
    pub fn to_reply(&self) -> Reply {
        Reply { code: self.code, enhanced: self.enhanced, text: self.text.to_owned() }
    }
}

/// Why something is no reply. After it nothing that the server says has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line does not begin with three digits and a space or hyphen.
    #[error("no reply code")]
    NoCode,
    /// Three digits that are no code of a reply.
    #[error(transparent)]
    InvalidCode(InvalidCode),
    /// The lines of one reply have different codes.
    #[error("a reply that began with {0} goes on with {1}")]
    MixedCodes(Code, Code),
    /// The reply has more than 128 lines.
    #[error("a reply of more than {LINES_MAX} lines")]
    TooManyLines,
    /// More than 262,144 bytes had to be skipped in one reply.
    #[error("a line without an end")]
    Endless,
}

/// Reads one reply after the other. Bytes that are no whole line are left to the caller and must come again; the text
/// is kept inside, in a buffer that is used again.
#[derive(Clone, Debug, Default)]
pub struct ReplyReader {
    codes: Option<(Code, Option<EnhancedCode>)>,
    whole: bool,
    /// In the midst of a line that was too long to be read to its end: whether it is the last of its reply.
    skipping: Option<bool>,
    /// Bytes that were skipped of this reply.
    skipped: usize,
    lines: u32,
    text: String,
    /// Something was cut off: nothing may follow.
    cut: bool,
    /// The line that was no reply.
    offending: String,
}

impl ReplyReader {
    /// Goes over the lines at the beginning of `input`: how many bytes of it are done with, and the reply if it is
    /// whole.
    ///
    /// # Errors
    ///
    /// Where the input is no reply; what follows has no meaning either.
    pub fn read(&mut self, input: &[u8]) -> Result<(usize, Option<ReceivedReply<'_>>), ReplyError> {
        let used = self.scan(input)?;
        Ok((used, self.received()))
    }

    /// As [`read`](Self::read), without lending the reply.
    pub(in crate::smtp) fn scan(&mut self, input: &[u8]) -> Result<usize, ReplyError> {
        if std::mem::take(&mut self.whole) {
            self.codes = None;
        }
        let mut used = 0;
        while !self.whole {
            let rest = &input[used..];
            if let Some(last) = self.skipping {
                let end = memchr(b'\n', rest);
                let skipped = end.map_or(rest.len(), |end| end + 1);
                used += skipped;
                self.skip(skipped)?;
                if end.is_none() {
                    return Ok(used);
                }
                (self.skipping, self.whole) = (None, last);
                continue;
            }
            match memchr(b'\n', &rest[..rest.len().min(LINE_MAX)]) {
                Some(end) => {
                    used += end + 1;
                    self.whole = self.line(&rest[..end])?;
                }
                None if rest.len() < LINE_MAX => return Ok(used),
                None => {
                    used += LINE_MAX;
                    self.skipping = Some(self.line(&rest[..LINE_MAX])?);
                }
            }
        }
        Ok(used)
    }

    /// The reply that was read last, until the next is begun.
    pub(in crate::smtp) fn received(&self) -> Option<ReceivedReply<'_>> {
        let (code, enhanced) = self.codes.filter(|_| self.whole)?;
        Some(ReceivedReply { code, enhanced, text: &self.text })
    }

    /// The line that was no reply, after an error said so; empty where there is none.
    pub(in crate::smtp) fn offending_line(&self) -> &str {
        &self.offending
    }

    /// Reads a line, without its LF: whether it is the last of its reply.
    fn line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.parse_line(line).inspect_err(|_| self.offending = String::from_utf8_lossy(line).into_owned())
    }

    fn parse_line(&mut self, line: &[u8]) -> Result<bool, ReplyError> {
        let ReplyLine { code, last, text } = ReplyLine::parse(line)?;
        let text = String::from_utf8_lossy(text);
        let (enhanced, rest) = split_enhanced(code, &text);
        match self.codes {
            None => {
                self.codes = Some((code, enhanced));
                (self.lines, self.skipped, self.cut) = (1, 0, false);
                self.text.clear();
                self.keep(rest);
            }
            Some((first, _)) if first != code => return Err(ReplyError::MixedCodes(first, code)),
            Some(_) if self.lines == LINES_MAX => return Err(ReplyError::TooManyLines),
            Some((_, first)) => {
                self.lines += 1;
                self.keep("\n");
                self.keep(if first == enhanced { rest } else { &text });
            }
        }
        Ok(last)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ReplyError> {
        self.skipped += bytes;
        if self.skipped <= SKIPPED_MAX {
            return Ok(());
        }
        self.offending.clone_from(&self.text);
        Err(ReplyError::Endless)
    }

    fn keep(&mut self, text: &str) {
        let room = if self.cut { 0 } else { TEXT_MAX - self.text.len() };
        let end = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.text.push_str(&text[..end]);
        self.cut |= end < text.len();
    }
}

/// A line of a reply.
struct ReplyLine<'a> {
    code: Code,
    /// Whether it is the last of its reply.
    last: bool,
    text: &'a [u8],
}

impl<'a> ReplyLine<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, ReplyError> {
        let digit = |at: usize| line.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| u16::from(byte - b'0'));
        let code = (|| Some(digit(0)? * 100 + digit(1)? * 10 + digit(2)?))().ok_or(ReplyError::NoCode)?;
        if !matches!(line.get(3), None | Some(b' ' | b'-')) {
            return Err(ReplyError::NoCode);
        }
        let code = Code::try_from(code).map_err(ReplyError::InvalidCode)?;
        match line.get(3) {
            None => Ok(Self { code, last: true, text: b"" }),
            Some(b' ') => Ok(Self { code, last: true, text: &line[4..] }),
            Some(_) => Ok(Self { code, last: false, text: &line[4..] }),
        }
    }
}

/// The enhanced code at the beginning of a line, and the rest.
fn split_enhanced(code: Code, text: &str) -> (Option<EnhancedCode>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match EnhancedCode::read(word) {
        Some(enhanced) if enhanced.fits(code) => (Some(enhanced), rest),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Result<(usize, Option<Reply>), ReplyError> {
        ReplyReader::default().read(input).map(|(used, reply)| (used, reply.map(|reply| reply.to_reply())))
    }

    fn reply(input: &str) -> String {
        match read(input.as_bytes()) {
            Ok((used, Some(reply))) if used == input.len() => format!("{reply:?}"),
            other => panic!("{input:?}: {other:?}"),
        }
    }

    fn expected(code: u16, enhanced: Option<&str>, text: &str) -> String {
        let enhanced = enhanced.map(|text| text.parse().unwrap());
        format!("{:?}", Reply { code: code.try_into().unwrap(), enhanced, text: text.into() })
    }

    #[test]
    fn replies_are_read() {
        assert_eq!(reply("250 Ok\r\n"), expected(250, None, "Ok"));
        assert_eq!(reply("250\r\n"), expected(250, None, ""));
        assert_eq!(reply("250 \n"), expected(250, None, ""));
        assert_eq!(reply("451 4.7.500 Server busy\r\n"), expected(451, Some("4.7.500"), "Server busy"));
        assert_eq!(reply("550 5.7.1\r\n"), expected(550, Some("5.7.1"), ""));
        assert_eq!(reply("421-4.7.0 one\r\n421 4.7.0 two\r\n"), expected(421, Some("4.7.0"), "one\ntwo"));
        assert_eq!(reply("250-a\r\n250-b\r\n250 \r\n"), expected(250, None, "a\nb\n"));
    }

    #[test]
    fn an_enhanced_code_of_another_class_or_line_is_text() {
        assert_eq!(reply("250 5.1.1 a\r\n"), expected(250, None, "5.1.1 a"));
        assert_eq!(reply("550-5.1.1 a\r\n550 5.1.2 b\r\n"), expected(550, Some("5.1.1"), "a\n5.1.2 b"));
        assert_eq!(reply("550-a\r\n550 5.1.2 b\r\n"), expected(550, None, "a\n5.1.2 b"));
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for wrong in ["\r\n", "25 a\r\n", "250_a\r\n", "199_a\r\n", " 250 a\r\n", "HTTP/1.1 400\r\n"] {
            assert_eq!(read(wrong.as_bytes()), Err(ReplyError::NoCode), "{wrong:?}");
        }
        for (wrong, code) in [("199 a\r\n", 199), ("600-a\r\n", 600), ("000\r\n", 0)] {
            assert_eq!(read(wrong.as_bytes()), Err(ReplyError::InvalidCode(InvalidCode(code))), "{wrong:?}");
        }
        let code = |code: u16| Code::try_from(code).unwrap();
        assert_eq!(read(b"250-a\r\n451 b\r\n"), Err(ReplyError::MixedCodes(code(250), code(451))));
    }

    #[test]
    fn everything_has_a_limit() {
        assert_eq!(read(&[b'2'; LINE_MAX - 1]), Ok((0, None)));
        let endless = [b"250 ".as_slice(), &vec![b'x'; LINE_MAX + SKIPPED_MAX]].concat();
        assert_eq!(read(&endless[..endless.len() - 4]), Ok((endless.len() - 4, None)));
        assert_eq!(read(&endless), Err(ReplyError::Endless));
        assert_eq!(read("250-a\r\n".repeat(128).as_bytes()), Ok((128 * 7, None)));
        assert_eq!(read("250-a\r\n".repeat(129).as_bytes()), Err(ReplyError::TooManyLines));
        let long = format!("250-a{}\r\n", "ü".repeat(800)).repeat(4) + "250 end\r\n";
        let kept = read(long.as_bytes()).unwrap().1.unwrap().text;
        assert_eq!(kept.len(), TEXT_MAX - 1, "{TEXT_MAX} would cut through an ü");
    }

    #[test]
    fn a_long_line_is_cut_and_the_reply_counts() {
        let long = format!("550-5.7.1 {}\r\n550 5.7.1 end\r\n", "x".repeat(3_000));
        let (used, reply) = read(long.as_bytes()).unwrap();
        let reply = reply.unwrap();
        assert_eq!((used, reply.code.get()), (long.len(), 550));
        assert_eq!(reply.text, format!("{}\nend", "x".repeat(LINE_MAX - "550-5.7.1 ".len())));
        let mut reader = ReplyReader::default();
        assert_eq!(reader.read(&long.as_bytes()[..2_500]), Ok((2_500, None)), "what is skipped need not come again");
        assert_eq!(reader.read(&long.as_bytes()[2_500..]).unwrap().1.map(|reply| reply.to_reply()), Some(reply));
    }
}
