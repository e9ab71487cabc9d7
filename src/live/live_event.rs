//! What happens on an MX host, told to a listener as it happens.

use std::fmt;
use std::net::IpAddr;

use crate::record::OwnFailure;
use crate::smtp::{Class, Stage};
use crate::time::Time;
use crate::units::ProviderId;

/// Recipients of a message that events name; of further ones they tell only the number.
pub const RECIPIENTS_TOLD_MAX: usize = 100;

/// An event of one client's connection to one provider.
#[derive(Clone, Copy, Debug)]
pub struct LiveEvent<'a> {
    /// When it happened, by the cluster's clock.
    pub at: Time,
    /// The provider whose host it was.
    pub site: ProviderId,
    /// The client's address.
    pub ip: IpAddr,
    /// The connection: its number over all hosts, from 1, in the order in which connections were greeted or refused.
    pub connection: u64,
    /// What happened, with what is particular to it.
    pub kind: LiveEventKind<'a>,
}

/// What happened in a session.
#[derive(Clone, Copy, Debug)]
pub enum LiveEventKind<'a> {
    /// A session began.
    Opened,
    /// A connection, a command or a message was refused.
    Refused {
        /// The stage of the command; of what is no command, the stage that was due.
        stage: Stage,
        /// The rule that refused; `None` for an outcome that was asked for, or a refusal of the SMTP session itself.
        rule: Option<&'a str>,
        /// The class of the reply; `None` if the connection was closed without one.
        class: Option<Class>,
        /// The reply as it was sent.
        reply: Option<&'a str>,
        /// The message that the command belonged to, with the recipients that were refused.
        message: Option<LiveMessage<'a>>,
    },
    /// A message was accepted.
    Accepted {
        /// The message, with the recipients that it was delivered to.
        message: LiveMessage<'a>,
        /// Size in bytes.
        size: u64,
        /// The reply as it was sent.
        reply: &'a str,
    },
    /// The connection was lost while a message was received, or mxlab's own side broke it off in a transaction.
    Lost {
        /// The message, with all of its recipients.
        message: LiveMessage<'a>,
        /// What mxlab's own side was short of, if that is why.
        own_failure: Option<OwnFailure>,
    },
    /// A session ended.
    Closed,
}

/// The message that an event is about.
#[derive(Clone, Copy, Debug)]
pub struct LiveMessage<'a> {
    /// Its number over all connections, from 1, in the order of their MAIL commands.
    pub number: u64,
    /// MAIL FROM; empty for the null path.
    pub sender: &'a str,
    /// The recipients that the event is about, [`RECIPIENTS_TOLD_MAX`] at most.
    pub recipients: &'a [&'a str],
    /// How many there are.
    pub recipients_count: usize,
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
