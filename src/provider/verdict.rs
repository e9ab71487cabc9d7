//! What a provider says to a command, as values.

use crate::time::Span;
use crate::units::{ReplyId, RuleId};

/// The answer to one command: what happens, and how long it takes beyond the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the command is accepted.
    pub decision: Decision,
    /// How much later the reply comes because of a tarpit.
    pub tarpit: Span,
}

impl Verdict {
    /// Accepted, at once.
    pub const ACCEPT: Self = Self { decision: Decision::Accept, tarpit: Span::ZERO };

    /// Whether the session may go on.
    pub const fn accepted(&self) -> bool {
        matches!(self.decision, Decision::Accept)
    }
}

/// Whether a command is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Accepted: the session goes on to the next command.
    Accept,
    /// Refused: deferred or bounced, as the reply's code says; or dropped.
    Refuse(Refusal),
}

/// Which rule refuses a command, and what it does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that refused.
    pub rule: RuleId,
    /// What it did about it; never a tarpit.
    pub action: RuleAction,
}

impl Refusal {
    /// Whether the connection is closed.
    pub const fn closes(&self) -> bool {
        match self.action {
            RuleAction::Reply { close, .. } => close,
            RuleAction::Drop => true,
            RuleAction::Tarpit(_) => false,
        }
    }
}

/// What a rule does about what breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// A reply; its code says whether it is a deferral or a bounce.
    Reply {
        /// The place of the reply in the policy's list.
        reply: ReplyId,
        /// Whether the server then closes the connection.
        close: bool,
    },
    /// The connection is closed without a reply.
    Drop,
    /// The reply comes this much later; the session goes on.
    Tarpit(Span),
}
