//! What a strategy holds the whole sender to, all sites together.

use std::fmt;

use crate::time::Span;

/// What the whole sender is held to, all sites together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Deliveries at once; `None` is no limit (Postfix's `default_process_limit`). At least 1.
    pub deliveries: Option<u32>,
    /// The next delivery begins no sooner than this after the end of the one before (Postfix's
    /// `default_transport_rate_delay`); zero is at once.
    pub delay: Span,
    /// Recipients that are worked on at once; more wait until one of these is settled or deferred, whatever their site
    /// (Postfix's `qmgr_message_active_limit` and `qmgr_message_recipient_limit`). `None` is no limit. At least 1.
    pub active: Option<u32>,
    /// What it takes to bring a message among those that are worked on, one after the other. Zero is no time.
    pub intake: Span,
}

impl ProcessLimits {
    /// Held to nothing.
    pub const NONE: Self = Self { deliveries: None, delay: Span::ZERO, active: None, intake: Span::ZERO };
}

impl fmt::Display for ProcessLimits {
    /// What follows upon the words of the concurrency axis.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(most) = self.deliveries {
            write!(f, "; {most} deliveries at once to all sites together")?;
        }
        if !self.delay.is_zero() {
            write!(f, "; {} after each before the next", self.delay)?;
        }
        if let Some(most) = self.active {
            write!(f, "; {most} recipients worked on at once")?;
        }
        if !self.intake.is_zero() {
            write!(f, "; {} to take in a message", self.intake)?;
        }
        Ok(())
    }
}
