//! Sessions that have lasted too long, however busy they are.

use super::check_kind::CheckKind;
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::session::Session;
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};

/// Refuses further commands of a session that is too old.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionAge {
    /// The greatest age at which a session goes on.
    pub oldest: Span,
}

impl SessionAge {
    /// What a profile means that lets sessions last so long.
    pub(super) fn build(oldest: &Spanned<Span>, check: &mut Checker<'_>) -> Self {
        Self { oldest: check.some_time(oldest) }
    }

    /// Whether a command is let pass.
    #[inline]
    pub(super) fn permits(self, context: &RuleContext<'_>) -> bool {
        !self.is_over(context.now(), context.session())
    }

    /// Whether a session is too old.
    #[inline]
    pub(in crate::provider) fn is_over(self, now: Time, session: &Session) -> bool {
        now.since(session.opened()) > self.oldest
    }
}

impl CheckKind for SessionAge {
    fn words(&self) -> String {
        format!("on a connection that is older than {}", self.oldest)
    }

    fn reason(&self) -> Option<&'static str> {
        None
    }

    fn in_short(&self) -> Option<String> {
        Some(format!("a connection may be {} old", self.oldest))
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Ehlo, "how long a session lasts"))
    }

    /// A session grows no younger: what it refuses needs a new one.
    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
