//! A policy: what a profile means, as values that cannot be wrong.
//!
//! A policy is an ordered list of rules. A rule reads like a sentence: *at `mail`, per `client-ip`, count `messages`
//! in a `fixed` window of `1h`; above `1000` answer with this reply, close, and hold the client for `5min`, then `1h`.*
//! At every stage the rules of that stage are asked in the order of the file, and the first refusal wins.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::limit_value::LimitValue;
use super::meaning::ReplyNote;
use super::message::Mailbox;
use super::reputation::{Placement, ReputationModel, Scoring, Tier};
use super::rule::{Check, Meter, RuleKind};
use super::served_domains::ServedDomains;
use super::verdict::RuleAction;
use super::window::Window;
use crate::dist::Dist;
use crate::smtp::{Reply, Stage};
use crate::units::{Bytes, ClientId, Fraction, RuleId};

/// A mailbox provider's inbound policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The profile's name: `charter`.
    pub name: String,
    /// The name people know: `Charter / Spectrum`.
    pub title: String,
    /// The recipient domains it serves; at least one.
    pub domains: ServedDomains,
    /// The names of its MX hosts; at least one. The first fills `{mx}`.
    pub mx: Vec<String>,
    /// How many MX hosts there are, whatever their names: a connection leads to one of them. At least 1.
    pub hosts: u8,
    /// Every reply the rules can give; [`ReplyId`](crate::units::ReplyId) is a place in this list.
    pub replies: Vec<Reply>,
    /// What each of these replies means, in the same places.
    pub notes: Vec<ReplyNote>,
    /// Bands of reputation, the worst first; contiguous from 0 to 1; at least one, at most [`Policy::TIERS_MAX`].
    pub tiers: Vec<Tier>,
    /// How reputation moves; `None` where everybody's stays as it is.
    pub reputation: Option<ReputationModel>,
    /// Where accepted mail lands; `None` is all in the inbox.
    pub placement: Option<Placement>,
    /// How many connections the server can serve at a time, if that is limited.
    pub listener: Option<ListenerCapacity>,
    /// How long the server takes over its work.
    pub service: ServiceTimes,
    /// The rules, in the order in which they are asked; at most [`Policy::RULES_MAX`].
    pub rules: Vec<Rule>,
}

impl Policy {
    /// A session remembers in one 64-bit word which rules it holds a slot of.
    pub const RULES_MAX: usize = 64;
    /// Replies that are no provider's get numbers behind those of the policy, and [`ReplyId`](crate::units::ReplyId)
    /// tells 65,536 apart.
    pub const REPLIES_MAX: usize = 64_000;
    /// More bands than any provider publishes.
    pub const TIERS_MAX: usize = 16;

    /// The largest message in bytes that it takes now, if it minds the size.
    pub fn size_max(&self) -> Option<Bytes> {
        let sizes = self.rules.iter().filter(|rule| rule.refuses()).filter_map(|rule| match &rule.kind {
            RuleKind::Check(check) => check.kind().largest_message(),
            RuleKind::Limit(_) => None,
        });
        sizes.min_by_key(|size| size.0)
    }

    /// Whether a limit on this is in force.
    pub fn counts(&self, meter: Meter) -> bool {
        self.rules.iter().any(|rule| {
            rule.enabled && matches!(&rule.kind, RuleKind::Limit(limit) if limit.meter == meter && limit.is_limited())
        })
    }

    /// The largest limit on this within a message that is in force; 0 without one.
    pub fn largest_limit(&self, meter: Meter) -> u32 {
        let limits = self.rules.iter().filter(|rule| rule.enabled).filter_map(|rule| match &rule.kind {
            RuleKind::Limit(limit) if limit.meter == meter && limit.window == Window::Message => {
                Some(LimitValue::scaled(1, limit.value.largest()))
            }
            RuleKind::Limit(_) | RuleKind::Check(_) => None,
        });
        limits.max().unwrap_or(0)
    }

    /// Whether mail for such a mailbox can be delivered at all: whether no rule refuses it.
    pub fn accepts_mail_for(&self, mailbox: Mailbox) -> bool {
        let refuses = |kind: &RuleKind| matches!(kind, RuleKind::Check(check) if *check == Check::Mailbox(mailbox));
        !self.rules.iter().any(|rule| rule.enabled && refuses(&rule.kind))
    }

    /// Whether a rule refuses recipients at this domain, in any spelling, because it is another provider's. Who names
    /// no domain means the provider's own.
    pub fn is_foreign(&self, domain: &str) -> bool {
        let refuses = |rule: &Rule| rule.enabled && matches!(rule.kind, RuleKind::Check(Check::Relaying));
        !domain.is_empty() && self.rules.iter().any(refuses) && !self.domains.serves(domain)
    }

    /// By what scores move here, and the bands they fall into.
    #[inline]
    pub(super) fn scoring(&self) -> Scoring<'_> {
        Scoring { model: self.reputation.as_ref(), tiers: &self.tiers }
    }
}

/// One limit or check.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's name, unique in the profile.
    pub name: String,
    /// The stage at which it is asked.
    pub at: Stage,
    /// What it counts, or looks at.
    pub kind: RuleKind,
    /// What it does about what breaks it.
    pub action: RuleAction,
    /// What happens to a client that keeps on breaking it.
    pub hold: Option<Hold>,
    /// Whether it is asked at all; a timeline can switch it.
    pub enabled: bool,
    /// Where its numbers come from.
    pub attribution: Attribution,
}

impl Rule {
    /// Whether the rule can refuse: whether it is asked, and does more than to make a client wait.
    pub(super) const fn refuses(&self) -> bool {
        self.enabled && !matches!(self.action, RuleAction::Tarpit(_))
    }

    /// Whether a refusal by the rule tells the sender to slow down: by a limit on what a client or sender domain does
    /// over time or at a time, or for low reputation.
    pub(super) const fn throttles(&self) -> bool {
        match &self.kind {
            RuleKind::Limit(limit) => !limit.window.is_in_session() && !limit.scope.is_of_recipient(),
            RuleKind::Check(check) => matches!(check, Check::Reputation(_)),
        }
    }
}

/// A server that can serve so many connections at a time. Beyond them, connections are taken by the listen backlog and
/// not greeted until a place is free; beyond the backlog they are not taken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerCapacity {
    /// Connections served at a time; at least 1.
    pub workers: u32,
    /// Connections that wait for a greeting.
    pub backlog: u32,
}

/// How long the server takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTimes {
    /// For the reply to the end of data.
    pub per_message: Dist,
    /// For the reply to a RCPT.
    pub per_recipient: Dist,
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
    /// By no source: our choice.
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
    /// The number of a limit; the rule must be a limit.
    Limit(RuleId, LimitValue),
    /// A rule is switched on or off.
    Enabled(RuleId, bool),
    /// The reputation of a client is set.
    Reputation(ClientId, Fraction),
}
