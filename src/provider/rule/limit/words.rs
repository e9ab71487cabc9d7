//! A limit in words.

use std::fmt::Write as _;

use super::Limit;
use crate::provider::limit_value::{AllowanceShare, LimitAmount, LimitValue, TierValue};
use crate::provider::reputation::{ReputationOf, Tier};
use crate::provider::scope::Scope;
use crate::provider::window::{Aligned, Counted, Window};
use crate::time::Span;
use crate::units::percent;

impl Limit {
    /// The limit in words: "per client-ip: messages in a fixed window of 1h at most 20".
    pub(in crate::provider) fn words(&self, tiers: &[Tier]) -> String {
        let mut text = format!("per {}: {} {}", self.scope.name(), self.meter, window(self.window, Detail::Full));
        _ = write!(text, "at most {}", value(&self.value, tiers, Detail::Full));
        if self.value.goes_by_standing() {
            text.push_str(match self.reputation_of {
                ReputationOf::ClientIp => "",
                ReputationOf::SenderDomain => " by the sender domain's reputation",
                ReputationOf::Lower => " by the lower of the client's and the sender domain's reputation",
            });
        }
        for step in &self.value.load {
            _ = write!(text, ", times {} from {}", step.factor, step.from);
        }
        if self.value.wobble.is_some() {
            text.push_str(", moving by itself");
        }
        if self.counted == Counted::Attempts {
            text.push_str(", refused ones counted too");
        }
        text
    }

    /// The limit in short: "messages per client IP in each 1h: at most 20"; `None` if it limits nothing.
    pub(in crate::provider) fn in_short(&self, tiers: &[Tier]) -> Option<String> {
        let refused = if self.counted == Counted::Attempts { "; refused ones count" } else { "" };
        let window = self.window_in_short().map(|window| format!(" {window}")).unwrap_or_default();
        let said = || format!("{}{window}: at most {}{refused}", self.subject(), self.value.in_short(tiers));
        self.is_limited().then(said)
    }

    /// Whether there is a number, in any tier.
    pub(in crate::provider) fn is_limited(&self) -> bool {
        !self.value.is_unlimited()
    }

    /// What is counted and for whom: "messages per client IP".
    pub(in crate::provider) fn subject(&self) -> String {
        format!("{} {}", self.meter.name().replace('-', " "), per(self))
    }

    /// The time over which it counts: "in each 1h"; `None` where it is no time.
    pub(in crate::provider) fn window_in_short(&self) -> Option<String> {
        let window = window(self.window, Detail::Short);
        (!window.is_empty()).then(|| window.trim_start().to_owned())
    }
}

impl LimitValue {
    /// The number in short: `20`, or `1 (poor), 5 to 10? (fair)`.
    pub(in crate::provider) fn in_short(&self, tiers: &[Tier]) -> String {
        let by_time = if self.load.is_empty() { "" } else { " (by time of day)" };
        format!("{}{by_time}", value(self, tiers, Detail::Short))
    }
}

/// How much of a limit is said.
#[derive(Clone, Copy)]
enum Detail {
    /// All that the profile says.
    Full,
    /// What a sender has to know.
    Short,
}

/// What counts over a window, between the meter and the number.
fn window(window: Window, detail: Detail) -> String {
    match (window, detail) {
        (Window::Gauge, _) | (Window::Session | Window::Message, Detail::Short) => String::new(),
        (Window::Session, Detail::Full) => "on one connection ".to_owned(),
        (Window::Message, Detail::Full) => "in one message ".to_owned(),
        (Window::Fixed { length, offset, .. }, Detail::Short) => format!(" in each {length}{}", later(offset)),
        (Window::Fixed { length, aligned: Aligned::Clock, offset }, Detail::Full) => {
            format!("in a fixed window of {length}{} ", later(offset))
        }
        (Window::Fixed { length, aligned: Aligned::First, .. }, Detail::Full) => {
            format!("in a fixed window of {length} from the first one on ")
        }
        (Window::Sliding { length }, Detail::Short) => format!(" in any {length}"),
        (Window::Sliding { length }, Detail::Full) => format!("in any {length} "),
        (Window::Bucket { per, .. }, Detail::Short) => format!(" every {per} (token bucket)"),
        (Window::Bucket { per, burst: None }, Detail::Full) => format!("in a token bucket refilled every {per} "),
        (Window::Bucket { per, burst: Some(burst) }, Detail::Full) => {
            format!("in a token bucket of {burst}, the limit refilled every {per}, ")
        }
        (Window::Ewma { period }, Detail::Short) => format!(" on average over {period}"),
        (Window::Ewma { period }, Detail::Full) => format!("in an exponential average over {period} "),
    }
}

/// By how much frames begin later than the clock's.
fn later(offset: Span) -> String {
    if offset.is_zero() { String::new() } else { format!(" from {offset} on") }
}

/// The number in words: "20", or "1 (poor), unknown: 5 to 10 (fair), no limit (good)"; in short "5 to 10? (fair)".
fn value(value: &LimitValue, tiers: &[Tier], detail: Detail) -> String {
    match &value.amount {
        LimitAmount::Tiers(by_tier) => match by_tier.as_slice() {
            [first, rest @ ..] if rest.iter().all(|one| one == first) => number(*first, detail),
            all => {
                let pairs = all.iter().zip(tiers);
                let words = pairs.map(|(one, tier)| format!("{} ({})", number(*one, detail), tier.name));
                words.collect::<Vec<_>>().join(", ")
            }
        },
        LimitAmount::Curve(points) => {
            let points = points.iter().map(|point| format!("{} at {}", point.number, point.score.get()));
            format!("by the score {}", points.collect::<Vec<_>>().join(", "))
        }
        LimitAmount::Allowance(AllowanceShare { share, at_least, at_most }) => {
            let mut words = format!("{} of the day's allowance", percent(*share));
            if *at_least != TierValue::Exactly(0) {
                _ = write!(words, ", at least {}", number(*at_least, detail));
            }
            if *at_most != TierValue::Unlimited {
                _ = write!(words, ", at most {}", number(*at_most, detail));
            }
            words
        }
    }
}

fn number(value: TierValue, detail: Detail) -> String {
    match (value, detail) {
        (TierValue::Exactly(number), _) => number.to_string(),
        (TierValue::Unknown { low, high }, Detail::Full) => format!("unknown: {low} to {high}"),
        (TierValue::Unknown { low, high }, Detail::Short) => format!("{low} to {high}?"),
        (TierValue::Unlimited, _) => "no limit".to_owned(),
    }
}

fn per(limit: &Limit) -> String {
    match (limit.scope, limit.window) {
        (Scope::Session, Window::Message) => "per message".to_owned(),
        (Scope::Provider, _) => "in all".to_owned(),
        (Scope::ClientIpAndRecipientDomain, _) => "per client IP and recipient domain".to_owned(),
        (Scope::ClientIp, _) => "per client IP".to_owned(),
        (Scope::ClientIpAndHost, _) => "per client IP and MX host".to_owned(),
        (Scope::ClientIpAndSenderDomain, _) => "per client IP and sender domain".to_owned(),
        (
            scope @ (Scope::Session
            | Scope::ClientNetwork
            | Scope::Account
            | Scope::SenderDomain
            | Scope::Recipient
            | Scope::RecipientDomain
            | Scope::SenderDomainAndRecipient),
            _,
        ) => format!("per {}", scope.name().replace('-', " ")),
    }
}
