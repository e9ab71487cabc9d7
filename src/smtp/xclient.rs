//! XCLIENT: a trusted client names the client it stands for (`README.XCLIENT` of Postfix). With it one machine plays
//! many sources.

use std::borrow::Cow;

use super::command_error::CommandError;

/// The attributes of XCLIENT, read and checked, decoded when asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XclientAttributes<'a>(&'a str);

/// An attribute's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum XclientAttribute {
    /// The client's host name.
    Name,
    /// The client's address; an IPv6 one begins with `IPV6:`.
    Addr,
    /// The client's port.
    Port,
    /// SMTP or ESMTP.
    Proto,
    /// The name it gave with HELO or EHLO.
    Helo,
    /// Who it authenticated as.
    Login,
    /// The address it connected to.
    DestAddr,
    /// The port it connected to.
    DestPort,
}

impl XclientAttribute {
    /// Every attribute, in the order in which a server lists them.
    pub const ALL: [Self; 8] =
        [Self::Name, Self::Addr, Self::Port, Self::Proto, Self::Helo, Self::Login, Self::DestAddr, Self::DestPort];

    /// The name as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Addr => "ADDR",
            Self::Port => "PORT",
            Self::Proto => "PROTO",
            Self::Helo => "HELO",
            Self::Login => "LOGIN",
            Self::DestAddr => "DESTADDR",
            Self::DestPort => "DESTPORT",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name().eq_ignore_ascii_case(name))
    }
}

impl<'a> XclientAttributes<'a> {
    /// Reads what follows `XCLIENT`: at least one `name=xtext`.
    pub(super) fn parse(rest: &'a str) -> Result<Self, CommandError> {
        if rest.is_empty() {
            return Err(CommandError::Arguments("XCLIENT attribute=value ..."));
        }
        for word in words(rest) {
            let (name, value) = word.split_once('=').ok_or(CommandError::Parameter)?;
            XclientAttribute::parse(name).ok_or(CommandError::Parameter)?;
            decode(value).ok_or(CommandError::Parameter)?;
        }
        Ok(Self(rest))
    }

    /// Every attribute with its value; `None` where the client does not know it (`[UNAVAILABLE]`, `[TEMPUNAVAIL]`).
    pub fn iter(self) -> impl Iterator<Item = (XclientAttribute, Option<Cow<'a, str>>)> {
        words(self.0).filter_map(|word| {
            let (name, value) = word.split_once('=')?;
            let value = decode(value)?;
            let known = !value.eq_ignore_ascii_case("[UNAVAILABLE]") && !value.eq_ignore_ascii_case("[TEMPUNAVAIL]");
            Some((XclientAttribute::parse(name)?, known.then_some(value)))
        })
    }

    /// An attribute's value, where it is given and known.
    pub fn get(self, attribute: XclientAttribute) -> Option<Cow<'a, str>> {
        self.iter().filter(|(name, _)| *name == attribute).last().and_then(|(_, value)| value)
    }
}

fn words(rest: &str) -> impl Iterator<Item = &str> {
    rest.split(' ').filter(|word| !word.is_empty())
}

/// xtext (RFC 3461, section 4) as text; `None` if it is none.
fn decode(xtext: &str) -> Option<Cow<'_, str>> {
    if !xtext.contains('+') {
        return Some(Cow::Borrowed(xtext));
    }
    let (mut out, mut bytes) = (Vec::with_capacity(xtext.len()), xtext.bytes());
    while let Some(byte) = bytes.next() {
        if byte == b'+' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_the_last_one_counts() {
        let attributes =
            XclientAttributes::parse("addr=IPV6:2001:db8::1 NAME=a+2Db  NAME=c+2bd PORT=[unavailable]").unwrap();
        assert_eq!(attributes.get(XclientAttribute::Addr).as_deref(), Some("IPV6:2001:db8::1"));
        assert_eq!(attributes.get(XclientAttribute::Name).as_deref(), Some("c+d"));
        assert_eq!(attributes.get(XclientAttribute::Port), None);
        assert_eq!(attributes.iter().count(), 4);
    }

    #[test]
    fn what_is_no_attribute_is_refused() {
        for wrong in ["ADDR", "COLOUR=red", "ADDR=+", "ADDR=+4", "ADDR=+zz", "ADDR=+ff", "ADDR=a b"] {
            assert_eq!(XclientAttributes::parse(wrong), Err(CommandError::Parameter), "{wrong}");
        }
    }
}
