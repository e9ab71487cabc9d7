//! The reading axis: what a reply means to the sender.
//!
//! By the code alone (RFC 5321: 4xx is a deferral, 5xx a bounce), or by patterns on the text, as KumoMTA's traffic
//! shaping, PowerMTA and Momentum do. The first pattern that matches decides.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::smtp::{Class, Reply};

/// Patterns on reply texts; what none matches is read by its code.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// In the order in which they are tried.
    pub patterns: Vec<ReplyRule>,
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
    /// Only a refused greeting or EHLO: whoever is let in and then refused counts as a success. As in Postfix
    /// (`smtp_trouble.c`): a 4xx to MAIL, RCPT or the dot, and be it a 421, does not reach the scheduler.
    Handshake,
}

/// A pattern and what a reply that matches it means.
#[derive(Clone, Debug)]
pub struct ReplyRule {
    /// Matched against the whole reply, code included.
    pub matches: Regex,
    /// What it means.
    pub means: ReplyMeaning,
}

/// What a refusal means to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyMeaning {
    /// Try the message again later.
    Deferral,
    /// Try the message again later, and tell concurrency and breaker that the site pushes back.
    SlowDown,
    /// Give the message up.
    Bounce,
}

impl Reading {
    /// What `reply` means.
    pub fn read(&self, reply: &Reply) -> ReplyMeaning {
        let text = reply.to_string();
        let by_text = self.patterns.iter().find(|pattern| pattern.matches.is_match(&text)).map(|pattern| pattern.means);
        by_text.unwrap_or(match reply.code.class() {
            Class::Permanent => ReplyMeaning::Bounce,
            Class::Transient | Class::Positive => ReplyMeaning::Deferral,
        })
    }
}
