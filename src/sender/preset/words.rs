//! A strategy in words: what it does on each axis.

use crate::sender::Strategy;
use crate::sender::strategy::{
    Breaker, LimiterScope, Pacing, ProcessLimits, PushBack, Reading, SessionSettings, SiteAxes,
};

/// The seven axes of `strategy` and what it does on each, at every site that has none of its own.
pub fn axes(strategy: &Strategy) -> [(&'static str, String); 7] {
    let axes = &strategy.axes;
    [
        ("scope", scope(axes.scope).to_owned()),
        ("concurrency", at_once(axes, &strategy.process)),
        ("pacing", axes.pacing.to_string()),
        ("session", session(&axes.session)),
        ("reading", reading(&axes.reading)),
        ("breaker", axes.breaker.to_string()),
        ("retry", axes.retry.to_string()),
    ]
}

/// What a strategy does, in one line: only the axes on which it does something, and at how many sites it does
/// something else.
pub fn sentence(strategy: &Strategy) -> String {
    if strategy.oracle {
        return "reads the provider's rules and sends as fast as they allow: the upper bound".to_owned();
    }
    let axes = &strategy.axes;
    let mut parts = vec![at_once(axes, &strategy.process)];
    if axes.pacing != Pacing::None {
        parts.push(axes.pacing.to_string());
    }
    parts.push(per_connection(&axes.session));
    if !axes.reading.rules.is_empty() || axes.reading.push_back != PushBack::default() {
        parts.push(reading(&axes.reading));
    }
    if axes.breaker != Breaker::None {
        parts.push(axes.breaker.to_string());
    }
    parts.push(axes.retry.to_string());
    parts.push(format!("limits apply to {}", scope(axes.scope)));
    if !strategy.sites.is_empty() {
        parts.push(format!("something else at {} sites", strategy.sites.len()));
    }
    parts.join("; ")
}

/// How many at once, at each site and in all.
fn at_once(axes: &SiteAxes, process: &ProcessLimits) -> String {
    format!("{}{process}", axes.concurrency)
}

const fn scope(scope: LimiterScope) -> &'static str {
    match scope {
        LimiterScope::Domain => "each recipient domain, over all sources",
        LimiterScope::Site => "each site, over all sources",
        LimiterScope::SourceSite => "each source towards each site",
        LimiterScope::Process => "everything together",
        LimiterScope::Recipient => "each recipient, and so nothing at all",
    }
}

fn session(session: &SessionSettings) -> String {
    let reuse = session.reuse.map_or_else(|| "of any age".to_owned(), |age| format!("up to {age} old"));
    let places = if session.counts_idle { "take up a place" } else { "take up no place" };
    let places = if session.on_demand {
        format!("{places}, and only while messages follow upon each other")
    } else {
        places.to_owned()
    };
    let pipelining = if session.pipelining { "pipelining" } else { "no pipelining" };
    format!(
        "{}, {} recipients a message at most; connections {reuse} are used again, idle ones are kept {} and {places}; \
         {pipelining}; waits {} for a connection, {} for the greeting, {} after MAIL, {} after RCPT, {} after DATA and {} after \
         the dot",
        per_connection(session),
        session.recipients_per_message,
        session.idle,
        session.connect_timeout,
        session.greeting_timeout,
        session.mail_timeout,
        session.rcpt_timeout,
        session.data_timeout,
        session.end_of_data_timeout,
    )
}

fn per_connection(session: &SessionSettings) -> String {
    session.messages_per_connection.map_or_else(
        || "any number of messages a connection".to_owned(),
        |limit| format!("{} a connection", mails(limit)),
    )
}

fn reading(reading: &Reading) -> String {
    let rules: Vec<String> = reading.rules.iter().map(ToString::to_string).collect();
    let mut said = vec![if rules.is_empty() {
        "by the code: 4xx is a deferral, 5xx a bounce".to_owned()
    } else {
        format!("reads {}, the rest by its code", rules.join(", "))
    }];
    if reading.skip_5xx_greeting {
        said.push("a 5xx greeting only defers".to_owned());
    }
    if reading.push_back == PushBack::Handshake {
        said.push("only a failed handshake or a lost connection counts against a site".to_owned());
    }
    said.join("; ")
}

fn mails(count: u32) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
