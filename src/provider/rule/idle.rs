//! Clients that keep a connection open and say nothing (RFC 5321, section 4.5.3.2.7: a server waits five minutes).

use super::check_kind::{CheckKind, CheckTiming};
use super::population::Population;
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};

/// Ends sessions whose client says nothing for too long, whatever it was about to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IdleLimit {
    /// How long a client may say nothing.
    pub longest: Span,
}

impl IdleLimit {
    /// What a profile means that lets clients say nothing for so long.
    pub(super) fn build(longest: &Spanned<Span>, check: &mut Checker<'_>) -> Self {
        Self { longest: check.some_time(longest) }
    }
}

impl CheckKind for IdleLimit {
    fn words(&self) -> String {
        format!("to a client that says nothing for {}", self.longest)
    }

    fn reason(&self) -> Option<&'static str> {
        None
    }

    fn in_short(&self) -> Option<String> {
        Some(format!("a connection that is idle for {} is closed", self.longest))
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Ehlo, "whether a client will say anything"))
    }

    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        let message = format!("a client may be idle from its greeting on, and not only from `{stage}` on");
        (stage > Stage::Ehlo).then_some((message, "ask this rule at `ehlo`"))
    }

    fn timing(&self, _stage: Stage) -> CheckTiming {
        CheckTiming::WhileIdle(self.longest)
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }

    fn memory(&self, _population: &Population) -> f64 {
        0.0
    }
}
