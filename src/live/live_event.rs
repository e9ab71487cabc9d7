//! What happens on an MX host, told to a listener as it happens.

use std::fmt;
use std::net::IpAddr;

use crate::smtp::Stage;
use crate::time::Time;
use crate::units::ProviderId;

/// An event of one client's session with one provider.
#[derive(Clone, Copy, Debug)]
pub struct LiveEvent<'a> {
    /// When it happened, by the cluster's clock.
    pub at: Time,
    /// The provider whose host it was.
    pub site: ProviderId,
    /// The client's address.
    pub ip: IpAddr,
    /// What happened, with what is particular to it.
    pub kind: LiveEventKind<'a>,
}

/// What happened in a session.
#[derive(Clone, Copy, Debug)]
pub enum LiveEventKind<'a> {
    /// A session began.
    Opened,
    /// A command was refused.
    Refused {
        /// The stage of the command.
        stage: Stage,
        /// The rule that refused; `None` for an outcome that was asked for, or a refusal of the SMTP session itself.
        rule: Option<&'a str>,
        /// The reply as it was sent; `None` if the connection was closed without one.
        reply: Option<&'a str>,
        /// MAIL FROM, once it is known.
        from: Option<&'a str>,
        /// RCPT TO, if the command was one.
        to: Option<&'a str>,
    },
    /// A message was accepted.
    Accepted {
        /// MAIL FROM.
        from: &'a str,
        /// Recipients that it was delivered to.
        recipients: usize,
        /// Size in bytes.
        size: u64,
    },
    /// A session ended.
    Closed,
}

/// Is called with every event.
pub type EventListener = Box<dyn Fn(&LiveEvent<'_>) + Send>;

/// Passes events on to a listener, if there is one.
#[derive(Default)]
pub(super) struct EventEmitter(Option<EventListener>);

impl EventEmitter {
    /// Replaces the listener.
    pub(super) fn set_listener(&mut self, listener: Option<EventListener>) {
        self.0 = listener;
    }

    /// Whether there is a listener: without one, events need not be put together.
    pub(super) const fn has_listener(&self) -> bool {
        self.0.is_some()
    }

    /// Passes an event on.
    pub(super) fn emit(&self, event: &LiveEvent<'_>) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl fmt::Debug for EventEmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventEmitter").field(&self.has_listener()).finish()
    }
}
