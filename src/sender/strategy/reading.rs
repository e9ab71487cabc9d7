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
    pub patterns: Vec<Pattern>,
}

/// A pattern and what a reply that matches it means.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// Matched against the whole reply, code included.
    pub matches: Regex,
    /// What it means.
    pub means: ReadAs,
}

/// What a refusal means to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadAs {
    /// Try the message again later.
    Deferral,
    /// Try the message again later, and tell concurrency and breaker that the site pushes back.
    SlowDown,
    /// Give the message up.
    Bounce,
}

impl Reading {
    /// What `reply` means.
    pub fn read(&self, reply: &Reply) -> ReadAs {
        let text = reply.to_string();
        let by_text = self.patterns.iter().find(|pattern| pattern.matches.is_match(&text)).map(|pattern| pattern.means);
        by_text.unwrap_or(match reply.code.class() {
            Class::Permanent => ReadAs::Bounce,
            Class::Transient | Class::Positive => ReadAs::Deferral,
        })
    }
}
