//! Authentication: PLAIN (RFC 4616) and LOGIN as exchanges of base64 lines. Who may log in, the caller knows.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::protocol_error::ProtocolError;

/// What a client claims about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// On whose behalf it wants to act; empty for its own.
    pub identity: String,
    /// The name it gives, as which it wants to be authenticated.
    pub user: String,
    /// The password that goes with the name.
    pub password: String,
}

/// A mechanism, and what is expected next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SaslExchange {
    /// The one response of PLAIN.
    Plain,
    /// The user's name of LOGIN.
    User,
    /// The password of LOGIN, after the user's name.
    Password(Box<str>),
}

/// What comes of a response.
pub(super) enum SaslStep {
    /// The exchange goes on with another challenge.
    Next(SaslExchange),
    /// The exchange is complete.
    Done(Credentials),
}

impl SaslExchange {
    /// The exchange of a mechanism.
    pub(super) fn begin(mechanism: &str) -> Option<Self> {
        match mechanism {
            _ if mechanism.eq_ignore_ascii_case("PLAIN") => Some(Self::Plain),
            _ if mechanism.eq_ignore_ascii_case("LOGIN") => Some(Self::User),
            _ => None,
        }
    }

    /// The challenge in base64: nothing, `Username:`, `Password:`.
    pub(super) const fn challenge(&self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::User => "VXNlcm5hbWU6",
            Self::Password(_) => "UGFzc3dvcmQ6",
        }
    }

    /// Takes a response as it came over the wire.
    pub(super) fn respond(self, response: &[u8]) -> Result<SaslStep, ProtocolError> {
        if response == b"*" {
            return Err(ProtocolError::Cancelled);
        }
        let bytes = STANDARD.decode(response).map_err(|_| ProtocolError::SaslExchange)?;
        let text = String::from_utf8(bytes).map_err(|_| ProtocolError::SaslExchange)?;
        match self {
            Self::Plain => plain(&text).map(SaslStep::Done),
            Self::User => Ok(SaslStep::Next(Self::Password(text.into()))),
            Self::Password(user) => {
                Ok(SaslStep::Done(Credentials { identity: String::new(), user: user.into(), password: text }))
            }
        }
    }
}

/// `identity NUL user NUL password`; the last two are not empty.
fn plain(message: &str) -> Result<Credentials, ProtocolError> {
    let mut parts = message.split('\0').map(str::to_owned);
    let mut next = || parts.next().ok_or(ProtocolError::SaslExchange);
    let credentials = Credentials { identity: next()?, user: next()?, password: next()? };
    let whole = parts.next().is_none() && !credentials.user.is_empty() && !credentials.password.is_empty();
    if whole { Ok(credentials) } else { Err(ProtocolError::SaslExchange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(exchange: SaslExchange, text: &str) -> Result<Credentials, ProtocolError> {
        match exchange.respond(STANDARD.encode(text).as_bytes())? {
            SaslStep::Done(credentials) => Ok(credentials),
            SaslStep::Next(next) => panic!("{next:?}"),
        }
    }

    #[test]
    fn plain_has_three_parts() {
        let credentials = |identity: &str| {
            Ok(Credentials { identity: identity.into(), user: "me".into(), password: "secret".into() })
        };
        assert_eq!(respond(SaslExchange::Plain, "\0me\0secret"), credentials(""));
        assert_eq!(respond(SaslExchange::Plain, "you\0me\0secret"), credentials("you"));
        for wrong in ["", "me", "me\0secret", "\0\0secret", "\0me\0", "\0me\0secret\0"] {
            assert_eq!(respond(SaslExchange::Plain, wrong), Err(ProtocolError::SaslExchange), "{wrong:?}");
        }
    }

    #[test]
    fn challenges_say_what_they_want() {
        let text = |exchange: SaslExchange| STANDARD.decode(exchange.challenge()).unwrap();
        assert_eq!(text(SaslExchange::User), b"Username:");
        assert_eq!(text(SaslExchange::Password("me".into())), b"Password:");
    }
}
