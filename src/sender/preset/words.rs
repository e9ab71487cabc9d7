//! A strategy in words: what it does on each axis.

use super::warm_up;
use crate::sender::Strategy;
use crate::sender::strategy::concurrency::IncreasePer;
use crate::sender::strategy::feedback::FeedbackRule;
use crate::sender::strategy::{
    Breaker, Concurrency, Feedback, Jitter, LimiterScope, Pacing, ProcessLimits, PushBack, Reading, ReplyMeaning,
    Retry, RetrySchedule, SessionSettings,
};

/// The seven axes of `strategy` and what it does on each.
pub fn axes(strategy: &Strategy) -> [(&'static str, String); 7] {
    [
        ("scope", scope(strategy.scope).to_owned()),
        ("concurrency", with_whole(concurrency(&strategy.concurrency), &strategy.process)),
        ("pacing", pacing(&strategy.pacing)),
        ("session", session(&strategy.session)),
        ("reading", reading(&strategy.reading)),
        ("breaker", breaker(&strategy.breaker)),
        ("retry", retry(&strategy.retry)),
    ]
}

/// What a strategy does, in one line: only the axes on which it does something.
pub fn sentence(strategy: &Strategy) -> String {
    if strategy.oracle {
        return "reads the provider's rules and sends as fast as they allow: the upper bound".to_owned();
    }
    let mut parts = vec![with_whole(concurrency(&strategy.concurrency), &strategy.process)];
    if strategy.pacing != Pacing::None {
        parts.push(pacing(&strategy.pacing));
    }
    parts.push(per_connection(&strategy.session));
    if !strategy.reading.patterns.is_empty() || strategy.reading.push_back != PushBack::default() {
        parts.push(reading(&strategy.reading));
    }
    if strategy.breaker != Breaker::None {
        parts.push(breaker(&strategy.breaker));
    }
    parts.push(retry(&strategy.retry));
    parts.push(format!("limits apply to {}", scope(strategy.scope)));
    parts.join("; ")
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

fn concurrency(concurrency: &Concurrency) -> String {
    match *concurrency {
        Concurrency::Unlimited => "as many at once as there is mail".to_owned(),
        Concurrency::Fixed(limit) => format!("{limit} at once"),
        Concurrency::Aimd { initial, min, max, increase, decrease, per } => {
            let per = match per {
                IncreasePer::Delivery => "every delivery",
                IncreasePer::Window => "every window of deliveries",
            };
            format!("{initial} at once at first, {increase} more for {per}, × {decrease} on push-back, {min} to {max}")
        }
        Concurrency::Feedback(feedback) => steps(&feedback),
    }
}

fn steps(feedback: &Feedback) -> String {
    let Feedback { initial, limit, positive, negative, rule } = feedback;
    let limit = limit.map_or_else(|| "without limit".to_owned(), |limit| format!("{limit} at most"));
    let rule = match rule {
        FeedbackRule::Shipped => "as shipped",
        FeedbackRule::Readme => "as in the README",
    };
    format!("{initial} at once at first, {limit}; feedback +{positive} and -{negative}, {rule}")
}

fn with_whole(concurrency: String, whole: &ProcessLimits) -> String {
    let deliveries = whole.deliveries.map(|most| format!("{most} deliveries at once to all sites together"));
    let delay = (!whole.delay.is_zero()).then(|| format!("{} after each before the next", whole.delay));
    let active = whole.active.map(|most| format!("{most} recipients worked on at once"));
    let intake = (!whole.intake.is_zero()).then(|| format!("{} to take in a message", whole.intake));
    [Some(concurrency), deliveries, delay, active, intake].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn pacing(pacing: &Pacing) -> String {
    match pacing {
        Pacing::None => "none".to_owned(),
        Pacing::TokenBucket { messages, per, burst: 1 } => format!("{} every {per}, evenly spaced", mails(*messages)),
        Pacing::TokenBucket { messages, per, burst } => {
            format!("{} every {per}, at most {burst} at once", mails(*messages))
        }
        Pacing::FixedWindow { messages, per } => {
            format!("{} in each {per}, as early in it as possible", mails(*messages))
        }
        Pacing::RateDelay { delay, .. } => format!("{delay} from the end of a message to the next"),
        Pacing::WarmUp { days, per } => warm_up::words(days, *per),
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
    let read = |means| match means {
        ReplyMeaning::Deferral => "a deferral",
        ReplyMeaning::SlowDown => "a call to slow down",
        ReplyMeaning::Bounce => "a bounce",
    };
    let patterns: Vec<String> =
        reading.patterns.iter().map(|one| format!("/{}/ as {}", one.matches, read(one.means))).collect();
    let mut said = vec![if patterns.is_empty() {
        "by the code: 4xx is a deferral, 5xx a bounce".to_owned()
    } else {
        format!("reads {}, the rest by its code", patterns.join(", "))
    }];
    if reading.skip_5xx_greeting {
        said.push("a 5xx greeting only defers".to_owned());
    }
    if reading.push_back == PushBack::Handshake {
        said.push("only a failed handshake or a lost connection counts against a site".to_owned());
    }
    said.join("; ")
}

fn breaker(breaker: &Breaker) -> String {
    match *breaker {
        Breaker::None => "none".to_owned(),
        Breaker::Suspend { after: 1, pause } => format!("leaves a site alone for {pause} after every failure"),
        Breaker::Suspend { after, pause } => format!("leaves a site alone for {pause} after {after} failures in a row"),
        Breaker::DeadSite { cohorts, pause, rule } => {
            let after = if rule == FeedbackRule::Shipped { "after" } else { "after more than" };
            let cohorts = if cohorts == 1 { "a whole window".to_owned() } else { format!("{cohorts} whole windows") };
            format!("takes a site for dead for {pause} {after} {cohorts} of failures, and defers all its mail")
        }
    }
}

fn retry(retry: &Retry) -> String {
    let waits = match &retry.schedule {
        RetrySchedule::List(waits) => {
            let waits: Vec<String> = waits.iter().map(ToString::to_string).collect();
            format!("retries after {}", waits.join(", "))
        }
        RetrySchedule::Age { min, max } => {
            format!("waits as long as a message is old, at least {min} and at most {max}")
        }
        RetrySchedule::Exponential { base, factor, cap, jitter } => {
            let jitter = match jitter {
                Jitter::None => "without jitter",
                Jitter::Full => "with full jitter",
                Jitter::Equal => "with equal jitter",
                Jitter::Decorrelated => "with decorrelated jitter",
            };
            format!("retries after {base}, × {factor} each time up to {cap}, {jitter}")
        }
    };
    let queue_run = retry.queue_run.map(|run| format!("looks for what is due every {}", run.every + run.lag));
    let whole = retry.whole_message.then(|| "a message's recipients come back together".to_owned());
    let gives_up = Some(format!("gives up after {}", retry.give_up));
    [Some(waits), queue_run, whole, gives_up].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn mails(count: u32) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}
