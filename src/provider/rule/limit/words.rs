//! A limit in words.

use std::fmt::Write as _;

use super::Limit;
use crate::provider::limit_value::{LimitValue, TierValue};
use crate::provider::reputation::{ReputationOf, Tier};
use crate::provider::window::{Aligned, Counted, Window};

impl Limit {
    /// The limit in words: "per client-ip: messages in a fixed window of 1h at most 20".
    pub(in crate::provider) fn words(&self, tiers: &[Tier]) -> String {
        let mut text = format!("per {}: {} {}", self.scope.name(), self.meter, window(self.window));
        _ = write!(text, "at most {}", value(&self.value, tiers));
        if self.value.by_tier.windows(2).any(|pair| pair[0] != pair[1]) {
            text.push_str(match self.reputation_of {
                ReputationOf::ClientIp => "",
                ReputationOf::SenderDomain => " by the sender domain's reputation",
                ReputationOf::Lower => " by the lower of the client's and the sender domain's reputation",
            });
        }
        for step in &self.value.load {
            _ = write!(text, ", times {} from {}", step.factor, step.from);
        }
        if self.counted == Counted::Attempts {
            text.push_str(", refused ones counted too");
        }
        text
    }
}

fn window(window: Window) -> String {
    match window {
        Window::Gauge => String::new(),
        Window::Session => "on one connection ".to_owned(),
        Window::Message => "in one message ".to_owned(),
        Window::Fixed { length, aligned: Aligned::Clock } => format!("in a fixed window of {length} "),
        Window::Fixed { length, aligned: Aligned::First } => {
            format!("in a fixed window of {length} from the first one on ")
        }
        Window::Sliding { length } => format!("in any {length} "),
        Window::Bucket { per, burst: None } => format!("in a token bucket refilled every {per} "),
        Window::Bucket { per, burst: Some(burst) } => {
            format!("in a token bucket of {burst}, the limit refilled every {per}, ")
        }
        Window::Ewma { period } => format!("in an exponential average over {period} "),
    }
}

/// The number in words: "20", or "1 (poor), unknown: 5 to 10 (fair), no limit (good)".
fn value(value: &LimitValue, tiers: &[Tier]) -> String {
    match value.by_tier.as_slice() {
        [first, rest @ ..] if rest.iter().all(|one| one == first) => number(*first),
        all => {
            let pairs = all.iter().zip(tiers);
            pairs.map(|(one, tier)| format!("{} ({})", number(*one), tier.name)).collect::<Vec<_>>().join(", ")
        }
    }
}

fn number(value: TierValue) -> String {
    match value {
        TierValue::Exactly(number) => number.to_string(),
        TierValue::Unknown { low, high } => format!("unknown: {low} to {high}"),
        TierValue::Unlimited => "no limit".to_owned(),
    }
}
