//! The reading axis as a file writes it, and what it means.

use regex::RegexBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sender::strategy::{Disposition, ReplyAction, ReplyEffect, ReplyRule};
use crate::spanned::{Checker, Spanned};

/// A pattern and what a reply that matches it means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReplyRuleSpec {
    /// A regular expression, matched against the whole reply, code included.
    pub matches: Spanned<String>,
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

/// What `spec` means; `None` where its pattern is wrong.
pub(super) fn build(spec: &ReplyRuleSpec, check: &mut Checker<'_>) -> Option<ReplyRule> {
    match RegexBuilder::new(&spec.matches).size_limit(REGEX_BYTES_MAX).build() {
        Ok(matches) => {
            let (disposition, actions) = match spec.means {
                ReplyMeaning::Deferral => (Disposition::Defer, Vec::new()),
                ReplyMeaning::SlowDown => (Disposition::Defer, vec![ReplyAction::at_once(ReplyEffect::PushBack)]),
                ReplyMeaning::Bounce => (Disposition::Bounce, Vec::new()),
            };
            Some(ReplyRule { matches, disposition, actions })
        }
        Err(error) => {
            // The crate draws the pattern again before it says what is wrong in its last line.
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            check.wrong(&spec.matches.span, format!("this is not a regular expression: {reason}"));
            None
        }
    }
}

/// A compiled pattern larger than this is a mistake: `(a{1000}){1000}`.
const REGEX_BYTES_MAX: usize = 1 << 20;
