//! The reading axis: what a reply means to the sender, and what the sender does about it.
//!
//! By the code alone (RFC 5321: 4xx is a deferral, 5xx a bounce), or by rules on the text, as KumoMTA's traffic
//! shaping, PowerMTA and Momentum do. The first rule that matches decides.

use std::fmt;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reply_action::{ReplyAction, ReplyEffect};
use crate::smtp::{Class, Reply};

/// Rules on reply texts; what none matches is read by its code.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// In the order in which they are tried.
    pub rules: Vec<ReplyRule>,
    /// What makes a deferral the site's own push-back.
    pub push_back: PushBack,
    /// Whether a greeting that refuses for good only defers (Postfix's `smtp_skip_5xx_greeting`).
    pub skip_5xx_greeting: bool,
}

/// What tells concurrency and breaker that a site pushes back. A connection that fails or is lost always does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PushBack {
    /// Every deferral that is not about one mailbox (enhanced codes x.1 and x.2, RFC 3463), at whatever stage.
    #[default]
    Deferrals,
    /// Only a refused greeting or EHLO: a sender that is let in and then refused counts as a success. As in
    /// Postfix (`smtp_trouble.c`): a 4xx to MAIL, RCPT or the end of data, even a 421, does not reach the scheduler.
    Handshake,
}

/// A pattern, and what a reply that matches it means.
#[derive(Clone, Debug)]
pub struct ReplyRule {
    /// Matched against the whole reply, code included.
    pub matches: Regex,
    /// What becomes of the message.
    pub disposition: Disposition,
    /// What the sender does besides, in this order.
    pub actions: Vec<ReplyAction>,
}

/// What becomes of a message that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It is tried again later.
    Defer,
    /// It is given up.
    Bounce,
}

impl Reading {
    /// The rule that `reply` matches, by its place among the rules.
    pub fn rule_for(&self, reply: &Reply) -> Option<usize> {
        if self.rules.is_empty() {
            return None;
        }
        let text = reply.to_string();
        self.rules.iter().position(|rule| rule.matches.is_match(&text))
    }
}

impl Disposition {
    /// What the code of `reply` says.
    pub fn by_code(reply: &Reply) -> Self {
        match reply.code.class() {
            Class::Permanent => Self::Bounce,
            Class::Transient | Class::Positive => Self::Defer,
        }
    }
}

impl fmt::Display for ReplyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/ as a ", self.matches)?;
        match (self.disposition, &self.actions[..]) {
            (Disposition::Bounce, []) => f.write_str("bounce"),
            (Disposition::Defer, []) => f.write_str("deferral"),
            (Disposition::Defer, [ReplyAction { effect: ReplyEffect::PushBack, after: 1, .. }]) => {
                f.write_str("call to slow down")
            }
            (disposition, actions) => {
                f.write_str(if disposition == Disposition::Bounce { "bounce that " } else { "deferral that " })?;
                let actions: Vec<String> = actions.iter().map(ToString::to_string).collect();
                f.write_str(&actions.join(" and "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = |disposition, actions| {
            let matches = Regex::new("TSS04").unwrap();
            ReplyRule { matches, disposition, actions }.to_string()
        };
        let hours = |hours| Span::HOUR.times(hours);
        assert_eq!(rule(Disposition::Defer, vec![]), "/TSS04/ as a deferral");
        assert_eq!(rule(Disposition::Bounce, vec![]), "/TSS04/ as a bounce");
        let slow_down = vec![ReplyAction::at_once(ReplyEffect::PushBack)];
        assert_eq!(rule(Disposition::Defer, slow_down), "/TSS04/ as a call to slow down");
        let suspend = ReplyEffect::Suspend { pause: hours(2) };
        let actions = vec![
            ReplyAction { effect: suspend, after: 2, within: hours(1) },
            ReplyAction::at_once(ReplyEffect::ScaleWindow { factor: 0.5, lasts: hours(1) }),
        ];
        assert_eq!(
            rule(Disposition::Defer, actions),
            "/TSS04/ as a deferral that leaves the site alone for 2h after 2 within 1h and makes the window × 0.5 for 1h"
        );
    }
}
