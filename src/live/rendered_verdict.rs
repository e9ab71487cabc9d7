//! A provider's verdict on a command as its client will meet it: the reply with its placeholders filled in, and how
//! long the client waits for it.
//!
//! A [`Verdict`](crate::provider::Verdict) names a reply by number; once the wait is over, the SMTP session is told a
//! [`PolicyAnswer`](crate::smtp::PolicyAnswer), which borrows the reply and knows no time.

use crate::smtp::Reply;
use crate::time::Span;

/// What becomes of a command, and how long its client waits to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RenderedVerdict {
    /// The command is accepted.
    Accept { delay: Span },
    /// The command is refused with this reply, its placeholders filled in.
    Refuse { reply: Reply, close: bool, delay: Span },
    /// The connection is closed without a reply.
    Drop { delay: Span },
}

impl RenderedVerdict {
    /// The command is accepted at once.
    pub(super) const ACCEPT: Self = Self::Accept { delay: Span::ZERO };
    /// The connection is closed at once.
    pub(super) const DROP: Self = Self::Drop { delay: Span::ZERO };

    /// Whether the command is accepted.
    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accept { .. })
    }

    /// The reply of a refusal that has one.
    pub(super) const fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refuse { reply, .. } => Some(reply),
            Self::Accept { .. } | Self::Drop { .. } => None,
        }
    }

    /// How long the client waits.
    pub(super) const fn delay_mut(&mut self) -> &mut Span {
        let (Self::Accept { delay } | Self::Refuse { delay, .. } | Self::Drop { delay }) = self;
        delay
    }

    /// How long the client waits.
    pub(super) const fn delay(&self) -> Span {
        let (Self::Accept { delay } | Self::Refuse { delay, .. } | Self::Drop { delay }) = self;
        *delay
    }

    /// Whether the client waits at all.
    pub(super) const fn is_delayed(&self) -> bool {
        !self.delay().is_zero()
    }

    /// The same, this much later.
    pub(super) fn delayed_by(mut self, span: Span) -> Self {
        *self.delay_mut() += span;
        self
    }
}
