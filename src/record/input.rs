//! What a world tells the recorder, in the record's own words: the record knows neither machine, and the worlds
//! translate.

use super::model::{RuleActivity, WindowSum};
use crate::smtp::Stage;
use crate::units::{Fraction, ProviderId, RecipientId, ReplyId};

/// A provider, as far as a record needs to know it.
#[derive(Clone, Debug)]
pub struct ProviderFacts {
    /// The profile's name.
    pub name: String,
    /// Its replies; a [`ReplyId`] is a place in this list.
    pub replies: Vec<ReplyFacts>,
    /// The names of its rules; a [`RuleId`](crate::units::RuleId) is a place in this list.
    pub rules: Vec<String>,
}

/// A reply of a provider.
#[derive(Clone, Debug)]
pub struct ReplyFacts {
    /// Code, enhanced code and text.
    pub text: String,
    /// Whether it speaks for a limit or a hold: mail that bounces because of it was lost to something temporary.
    pub for_limit: bool,
}

/// An attempt that is over, or mail that was given up or put off without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The provider it was made at.
    pub site: ProviderId,
    /// The first of consecutive recipients.
    pub first: RecipientId,
    /// How many recipients.
    pub recipients: u16,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The reply that refused it; `None` if it was accepted or no reply came.
    pub reply: Option<RefusingReply>,
    /// Whether the recipients are given up because of their age.
    pub expired: bool,
}

/// An attempt for one recipient as a server sees it: which mail it was, and whether the sender gives it up, is not
/// known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedAttempt {
    /// The provider it was made at.
    pub site: ProviderId,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The reply that refused it; `None` if it was accepted or no reply came.
    pub reply: Option<RefusingReply>,
}

/// A reply that refused an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusingReply {
    /// The stage at which it came.
    pub stage: Stage,
    /// Which of the provider's replies.
    pub reply: ReplyId,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The provider accepted the mail.
    Delivered,
    /// A temporary failure with a reply.
    Deferred,
    /// A temporary failure without a reply.
    Failed,
    /// A permanent failure.
    Bounced,
    /// No attempt: given up before it was tried.
    Unsent,
    /// No attempt: put off because the sender took the site for dead.
    PutOff,
    /// No attempt that says anything of the provider: mxlab's own side failed in the midst of it.
    OwnFailure,
}

/// How a provider refuses an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// With a reply.
    Reply {
        /// Which of the provider's replies.
        reply: ReplyId,
        /// Whether the connection is closed after it.
        closes: bool,
    },
    /// By closing the connection without a reply.
    Closed,
}

/// How a connection fails without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFailure {
    /// The host refuses the connection.
    Refused,
    /// No answer to the connection request until the connect time-out.
    ConnectTimeout,
    /// No greeting until the greeting time-out.
    GreetingTimeout,
    /// The connection is lost.
    Reset,
    /// A command, or the end of data, is not answered in time.
    CommandTimeout,
    /// The network says that there is no way to the host, or that it is not there.
    Unreachable,
}

/// The state of a provider and of the mail for it at the end of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Recipients ready and held back by the sender.
    pub held_back: u64,
    /// Recipients that wait for their retry.
    pub waiting: u64,
    /// The provider's own state.
    pub provider: ProviderSample,
}

/// The state of a provider at a moment.
#[derive(Clone, Copy, Debug)]
pub struct ProviderSample {
    /// Connections open, as the provider sees them.
    pub open: u32,
    /// Lowest reputation of any client; `None` where there is no client, or none that can be seen.
    pub reputation: Option<Fraction>,
    /// Limit on open connections, summed over clients; `None` is no limit.
    pub open_limit: Option<u64>,
}

/// A sender's own account of the recipients at a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderAccount {
    /// Handed to the sender.
    pub injected: u64,
    /// Accepted by the provider.
    pub delivered: u64,
    /// Given up because of a reply.
    pub bounced: u64,
    /// Given up because of their age.
    pub expired: u64,
    /// Still with the sender: ready, waiting for their retry, or under way.
    pub queued: u64,
    /// Recipient-microseconds in which mail was ready and held back.
    pub held_back_us: u64,
    /// How often recipients were put off without being tried, because their site was dead.
    pub put_off: u64,
    /// The window of concurrency, seen after every delivery.
    pub window: WindowSum,
}

/// What a trial ends with at one provider, beyond what was recorded on the way.
#[derive(Clone, Debug, Default)]
pub struct ClosingAccount {
    /// The sender's own account.
    pub sender: SenderAccount,
    /// What every rule did, in the provider's order; empty where the provider does not say.
    pub rules: Vec<RuleActivity>,
    /// Client-microseconds under a hold.
    pub hold_us: u64,
}
