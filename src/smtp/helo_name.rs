//! The name that a client gives with EHLO and HELO (RFC 5321, section 4.1.1.1).

use std::fmt;
use std::str::FromStr;

use super::address::check_domain;

/// A domain, or an address literal in brackets: nothing that could end the command line and begin another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeloName(Box<str>);

/// The text is no name for EHLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a domain or an address literal; write a name such as mail.example.com, or [192.0.2.1]")]
pub struct InvalidHeloName;

impl HeloName {
    /// As it is said.
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeloName {
    type Err = InvalidHeloName;

    fn from_str(text: &str) -> Result<Self, InvalidHeloName> {
        check_domain(text, false).map(|()| Self(text.into())).map_err(|_| InvalidHeloName)
    }
}

impl fmt::Display for HeloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_domains_and_address_literals_are_said() {
        for name in ["mxlab.test", "localhost", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
            assert_eq!(name.parse::<HeloName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        let long = "a.".repeat(127) + "ab";
        for wrong in
            ["", "x\r\nMAIL FROM:<a@b>", "a b", "-a", "a..b", "[1.2.3]", "192.0.2.1\n", "bücher.example", &long]
        {
            assert_eq!(wrong.parse::<HeloName>(), Err(InvalidHeloName), "{wrong:?}");
        }
    }
}
