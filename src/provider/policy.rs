//! A policy: what a profile means, as values that cannot be wrong.
//!
//! A policy is an ordered list of rules. A rule reads like a sentence: *at `mail`, per `client-ip`, count `messages`
//! in a `fixed` window of `1h`; above `1000` answer with this reply, close, and hold the client for `5min`, then `1h`.*
//! At every stage the rules of that stage are asked in the order of the file, and the first refusal wins.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limit_value::LimitValue;
use crate::dist::Dist;
use crate::smtp::{Reply, Stage};
use crate::time::{Span, Time};
use crate::units::{Bytes, Fraction, ReplyId};

/// A mailbox provider's inbound policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The profile's name: `charter`.
    pub name: String,
    /// The name people know: `Charter / Spectrum`.
    pub title: String,
    /// The recipient domains it serves; at least one.
    pub domains: Vec<String>,
    /// The names of its MX hosts; at least one. The first fills `{mx}`.
    pub mx: Vec<String>,
    /// Every reply the rules can give; [`ReplyId`] is a place in this list.
    pub replies: Vec<Reply>,
    /// Bands of reputation, the worst first; contiguous from 0 to 1; at least one, at most [`Policy::TIERS_MAX`].
    pub tiers: Vec<Tier>,
    /// How reputation moves.
    pub reputation: ReputationModel,
    /// How many connections the server can serve at a time, if that is limited.
    pub listener: Option<Listener>,
    /// How long the server takes over its work.
    pub service: ServiceTimes,
    /// The rules, in the order in which they are asked; at most [`Policy::RULES_MAX`].
    pub rules: Vec<Rule>,
}

impl Policy {
    /// The largest message in bytes that it takes now, if it minds the size.
    pub fn size_max(&self) -> Option<Bytes> {
        let refusing = self.rules.iter().filter(|rule| rule.enabled && !matches!(rule.action, RuleAction::Tarpit(_)));
        let sizes = refusing
            .filter_map(|rule| if let RuleKind::Check(Check::Size(size)) = rule.kind { Some(size) } else { None });
        sizes.min_by_key(|size| size.0)
    }

    /// A session remembers in one 64-bit word which rules it holds a slot of.
    pub const RULES_MAX: usize = 64;
    /// More bands than anyone publishes.
    pub const TIERS_MAX: usize = 16;
    /// The largest number a limit may have: a sliding log remembers as many moments.
    pub const LIMIT_MAX: u32 = 10_000_000;

    /// Whether mail for such a mailbox can be delivered at all: whether no rule refuses it.
    pub fn accepts_mail_for(&self, mailbox: Mailbox) -> bool {
        !self
            .rules
            .iter()
            .any(|rule| rule.enabled && matches!(&rule.kind, RuleKind::Check(Check::Mailbox(m)) if *m == mailbox))
    }
}

/// A band of reputation, from `from` (included) up to the next band.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// The band's name: `poor`.
    pub name: String,
    /// Where the band begins.
    pub from: Fraction,
}

/// One limit or check.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's name, unique in the profile.
    pub name: String,
    /// The stage at which it is asked.
    pub at: Stage,
    /// What it asks.
    pub kind: RuleKind,
    /// What it answers when the test says no.
    pub action: RuleAction,
    /// What happens to a client that keeps on breaking it.
    pub hold: Option<Hold>,
    /// Share of the client's reputation that every violation costs.
    pub cost: Fraction,
    /// Whether it is asked at all; a timeline can switch it.
    pub enabled: bool,
    /// Where its numbers come from.
    pub attribution: Attribution,
}

/// What a rule is: it counts, or it looks.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// A count that must stay at or below a limit.
    Limit(Limit),
    /// A question about the client, the recipient or the message.
    Check(Check),
}

/// What a rule asks that counts nothing.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Is the recipient's mailbox in this state? At `rcpt`, or at `end-of-data` as Yahoo does.
    Mailbox(Mailbox),
    /// Is the client on the block list that the provider uses?
    Listed,
    /// Does the client lack a PTR record that resolves back to it?
    NoPtr,
    /// Does the client talk before it is greeted? The greeting comes so much later, for that to be seen.
    EarlyTalker(Span),
    /// Is the message larger than this?
    Size(Bytes),
    /// Does the message fail this authentication?
    Unauthenticated(Auth),
    /// Does the content look like spam?
    Content,
    /// Is this (client, sender domain, recipient) new or back too early?
    Greylist(Greylist),
    /// Is the reputation below this band edge? Refuses only this share of what comes.
    Reputation(LowReputation),
    /// Is the server having one of its busy spells?
    Busy(BusySpells),
    /// Is it out of order from one moment to another?
    Outage(Outage),
    /// Yes, always: for tarpits.
    Always,
}

impl RuleKind {
    /// Whom a hold is for: whom the counter is for, or the client where there is none, or where it is a session's.
    pub const fn hold_scope(&self) -> Scope {
        match self {
            Self::Limit(Limit { scope: Scope::Session, .. }) => Scope::ClientIp,
            Self::Limit(limit) => limit.scope,
            _ => Scope::ClientIp,
        }
    }
}

/// A count and the number it may not exceed.
#[derive(Clone, Debug)]
pub struct Limit {
    /// What is counted.
    pub meter: Meter,
    /// Whose counter it is.
    pub scope: Scope,
    /// Over which time.
    pub window: Window,
    /// Whether what is refused counts too.
    pub counted: Counted,
    /// The number, by tier.
    pub value: LimitValue,
    /// Whose reputation chooses the tier.
    pub reputation_of: ReputationOf,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meter {
    /// Connections open now. A connection takes a slot when the rule lets it pass and gives it back when it closes.
    OpenConnections,
    /// Transactions open now: from MAIL to the reply after the dot.
    OpenTransactions,
    /// Connections made.
    Connections,
    /// Transactions begun with MAIL.
    Messages,
    /// Recipients named with RCPT.
    Recipients,
    /// Recipients named that do not exist.
    UnknownRecipients,
    /// Bytes of messages.
    Bytes,
}

impl Meter {
    /// The stage at which this is counted when the rule is asked no later.
    pub const fn natural_stage(self) -> Stage {
        match self {
            Self::OpenConnections | Self::Connections => Stage::Connect,
            Self::OpenTransactions | Self::Messages => Stage::Mail,
            Self::Recipients | Self::UnknownRecipients => Stage::Rcpt,
            Self::Bytes => Stage::EndOfData,
        }
    }

    /// Whether this counts what is open now instead of what has happened.
    pub const fn is_gauge(self) -> bool {
        matches!(self, Self::OpenConnections | Self::OpenTransactions)
    }

    /// The meter's name as profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenConnections => "open-connections",
            Self::OpenTransactions => "open-transactions",
            Self::Connections => "connections",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::UnknownRecipients => "unknown-recipients",
            Self::Bytes => "bytes",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose counter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One client IP.
    ClientIp,
    /// One network of client IPs: the source's `network` in a scenario.
    ClientNetwork,
    /// The domain of MAIL FROM.
    SenderDomain,
    /// One recipient address.
    Recipient,
    /// One recipient domain.
    RecipientDomain,
    /// One client IP towards one recipient domain, as Barracuda counts.
    ClientIpAndRecipientDomain,
    /// One sender domain towards one recipient, as Exchange Online counts.
    SenderDomainAndRecipient,
    /// One session, or one message where the window is `message`.
    Session,
    /// Everyone together.
    Provider,
}

impl Scope {
    /// Whether the counter is a recipient's or a recipient domain's: known at RCPT, one by one, and never after it.
    pub const fn is_of_recipient(self) -> bool {
        matches!(self.known_at(), Stage::Rcpt)
    }

    /// The first stage at which the scope's key is known.
    pub const fn known_at(self) -> Stage {
        match self {
            Self::ClientIp | Self::ClientNetwork | Self::Session | Self::Provider => Stage::Connect,
            Self::SenderDomain => Stage::Mail,
            Self::Recipient
            | Self::RecipientDomain
            | Self::ClientIpAndRecipientDomain
            | Self::SenderDomainAndRecipient => Stage::Rcpt,
        }
    }

    /// The scope's name as profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientIp => "client-ip",
            Self::ClientNetwork => "client-network",
            Self::SenderDomain => "sender-domain",
            Self::Recipient => "recipient",
            Self::RecipientDomain => "recipient-domain",
            Self::ClientIpAndRecipientDomain => "client-ip-and-recipient-domain",
            Self::SenderDomainAndRecipient => "sender-domain-and-recipient",
            Self::Session => "session",
            Self::Provider => "provider",
        }
    }
}

/// Over which time a meter counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// What is open now; only for the two `open-` meters.
    Gauge,
    /// Since the session began.
    Session,
    /// Since MAIL.
    Message,
    /// In the current frame of this length. Admits up to twice the limit across a boundary.
    Fixed {
        /// Length of a frame.
        length: Span,
        /// Whether frames begin on the provider's clock, or with a client's first event.
        aligned: Aligned,
    },
    /// In the last `length`, exactly.
    Sliding {
        /// How far it looks back.
        length: Span,
    },
    /// A token bucket (the same thing as GCRA): refilled with the limit every `per`, holding at most `burst`.
    Bucket {
        /// The time in which the whole limit is refilled.
        per: Span,
        /// Most tokens it can hold; `None` is as many as the limit.
        burst: Option<u32>,
    },
    /// Exim's exponentially weighted average rate per `period`; with [`Counted::Attempts`] Exim's `strict`, with
    /// [`Counted::Acceptances`] its `leaky`.
    Ewma {
        /// The smoothing period.
        period: Span,
    },
}

impl Window {
    /// Whether this counts within one session or one message, and remembers nothing beyond.
    pub const fn is_in_session(&self) -> bool {
        matches!(self, Self::Session | Self::Message)
    }

    /// Whether the counter is a number of events, so that counting none of them changes nothing: a bucket is refilled
    /// and an average decays whenever it is looked after.
    pub const fn is_count(&self) -> bool {
        !matches!(self, Self::Bucket { .. } | Self::Ewma { .. })
    }
}

/// Where the frames of a fixed window begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aligned {
    /// On the provider's clock: at whole hours for a window of an hour (Barracuda's half-hour frames).
    #[default]
    Clock,
    /// With the first event after the last frame ended (Postfix's anvil).
    First,
}

/// Whether what the rule itself refuses is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Only what this rule let pass.
    #[default]
    Acceptances,
    /// Everything: retries count against the limit.
    Attempts,
}

/// Whose reputation decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReputationOf {
    /// The client IP's.
    #[default]
    ClientIp,
    /// The sender domain's; at connect and EHLO, before it is known, the client IP's.
    SenderDomain,
    /// The lower of the two.
    Lower,
}

/// What a rule answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// A reply; its code says whether it is a deferral or a bounce.
    Reply {
        /// Which.
        reply: ReplyId,
        /// Whether the server then closes the connection.
        close: bool,
    },
    /// The connection is closed without a word.
    Drop,
    /// The reply comes this much later; the session goes on.
    Tarpit(Span),
}

/// Time-outs for a client that keeps on breaking a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// How long the client is held the first time, the second, …; the last step repeats. At least one. What the client
    /// does while it is held is not counted as a violation.
    pub ladder: Vec<HoldStep>,
    /// So many violations …
    pub after: u32,
    /// … within this time begin a hold.
    pub within: Span,
    /// After this much time without a hold the ladder begins anew.
    pub forget: Span,
    /// The stage at which a held client is refused.
    pub at: Stage,
}

/// One step of the ladder of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldStep {
    /// How long.
    pub span: Span,
    /// What the held client is told.
    pub action: RuleAction,
}

/// The state of a recipient's mailbox, which only the provider knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mailbox {
    /// Somebody's.
    #[default]
    Exists,
    /// Nobody's.
    Unknown,
    /// Somebody's, but full.
    Full,
    /// A spam trap: accepts, and remembers.
    Trap,
}

/// Which authentication a message must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// SPF (RFC 7208).
    Spf,
    /// DKIM (RFC 6376).
    Dkim,
    /// SPF or DKIM.
    Either,
    /// DMARC: one of the two, aligned with the From domain (RFC 7489).
    Dmarc,
}

/// Greylisting (RFC 6647): an unknown triplet is told to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greylist {
    /// Not before this much time has passed since the first attempt …
    pub delay: Span,
    /// … and not after this much.
    pub retry_within: Span,
    /// A triplet that passed is remembered this long.
    pub remember: Span,
}

/// Refuses a share of what comes from identities of low reputation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowReputation {
    /// Scores below this are refused.
    pub below: Fraction,
    /// Whose score it is.
    pub of: ReputationOf,
    /// Share of the attempts that are refused.
    pub refuse: Fraction,
}

/// A time in which the server is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first moment of it.
    pub from: Time,
    /// The first moment after it.
    pub until: Time,
}

/// Busy spells that come and go by chance: exponential gaps and lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BusySpells {
    /// Mean time from the end of one spell to the start of the next.
    pub every: Span,
    /// Mean length of a spell.
    pub lasts: Span,
    /// Share of the attempts refused during a spell.
    pub refuse: Fraction,
}

/// A server that can serve so many connections at a time. Beyond them, connections are taken by the listen backlog and
/// not greeted until a place is free; beyond the backlog they are not taken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Connections served at a time; at least 1.
    pub workers: u32,
    /// Connections that wait for a greeting.
    pub backlog: u32,
}

/// How long the server takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTimes {
    /// For the reply after the dot.
    pub per_message: Dist,
    /// For the reply to a RCPT.
    pub per_recipient: Dist,
}

/// How reputation moves. A score is between 0 and 1; see `reputation.rs` for the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReputationModel {
    /// Score of a client nobody has seen before.
    pub start: Fraction,
    /// Share of the way to 1 that every accepted message gains.
    pub gain: Fraction,
    /// Most that can be gained in a day, as score.
    pub gain_per_day: Fraction,
    /// Share of the score lost by a complaint.
    pub complaint: Fraction,
    /// Share of the score lost by a recipient that does not exist.
    pub unknown_recipient: Fraction,
    /// Share of the score lost by a spam trap.
    pub spam_trap: Fraction,
    /// Share of the score lost by a message without SPF or DKIM.
    pub unauthenticated: Fraction,
    /// Share of the score lost by every message above the volume that the client's history allows.
    pub surge: Fraction,
    /// A day may bring this many times the most of the client's recent days …
    pub growth: f64,
    /// … and always so many messages.
    pub volume_floor: u32,
    /// Without mail for a day, the score rises by so much per day …
    pub rest_gain: Fraction,
    /// … until it reaches this.
    pub rest_toward: Fraction,
}

impl ReputationModel {
    /// A provider that does not look at reputation: every client stays at `score`.
    pub const fn fixed(score: Fraction) -> Self {
        Self {
            start: score,
            gain: Fraction::NONE,
            gain_per_day: Fraction::NONE,
            complaint: Fraction::NONE,
            unknown_recipient: Fraction::NONE,
            spam_trap: Fraction::NONE,
            unauthenticated: Fraction::NONE,
            surge: Fraction::NONE,
            growth: 1.0,
            volume_floor: 0,
            rest_gain: Fraction::NONE,
            rest_toward: Fraction::NONE,
        }
    }
}

/// Where a number comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// A page, a file, a paper.
    pub source: String,
    /// How far to trust it.
    pub confidence: Confidence,
}

/// How far a number can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// By the provider itself.
    Published,
    /// By several senders, or in a real log.
    Reported,
    /// By nobody: our choice.
    #[default]
    Assumed,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::Reported => "reported",
            Self::Assumed => "assumed",
        })
    }
}

/// A change of the policy while it runs.
#[derive(Clone, Debug)]
pub enum PolicyChange {
    /// The ceiling of a limit; the rule must be a limit.
    Limit(crate::units::RuleId, LimitValue),
    /// A rule is switched on or off.
    Enabled(crate::units::RuleId, bool),
    /// The reputation of a client is set.
    Reputation(crate::units::ClientId, Fraction),
}
