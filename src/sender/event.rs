//! What a sender speaks: [`Event`] is what it is told, [`Action`] what it wants done, [`AttemptResult`] what it
//! reports.

use crate::smtp::Stage;
use crate::time::Time;
use crate::units::{ConnId, DomainId, MailStreamId, ProviderId, RecipientId, ReplyId, SourceId};

/// Consecutive recipients of one message that travel together, and how often they were tried. Sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// Since when it could go out: its intended time, then the end of each wait.
    pub ready_at: Time,
    /// The first recipient.
    pub first: RecipientId,
    /// How many; at least 1.
    pub count: u16,
    /// Failed attempts so far; stops at 255.
    pub failures: u8,
    /// Whether it goes before other mail.
    pub priority: bool,
}

impl Delivery {
    /// How many of its recipients go where at most so many may.
    #[inline]
    pub(super) fn count_up_to(&self, most: u32) -> u16 {
        u16::try_from(most).map_or(self.count, |most| most.min(self.count))
    }
}

/// Mail handed to the sender: consecutive recipients of one message at one domain.
#[derive(Clone, Copy, Debug)]
pub struct Injection {
    /// The recipients, and when they should go out.
    pub delivery: Delivery,
    /// Who serves the recipients.
    pub site: ProviderId,
    /// The recipients' domain.
    pub domain: DomainId,
    /// The mail stream; it decides which sources carry the mail.
    pub stream: MailStreamId,
}

/// What the sender is told.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message arrived.
    Injected(Injection),
    /// The connection is greeted and EHLO is done.
    Connected(ConnId),
    /// What the reply on this connection will defer, which is told next, would be accepted at this moment. Only the
    /// oracle can know.
    RetryForeseen(ConnId, Time),
    /// A transaction is over, or the connection it waited for could not be had.
    Replied(TransactionResult<'a>),
    /// An idle connection was closed by the server.
    Closed(ConnId),
    /// A connection has been idle as long as the sender wanted.
    IdleExpired(ConnId),
    /// A timer the sender asked for.
    Due(Timer),
    /// A provider's rules have changed. Only the oracle can know.
    PolicyChanged,
}

/// How a delivery went.
#[derive(Clone, Copy, Debug)]
pub struct TransactionResult<'a> {
    /// The connection it was made on, or for.
    pub conn: ConnId,
    /// What was said, for each recipient; or one for all of them.
    pub recipients: &'a [RecipientResult],
    /// Whether the connection is gone.
    pub closed: bool,
}

/// What a provider said about a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientResult {
    /// Accepted: the recipient has the message.
    Accepted,
    /// Refused at this stage with this reply of the provider's list.
    Refused(Stage, ReplyId),
    /// Nothing: a time-out, a reset, a connection closed without a word at this stage.
    NoReply(Stage),
}

/// What the sender wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection.
    Connect {
        /// The sender's number for it; numbers of closed connections are used again.
        conn: ConnId,
        /// The address it comes from.
        source: SourceId,
        /// The provider it goes to.
        site: ProviderId,
        /// The mail that waits for it.
        delivery: Delivery,
    },
    /// Send these recipients' message on a connection that is idle.
    Transact {
        /// The connection, which carries nothing else.
        conn: ConnId,
        /// The recipients, all of one message.
        delivery: Delivery,
    },
    /// Close an idle connection with QUIT.
    Quit(ConnId),
    /// Say [`Event::IdleExpired`] at this moment unless the connection is used before.
    Idle {
        /// The connection that has nothing to deliver.
        conn: ConnId,
        /// When it has been idle for as long as the strategy keeps it.
        until: Time,
    },
    /// Say [`Event::Due`] at this moment; replaces what was asked of the timer before.
    WakeAt {
        /// The timer that is set.
        timer: Timer,
        /// When it is due, at or after now.
        at: Time,
    },
}

/// A timer of the sender; every sender has a fixed number of them, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer(pub u32);

/// An attempt that is over; or mail that was given up before its turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptResult {
    /// The provider that was tried.
    pub site: ProviderId,
    /// The recipients, as they were before the attempt.
    pub delivery: Delivery,
    /// How the attempt ended, as the sender reads it.
    pub outcome: Outcome,
    /// What the provider said or did.
    pub result: RecipientResult,
    /// Whether the recipients, though only deferred, are now given up because of their age.
    pub expired: bool,
}

/// How an attempt ended, as the sender reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The site accepted it.
    Delivered,
    /// A temporary failure with a reply.
    Deferred,
    /// A temporary failure without a reply.
    Failed,
    /// A permanent failure.
    Bounced,
    /// Never sent: it was too old when its turn came, or when the last of its message had been tried.
    Unsent,
    /// Not tried: its site is dead, and it waits for its own retry.
    PutOff,
}

/// What the oracle may know before it acts; no other strategy asks.
pub trait Foresight {
    /// The first moment at which a connection from `source` to `site` would be accepted and take `delivery`; `now` if
    /// at once.
    fn may_connect(&self, now: Time, source: SourceId, site: ProviderId, delivery: &Delivery) -> Time;
    /// What would happen to `delivery` on `conn`.
    fn may_send(&self, now: Time, conn: ConnId, delivery: &Delivery) -> Foreseen;
}

/// What the oracle foresees for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreseen {
    /// It would be accepted, with at most so many recipients.
    Now(u32),
    /// Not before this moment.
    Wait(Time),
    /// Not on this connection.
    NewConnection,
}
