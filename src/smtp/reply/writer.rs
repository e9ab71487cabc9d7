//! Replies as bytes: what a server writes. Nothing is allocated but what the caller's buffer lacks.

use super::{Code, Enhanced};

/// Writes a reply: a line for each of the text's, code and enhanced code on every one (RFC 2034, section 4).
pub(in crate::smtp) fn write(out: &mut Vec<u8>, code: Code, enhanced: Option<Enhanced>, text: &str) {
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

fn write_line(out: &mut Vec<u8>, code: Code, enhanced: Option<Enhanced>, line: &str, last: bool) {
    number(out, code.get());
    out.push(if last { b' ' } else { b'-' });
    if let Some(Enhanced { class, subject, detail }) = enhanced {
        number(out, class.into());
        out.push(b'.');
        number(out, subject);
        out.push(b'.');
        number(out, detail);
        out.push(b' ');
    }
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes a number below 1000, as all numbers of a reply are.
fn number(out: &mut Vec<u8>, number: u16) {
    let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or(0);
    if number >= 100 {
        out.push(digit(number / 100));
    }
    if number >= 10 {
        out.push(digit(number / 10));
    }
    out.push(digit(number));
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
