//! The session axis: how a connection is used.

use crate::time::Span;

/// How a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Transactions on one connection before the sender says QUIT; `None` is no limit. At least 1.
    pub messages_per_connection: Option<u32>,
    /// Recipients in one transaction. At least 1.
    pub recipients_per_message: u32,
    /// How long an idle connection is kept; zero closes it at once.
    pub idle: Span,
    /// How old a connection may be and still take another message; `None` is no limit.
    pub reuse: Option<Span>,
    /// Whether an idle connection takes up a place of the concurrency. Postfix counts deliveries instead.
    pub counts_idle: bool,
    /// Whether a connection is kept only while deliveries follow upon each other (Postfix's
    /// `smtp_connection_cache_on_demand`): not before the site has answered once, and no more when a delivery is alone
    /// and comes later than a second after the one before.
    pub on_demand: bool,
    /// Whether MAIL, RCPT and DATA go out together where the provider allows it (RFC 2920).
    pub pipelining: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Span,
    /// How long to wait for the greeting (RFC 5321, 4.5.3.2.1: five minutes).
    pub greeting_timeout: Span,
    /// How long to wait for the reply to MAIL before the connection is given up (RFC 5321, 4.5.3.2.2: five minutes).
    pub mail_timeout: Span,
    /// How long to wait for the reply to RCPT (RFC 5321, 4.5.3.2.3: five minutes).
    pub rcpt_timeout: Span,
    /// How long to wait for the reply to DATA (RFC 5321, 4.5.3.2.4: two minutes).
    pub data_timeout: Span,
    /// How long to wait for the reply to the end of data (RFC 5321, 4.5.3.2.6: ten minutes).
    pub end_of_data_timeout: Span,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            messages_per_connection: Some(100),
            recipients_per_message: 50,
            idle: Span::from_secs(5),
            reuse: Some(Span::from_secs(300)),
            counts_idle: true,
            on_demand: false,
            pipelining: true,
            connect_timeout: Span::from_secs(30),
            greeting_timeout: Span::from_secs(300),
            mail_timeout: Span::from_secs(300),
            rcpt_timeout: Span::from_secs(300),
            data_timeout: Span::from_secs(120),
            end_of_data_timeout: Span::from_secs(600),
        }
    }
}
