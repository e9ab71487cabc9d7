//! The secret of administrators.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderMap, header};

/// A secret that every request must show, as `Authorization: Bearer` (RFC 6750, section 2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken(String);

/// The shortest token, in characters.
const TOKEN_MIN: usize = 16;

/// A text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least {TOKEN_MIN} letters, digits or signs, and no spaces")]
pub struct AdminTokenError;

impl FromStr for AdminToken {
    type Err = AdminTokenError;

    fn from_str(text: &str) -> Result<Self, AdminTokenError> {
        let is_token = text.len() >= TOKEN_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_token { Ok(Self(text.to_owned())) } else { Err(AdminTokenError) }
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

impl AdminToken {
    /// Whether a request shows it. How long that takes does not depend on how much of it is right.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
        let Some(shown) = shown.strip_prefix(b"Bearer ") else { return false };
        let differing = shown.iter().zip(self.0.as_bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
        shown.len() == self.0.len() && differing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_is_never_printed() {
        assert_eq!("short".parse::<AdminToken>(), Err(AdminTokenError));
        assert_eq!("with spaces in between".parse::<AdminToken>(), Err(AdminTokenError));
        assert_eq!(format!("{:?}", "0123456789abcdef".parse::<AdminToken>()), "Ok(AdminToken(..))");
    }
}
