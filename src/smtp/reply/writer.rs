//! Replies as bytes: what a server writes. Nothing is allocated but what the caller's buffer lacks.

use super::code::{Code, EnhancedCode};

/// Writes a reply: a line for each of the text's, code and enhanced code on every one (RFC 2034, section 4).
pub(in crate::smtp) fn write(out: &mut Vec<u8>, code: Code, enhanced: Option<EnhancedCode>, text: &str) {
    let mut rest = Some(text);
    while let Some(lines) = rest {
        let (line, more) = match memchr::memchr(b'\n', lines.as_bytes()) {
            Some(end) => (&lines[..end], Some(&lines[end + 1..])),
            None => (lines, None),
        };
        write_line(out, code, enhanced, line, more.is_none());
        rest = more;
    }
}

fn write_line(out: &mut Vec<u8>, code: Code, enhanced: Option<EnhancedCode>, line: &str, last: bool) {
    let mut head = Head { bytes: [0; Head::MAX], len: 0 };
    head.number(code.get());
    head.push(if last { b' ' } else { b'-' });
    if let Some(EnhancedCode { class, subject, detail }) = enhanced {
        head.number(class.into());
        head.push(b'.');
        head.number(subject);
        head.push(b'.');
        head.number(detail);
        head.push(b' ');
    }
    out.reserve(head.len + line.len() + 2);
    out.extend_from_slice(&head.bytes[..head.len]);
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The codes of a line, put together before they go into the buffer in one piece.
struct Head {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl Head {
    /// `550-255.65535.65535 `: more than any code has.
    const MAX: usize = 20;

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// A number in decimal.
    fn number(&mut self, number: u16) {
        let mut unit = 1;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            self.push(b'0' + u8::try_from(number / unit % 10).unwrap_or(0));
            unit /= 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(code: u16, enhanced: Option<&str>, text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, code.try_into().unwrap(), enhanced.map(|enhanced| enhanced.parse().unwrap()), text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_codes_stand_on_every_line() {
        assert_eq!(written(250, None, "Ok"), "250 Ok\r\n");
        assert_eq!(written(550, Some("5.7.508"), "a\nb"), "550-5.7.508 a\r\n550 5.7.508 b\r\n");
        assert_eq!(written(421, Some("4.0.10"), "a\n"), "421-4.0.10 a\r\n421 4.0.10 \r\n");
    }
}
