//! Reply codes: three digits (RFC 5321, section 4.2.1), and enhanced status codes (RFC 3463).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a reply code means to the client (RFC 5321, section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// 2xx and 3xx.
    Positive,
    /// 4xx: a deferral.
    Transient,
    /// 5xx: a bounce.
    Permanent,
}

/// A three-digit reply code, 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// Whether the code is a success, a deferral or a bounce.
    pub const fn class(self) -> Class {
        match self.0 / 100 {
            4 => Class::Transient,
            5 => Class::Permanent,
            _ => Class::Positive,
        }
    }

    /// A code written in this crate; wrong ones do not compile where they are constants.
    pub(crate) const fn literal(code: u16) -> Self {
        assert!(code >= 200 && code < 600, "no reply code");
        Self(code)
    }

    /// Reads the code of a refusal: 400 to 599.
    pub fn refusal(text: &str) -> Option<Self> {
        let code = text.parse().ok().and_then(|code: u16| Self::try_from(code).ok());
        code.filter(|code| code.class() != Class::Positive)
    }

    /// The number itself.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The number is no SMTP reply code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an SMTP reply code; codes run from 200 to 599")]
pub struct InvalidCode(pub u16);

impl TryFrom<u16> for Code {
    type Error = InvalidCode;
    fn try_from(code: u16) -> Result<Self, InvalidCode> {
        if (200..600).contains(&code) { Ok(Self(code)) } else { Err(InvalidCode(code)) }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// An enhanced status code such as `4.7.500`. Details above 255 exist: Microsoft uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// What the code is about: 7 is policy.
    pub subject: u16,
    /// The case within the subject, such as 1 (no delivery authorized) in `5.7.1`.
    pub detail: u16,
}

/// The text is no enhanced status code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an enhanced status code; write class.subject.detail, such as \"4.7.0\"")]
pub struct InvalidEnhancedCode(pub String);

impl FromStr for EnhancedCode {
    type Err = InvalidEnhancedCode;
    fn from_str(text: &str) -> Result<Self, InvalidEnhancedCode> {
        Self::read(text).ok_or_else(|| InvalidEnhancedCode(text.to_owned()))
    }
}

impl EnhancedCode {
    /// Whether it is of the class of `code`, as that of a reply has to be (RFC 2034, section 4).
    pub fn fits(self, code: Code) -> bool {
        u16::from(self.class) == code.get() / 100
    }

    /// Reads `class.subject.detail`. Most words of replies are none, so this allocates nothing to say so.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || -> Option<u16> {
            let part = parts.next()?;
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse().ok() } else { None }
        };
        let (class, subject, detail) = (next()?, next()?, next()?);
        match (class, parts.next()) {
            (2, None) => Some(Self { class: 2, subject, detail }),
            (4, None) => Some(Self { class: 4, subject, detail }),
            (5, None) => Some(Self { class: 5, subject, detail }),
            _ => None,
        }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_outside_smtp_are_refused() {
        assert_eq!(Code::try_from(199), Err(InvalidCode(199)));
        assert_eq!(Code::try_from(600), Err(InvalidCode(600)));
        assert_eq!(Code::try_from(421).map(Code::class), Ok(Class::Transient));
        assert_eq!(Code::try_from(550).map(Code::class), Ok(Class::Permanent));
    }

    #[test]
    fn enhanced_codes_keep_details_above_255() {
        let enhanced: EnhancedCode = "4.7.500".parse().unwrap();
        assert_eq!(enhanced.to_string(), "4.7.500");
        for wrong in ["", "4.7", "3.1.1", "4.7.0.1", "4.7.x", "4.7.1000", "+4.7.0"] {
            assert!(wrong.parse::<EnhancedCode>().is_err(), "{wrong}");
        }
    }
}
