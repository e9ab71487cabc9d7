//! Mail streams as a scenario describes them, and the table of recipients that they turn into.

use std::path::PathBuf;
use std::sync::Arc;

use crate::dist::Dist;
use crate::time::{Moments, Span, Time};
use crate::units::{Bytes, DomainId, Fraction, MailStreamId, RecipientId, SenderDomainId, SourceId};

/// Everything a scenario wants to send.
#[derive(Clone, Debug)]
pub struct Workload {
    /// At least one, at most 256.
    pub streams: Vec<MailStream>,
    /// Names of the sender domains; [`SenderDomainId`] is a place in this list.
    pub sender_domains: Vec<String>,
}

/// A mail stream: mail of one kind, with its own list, its own authentication and its own priority.
#[derive(Clone, Debug)]
pub struct MailStream {
    /// The stream's name: `newsletter`.
    pub name: String,
    /// When messages are to go out, and how many.
    pub arrivals: Arrivals,
    /// Recipients of one message: from the first to the second number, uniformly. At least 1; the first not above the
    /// second. The last message has fewer where only fewer are left. A trace says itself who its recipients are.
    pub recipients_per_message: (u32, u32),
    /// Sizes of messages.
    pub size: Size,
    /// Recipient domains with their weights (not negative, not all zero). A message's recipients are drawn one by one.
    pub domains: Vec<(DomainId, f64)>,
    /// Who is on the list.
    pub list: ListQuality,
    /// What authentication its messages pass.
    pub authentication: Authentication,
    /// The domain of MAIL FROM and From.
    pub sender_domain: SenderDomainId,
    /// What follows the number of the message in the local part of MAIL FROM, after a plus sign; empty is nothing.
    pub sender_local_part: String,
    /// The sources that carry it, in turn; at least one.
    pub sources: Vec<SourceId>,
    /// Whether the whole stream, or only its engaged recipients, goes before other mail.
    pub priority: Priority,
}

impl MailStream {
    /// The local part of MAIL FROM of the message that begins with this recipient: `b17`, or `b17+bounces-x=y.example`.
    pub fn sender_local_part(&self, first: RecipientId) -> String {
        let tag = if self.sender_local_part.is_empty() { "" } else { "+" };
        format!("b{}{tag}{}", first.0, self.sender_local_part)
    }

    /// Octets of that local part besides the digits of the number; the largest number stands for all above it.
    #[inline]
    pub fn sender_local_octets(&self) -> u8 {
        let tag = if self.sender_local_part.is_empty() { 0 } else { 1 + self.sender_local_part.len() };
        u8::try_from(1 + tag).unwrap_or(u8::MAX)
    }
}

/// When messages are to go out.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// A campaign: so many recipients, all at one moment.
    AtOnce {
        /// How many recipients.
        recipients: u32,
        /// The moment of the campaign, from the start of the trial.
        at: Time,
    },
    /// Independent arrivals: rates change by steps; within a step arrivals are Poisson.
    Poisson {
        /// Consecutive stretches of time; sorted.
        stages: Vec<PoissonStage>,
    },
    /// A daily curve of 24 hourly weights, repeated day by day over `over`, `recipients` in all. Where none of the
    /// hours that `over` touches has any weight, the mail is spread evenly.
    Diurnal {
        /// How many recipients in all.
        recipients: u32,
        /// Over how long; begins at the start of the trial.
        over: Span,
        /// Weight of each hour of the day, from midnight; not negative, not all zero.
        hours: [f64; 24],
        /// Time of day at which the trial starts.
        day_starts: Span,
    },
    /// From a CSV file, row by row.
    Trace {
        /// The file, for messages.
        path: PathBuf,
        /// What it says; sorted by time.
        rows: Arc<[TraceRow]>,
    },
}

/// A stretch of time with one arrival rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonStage {
    /// The first moment of this rate, from the start of the trial.
    pub from: Time,
    /// The first moment after it.
    pub until: Time,
    /// Messages per second, on average.
    pub per_second: f64,
}

/// One message of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// When it should go out.
    pub at: Time,
    /// Its recipients' domains, one entry a recipient.
    pub domains: Vec<DomainId>,
    /// Its size, where the file gives one.
    pub size: Option<Bytes>,
}

/// Sizes of messages. Rounded to whole bytes, never below 1 and never above 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Every message has this size.
    Constant(Bytes),
    /// Anywhere between the two, both included; the first not above the second.
    Uniform(Bytes, Bytes),
    /// Log-normal: half are smaller than `median`.
    LogNormal {
        /// Half are smaller.
        median: Bytes,
        /// Standard deviation of the natural logarithm, 0 to 5.
        sigma: f64,
    },
    /// Pareto: none below `minimum`, and a heavy tail.
    Pareto {
        /// The smallest size there is.
        minimum: Bytes,
        /// The tail index; above 0.
        shape: f64,
    },
}

impl Size {
    /// The largest message there is, in bytes: 1 GiB.
    pub const LARGEST: u32 = 1 << 30;
}

/// Who is on the list. Together, unknown, full, traps and engaged are at most the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ListQuality {
    /// How many different addresses there are at each domain; `None` is another address for every recipient. At least
    /// 1.
    pub addresses: Option<u32>,
    /// Share of recipients that do not exist.
    pub unknown: Fraction,
    /// Share of recipients whose mailbox is full.
    pub full: Fraction,
    /// Share of recipients that are spam traps.
    pub traps: Fraction,
    /// Share of recipients that read what they get: they exist, and they never complain. If the shares are more than
    /// the whole together, fewer are engaged.
    pub engaged: Fraction,
    /// Share of the deliveries to the others that end in a complaint.
    pub complaints: Fraction,
    /// How long after delivery a complaint comes.
    pub complaint_delay: Dist,
    /// Share of messages whose content looks like spam.
    pub spam: Fraction,
}

/// What checks of its sender a stream's messages pass.
#[expect(clippy::struct_excessive_bools, reason = "the results of four checks that do not depend on each other")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// The sender domain has MX or address records.
    pub dns: bool,
    /// SPF passes.
    pub spf: bool,
    /// DKIM passes.
    pub dkim: bool,
    /// DMARC passes.
    pub dmarc: bool,
}

/// What goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Nothing: first come, first served.
    #[default]
    None,
    /// The engaged recipients of this stream before everyone else.
    EngagedFirst,
    /// This whole stream before everyone else.
    First,
}

/// The table of all recipients of a trial, in the order of their intended times; the recipients of one message stand in
/// a row, those of one domain together. Twelve bytes a recipient.
#[derive(Clone, Debug)]
pub struct Mail {
    /// When each recipient's message should go out: latency is measured from here.
    pub intended: Arc<Moments>,
    /// What else is known of each recipient, in the same order.
    pub rows: Arc<[RecipientRow]>,
}

impl Mail {
    /// The most recipients a trial can have: a [`crate::units::RecipientId`] has 32 bits, and the last is kept free.
    pub const RECIPIENTS_MAX: u32 = u32::MAX - 1;

    /// How many recipients there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Brings what the table says of the recipients from `first` on into the cache; up to whom. Where there are
    /// millions, that is in no cache: it is asked for all at once, or each piece would be waited for by itself.
    pub fn prefetch(&self, first: usize) -> usize {
        let end = (first + PREFETCHED).min(self.len());
        let rows = self.rows[first..end].iter().step_by(8).fold(0, |sum, row| sum ^ row.size);
        let intended = (first..end).step_by(16).fold(Time::ZERO, |latest, place| latest.max(self.intended.at(place)));
        std::hint::black_box((rows, intended));
        end
    }
}

/// Recipients that are prefetched at a time: a kilobyte and a half.
const PREFETCHED: usize = 128;

/// One recipient of one message, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipientRow {
    /// Size of the message in bytes.
    pub size: u32,
    /// The recipient's domain.
    pub domain: DomainId,
    /// The mail stream that the message is of.
    pub stream: MailStreamId,
    /// See the constants of [`RecipientRow`].
    pub flags: u8,
}

impl RecipientRow {
    /// Bits 0 and 1: the mailbox, see [`ListedMailbox`].
    pub const MAILBOX: u8 = 0b0000_0011;
    /// The recipient belongs to the same message as the one before it.
    pub const SAME_MESSAGE: u8 = 0b0000_0100;
    /// The recipient reads what it gets.
    pub const ENGAGED: u8 = 0b0000_1000;
    /// The message looks like spam.
    pub const SPAM: u8 = 0b0001_0000;
    /// Goes before other mail.
    pub const FIRST: u8 = 0b0010_0000;
    /// Will complain if the message is delivered.
    pub const COMPLAINS: u8 = 0b0100_0000;

    /// Whether a bit of the flags is set.
    pub const fn is(self, bit: u8) -> bool {
        self.flags & bit != 0
    }

    /// The state of its mailbox.
    pub const fn mailbox(self) -> ListedMailbox {
        match self.flags & Self::MAILBOX {
            0 => ListedMailbox::Exists,
            1 => ListedMailbox::Unknown,
            2 => ListedMailbox::Full,
            _ => ListedMailbox::Trap,
        }
    }
}

/// The state of a recipient's mailbox, as the list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ListedMailbox {
    /// It exists and takes mail.
    Exists = 0,
    /// There is no such mailbox.
    Unknown = 1,
    /// It exists, and is full.
    Full = 2,
    /// A spam trap.
    Trap = 3,
}

impl ListedMailbox {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Exists, Self::Unknown, Self::Full, Self::Trap];
}
