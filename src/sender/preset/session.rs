//! The session axis as a file writes it, and what it means.

use schemars::JsonSchema;
use serde::Deserialize;

use super::capped::capped;
use crate::sender::strategy::SessionSettings;
use crate::spanned::{Capped, Checker, Count, Spanned};
use crate::time::Span;

/// How a connection is used. What is not given is as in the preset.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SessionSpec {
    /// Transactions on one connection before QUIT, or "unlimited".
    pub messages_per_connection: Option<Spanned<Capped<Count>>>,
    /// Most recipients in one transaction.
    pub recipients_per_message: Option<Spanned<Count>>,
    /// How long an idle connection is kept; "0s" closes it at once.
    pub idle: Option<Span>,
    /// How old a connection may be and still take another message, or "unlimited".
    pub reuse: Option<Spanned<Capped<Span>>>,
    /// Whether an idle connection takes up a place of the concurrency.
    pub counts_idle: Option<bool>,
    /// Whether a connection is kept only while deliveries follow upon each other.
    pub on_demand: Option<bool>,
    /// Whether MAIL, RCPT and DATA go out together where the provider allows it (RFC 2920).
    pub pipelining: Option<bool>,
    /// How long to wait for a connection.
    pub connect_timeout: Option<Spanned<Span>>,
    /// How long to wait for the greeting.
    pub greeting_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to MAIL.
    pub mail_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to RCPT.
    pub rcpt_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to DATA.
    pub data_timeout: Option<Spanned<Span>>,
    /// How long to wait for the reply to the end of data.
    #[serde(rename = "dot-timeout")]
    pub end_of_data_timeout: Option<Spanned<Span>>,
}

/// Lays `spec` over `base`.
pub(super) fn overlay(base: &mut SessionSettings, spec: &SessionSpec, check: &mut Checker<'_>) {
    if let Some(written) = &spec.messages_per_connection {
        base.messages_per_connection = capped(written, check);
    }
    if let Some(written) = &spec.recipients_per_message {
        base.recipients_per_message = check.count(written, 1..=u32::MAX);
    }
    if let Some(written) = &spec.reuse {
        let Capped(limit) = written.value;
        base.reuse = limit.map(|limit| check.some_time(&written.with(limit)));
    }
    for (timeout, written) in [
        (&mut base.connect_timeout, &spec.connect_timeout),
        (&mut base.greeting_timeout, &spec.greeting_timeout),
        (&mut base.mail_timeout, &spec.mail_timeout),
        (&mut base.rcpt_timeout, &spec.rcpt_timeout),
        (&mut base.data_timeout, &spec.data_timeout),
        (&mut base.end_of_data_timeout, &spec.end_of_data_timeout),
    ] {
        *timeout = written.as_ref().map_or(*timeout, |written| check.some_time(written));
    }
    base.on_demand = spec.on_demand.unwrap_or(base.on_demand);
    base.idle = spec.idle.unwrap_or(base.idle);
    base.counts_idle = spec.counts_idle.unwrap_or(base.counts_idle);
    base.pipelining = spec.pipelining.unwrap_or(base.pipelining);
}
