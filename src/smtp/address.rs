//! Paths: what stands between the angle brackets of MAIL and RCPT (RFC 5321, sections 4.1.2 and 4.1.3).

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest path in bytes, brackets included (RFC 5321, section 4.5.3.1.3). A local part may fill it: the RFC needs
/// no server to take more than 64 octets of one, and Postfix takes what VERP, SRS and BATV make.
const PATH_MAX: usize = 256;
/// The longest local part in bytes: a domain of one character fits beside it.
pub const LOCAL_PART_MAX: u8 = 252;
/// The longest address in bytes.
const ADDRESS_MAX: usize = PATH_MAX - 2;
/// The longest domain in bytes (RFC 5321, section 4.5.3.1.2).
const DOMAIN_MAX: usize = 255;
/// The longest label of a domain in bytes (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;

/// A path, borrowed from its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path<'a> {
    /// `<>`: a bounce, which may not bounce again.
    Null,
    /// `<postmaster>` without a domain, which every server must accept.
    Postmaster,
    /// `<local@domain>`.
    Mailbox(Address<'a>),
}

/// `local@domain`, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address<'a> {
    text: &'a str,
    at: usize,
}

/// Why something is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not follow the grammar.
    #[error("bad address syntax")]
    Syntax,
    /// The path or a label of its domain is too long.
    #[error("address too long")]
    TooLong,
    /// Bytes above 127 where SMTPUTF8 is not offered.
    #[error("non-ASCII address")]
    NotAscii,
}

impl<'a> Path<'a> {
    /// Reads the path at the beginning of `text`; also what follows it. `utf8` allows non-ASCII addresses.
    /// A source route is checked and ignored, as section 4.1.1.3 wants it.
    ///
    /// # Errors
    ///
    /// What is wrong with the path.
    pub fn parse(text: &'a str, utf8: bool) -> Result<(Self, &'a str), AddressError> {
        let inner = text.strip_prefix('<').ok_or(AddressError::Syntax)?;
        let end = closing(inner).ok_or(AddressError::Syntax)?;
        if end > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        let (inner, rest) = (&inner[..end], &inner[end + 1..]);
        let path = match inner {
            "" => Self::Null,
            _ if inner.eq_ignore_ascii_case("postmaster") => Self::Postmaster,
            _ => Self::Mailbox(Address::parse(without_route(inner, utf8)?, utf8)?),
        };
        Ok((path, rest))
    }

    /// As it was written, without brackets and source route; `""` for the null path.
    pub const fn as_str(&self) -> &'a str {
        match self {
            Self::Null => "",
            Self::Postmaster => "postmaster",
            Self::Mailbox(mailbox) => mailbox.text,
        }
    }

    /// The domain, where there is one.
    pub fn domain(&self) -> Option<&'a str> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox.domain()),
            _ => None,
        }
    }
}

impl<'a> Address<'a> {
    /// Reads `local@domain`; nothing may follow.
    ///
    /// # Errors
    ///
    /// What is wrong with the address.
    pub fn parse(text: &'a str, utf8: bool) -> Result<Self, AddressError> {
        let at = if text.starts_with('"') { quoted(text, utf8)? } else { dotted(text, utf8)? };
        let domain = text[at..].strip_prefix('@').ok_or(AddressError::Syntax)?;
        if text.len() > ADDRESS_MAX {
            return Err(AddressError::TooLong);
        }
        check_domain(domain, utf8)?;
        Ok(Self { text, at })
    }

    /// `local@domain`.
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The local part, in quotes if it was written so.
    pub fn local(&self) -> &'a str {
        &self.text[..self.at]
    }

    /// Length of the local part in octets, quotes included.
    pub fn local_octets(&self) -> u8 {
        u8::try_from(self.at).unwrap_or(LOCAL_PART_MAX)
    }

    /// The domain, or an address literal with its brackets.
    pub fn domain(&self) -> &'a str {
        &self.text[self.at + 1..]
    }
}

/// Where the bracket that closes the path is: the first one outside of quotes.
fn closing(inner: &str) -> Option<usize> {
    let bytes = inner.as_bytes();
    let end = memchr::memchr(b'>', bytes)?;
    if memchr::memchr(b'"', &bytes[..end]).is_none() {
        return Some(end);
    }
    let (mut quoted, mut escaped) = (false, false);
    bytes.iter().position(|&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return true,
            _ => {}
        }
        false
    })
}

/// What follows the source route `@one,@two:`, if there is one.
fn without_route(inner: &str, utf8: bool) -> Result<&str, AddressError> {
    if !inner.starts_with('@') {
        return Ok(inner);
    }
    let (route, mailbox) = inner.split_once(':').ok_or(AddressError::Syntax)?;
    for hop in route.split(',') {
        name(hop.strip_prefix('@').ok_or(AddressError::Syntax)?, utf8)?;
    }
    Ok(mailbox)
}

/// The length of the dot-string at the beginning of `text`.
fn dotted(text: &str, utf8: bool) -> Result<usize, AddressError> {
    let bytes = text.as_bytes();
    let mut atom = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'.' if atom > 0 => atom = 0,
            b'@' if atom > 0 => return Ok(at),
            _ if is_atom(byte, utf8)? => atom += 1,
            _ => return Err(AddressError::Syntax),
        }
    }
    Err(AddressError::Syntax)
}

/// The length of the quoted string at the beginning of `text`, quotes included.
fn quoted(text: &str, utf8: bool) -> Result<usize, AddressError> {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Ok(at + 1),
            b'\\' => {
                let escaped = bytes.next().ok_or(AddressError::Syntax)?.1;
                if !(b' '..=b'~').contains(&escaped) {
                    return Err(AddressError::Syntax);
                }
            }
            b' '..=b'~' => {}
            128.. if utf8 => {}
            128.. => return Err(AddressError::NotAscii),
            _ => return Err(AddressError::Syntax),
        }
    }
    Err(AddressError::Syntax)
}

/// `atext` of RFC 5322, section 3.2.3, and of RFC 6531, section 3.3.
fn is_atom(byte: u8, utf8: bool) -> Result<bool, AddressError> {
    match byte {
        128.. if utf8 => Ok(true),
        128.. => Err(AddressError::NotAscii),
        _ => Ok(ATOM[usize::from(byte)]),
    }
}

/// Which bytes are `atext`: looked up, because every byte of every address is.
const ATOM: [bool; 128] = {
    let (mut table, mut byte) = ([false; 128], 0_u8);
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let (others, mut n) = (b"!#$%&'*+-/=?^_`{|}~", 0);
    while n < others.len() {
        table[others[n] as usize] = true;
        n += 1;
    }
    table
};

/// What stands behind the `@`: a domain name, or an address literal.
pub(super) fn check_domain(domain: &str, utf8: bool) -> Result<(), AddressError> {
    if domain.len() > DOMAIN_MAX {
        return Err(AddressError::TooLong);
    }
    if domain.starts_with('[') { literal(domain) } else { name(domain, utf8) }
}

/// A domain name: labels of letters, digits and inner hyphens.
fn name(domain: &str, utf8: bool) -> Result<(), AddressError> {
    let (mut label, mut last) = (0, b'.');
    for &byte in domain.as_bytes() {
        match byte {
            b'.' if label == 0 || last == b'-' => return Err(AddressError::Syntax),
            b'.' => label = 0,
            b'-' if label == 0 => return Err(AddressError::Syntax),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => label += 1,
            128.. if utf8 => label += 1,
            128.. => return Err(AddressError::NotAscii),
            _ => return Err(AddressError::Syntax),
        }
        if label > LABEL_MAX {
            return Err(AddressError::TooLong);
        }
        last = byte;
    }
    if label == 0 || last == b'-' { Err(AddressError::Syntax) } else { Ok(()) }
}

/// An address literal with its brackets.
fn literal(domain: &str) -> Result<(), AddressError> {
    let inner = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(AddressError::Syntax)?;
    let Some((tag, content)) = inner.split_once(':') else {
        return inner.parse::<Ipv4Addr>().map(drop).map_err(|_| AddressError::Syntax);
    };
    if tag.eq_ignore_ascii_case("IPv6") {
        return content.parse::<Ipv6Addr>().map(drop).map_err(|_| AddressError::Syntax);
    }
    let tagged = !tag.is_empty()
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && tag.ends_with(|last: char| last.is_ascii_alphanumeric());
    let content = !content.is_empty() && content.bytes().all(|byte| matches!(byte, 33..=90 | 94..=126));
    if tagged && content { Ok(()) } else { Err(AddressError::Syntax) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<Path<'_>, AddressError> {
        Path::parse(text, false).map(|(path, rest)| {
            assert_eq!(rest, "", "{text}");
            path
        })
    }

    fn parts(text: &str) -> (&str, &str) {
        match path(text) {
            Ok(Path::Mailbox(mailbox)) => (mailbox.local(), mailbox.domain()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn mailboxes_are_read() {
        assert_eq!(parts("<a.b+c@example.com>"), ("a.b+c", "example.com"));
        assert_eq!(parts("<a@[192.0.2.1]>"), ("a", "[192.0.2.1]"));
        assert_eq!(parts("<a@[IPv6:2001:db8::1]>"), ("a", "[IPv6:2001:db8::1]"));
        assert_eq!(parts("<a@[x-net:1]>"), ("a", "[x-net:1]"));
        assert_eq!(parts(r#"<"a b@\"c>"@example.com>"#), (r#""a b@\"c>""#, "example.com"));
        assert_eq!(parts(r#"<""@example.com>"#), (r#""""#, "example.com"));
        assert_eq!(parts("<@one.example,@two.example:a@example.com>"), ("a", "example.com"));
        assert_eq!(parts("<a@localhost>"), ("a", "localhost"));
    }

    #[test]
    fn the_null_path_and_postmaster_stand_alone() {
        assert_eq!(path("<>"), Ok(Path::Null));
        assert_eq!(path("<PostMaster>"), Ok(Path::Postmaster));
    }

    #[test]
    fn what_follows_is_left() {
        assert_eq!(Path::parse("<> SIZE=1", false), Ok((Path::Null, " SIZE=1")));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            "",
            "a@b",
            "<a@b",
            "a@b>",
            "<a>",
            "<@b>",
            "<a@>",
            "<.a@b>",
            "<a.@b>",
            "<a..b@c>",
            "<a b@c>",
            "<a@b c>",
            "<a@-b>",
            "<a@b->",
            "<a@b-.c>",
            "<a@b..c>",
            "<a@b.>",
            "<a@.b>",
            "<a@b_c>",
            "<a@[]>",
            "<a@[1.2.3]>",
            "<a@[1.2.3.4>",
            "<a@[IPv6:1.2.3.4]>",
            "<a@[IPv6:x]>",
            "<a@[:x]>",
            "<a@[tag:]>",
            "<\"a@b>",
            "<\"a\"b@c>",
            "<a@b@c>",
            "<@one:>",
            "<@one,two:a@b>",
            "<@one a@b>",
            "<a\\@b@c>",
            "<<a@b>>",
        ] {
            assert!(Path::parse(wrong, false).is_err_and(|error| error == AddressError::Syntax), "{wrong}");
        }
    }

    #[test]
    fn lengths_are_limited() {
        let local = |n: usize| format!("<{}@b>", "a".repeat(n));
        assert!(path(&local(usize::from(LOCAL_PART_MAX))).is_ok());
        assert_eq!(path(&local(usize::from(LOCAL_PART_MAX) + 1)), Err(AddressError::TooLong));
        let label = |n: usize| format!("<a@{}>", "b".repeat(n));
        assert!(path(&label(63)).is_ok());
        assert_eq!(path(&label(64)), Err(AddressError::TooLong));
        assert!(path(&format!("<a@{}>", "b.".repeat(125) + "cc")).is_ok());
        assert_eq!(path(&format!("<a@{}>", "b.".repeat(125) + "ccc")), Err(AddressError::TooLong));
    }

    #[test]
    fn non_ascii_needs_smtputf8() {
        for text in ["<jürgen@example.com>", "<a@bücher.example>", "<\"ü\"@example.com>"] {
            assert_eq!(path(text), Err(AddressError::NotAscii), "{text}");
            assert!(Path::parse(text, true).is_ok(), "{text}");
        }
    }
}
