//! Presets mean what they say, and what is laid over them is checked.

use super::*;
use crate::sender::strategy::breaker::dead_site::DeadSite;
use crate::sender::strategy::concurrency::feedback::FeedbackRule;
use crate::sender::strategy::pacing::warm_up::WarmUp;
use crate::sender::strategy::retry::age::Age;
use crate::sender::strategy::retry::exponential::Exponential;
use crate::sender::strategy::{Breaker, Concurrency, Jitter, LimiterScope, Pacing, RetrySchedule};
use crate::time::Span;

fn read(text: &str) -> Result<Strategy, Vec<String>> {
    parse(&Document::new("strategy.toml", text)).map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
}

#[test]
fn every_preset_is_a_strategy_of_its_name() {
    for name in NAMES {
        let strategy = strategy(name).unwrap().unwrap();
        assert_eq!(strategy.name, name);
        assert!(!strategy.about.is_empty(), "{name}");
        assert_eq!(strategy.oracle, name == "oracle");
    }
    assert!(strategy("sendmail").is_none());
}

#[test]
fn presets_in_words() {
    let all: Vec<String> = NAMES.iter().filter_map(|name| describe(name)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_is_said_lies_over_the_preset_entry_by_entry() {
    let strategy = read(
        "preset = \"backoff\"\nname = \"mine\"\nretry = { exponential = { jitter = \"decorrelated\" } }\n\
        session = { idle = \"1s\", messages-per-connection = \"unlimited\" }",
    );
    let strategy = strategy.unwrap();
    let five = Span::from_secs(300);
    assert_eq!(strategy.name, "mine");
    assert_eq!(strategy.axes.concurrency, Concurrency::Fixed(20));
    let RetrySchedule::Exponential(Exponential { base, jitter, .. }) = strategy.axes.retry.schedule else {
        panic!("exponential")
    };
    assert_eq!((base, jitter), (five, Jitter::Decorrelated));
    assert_eq!(strategy.axes.session.messages_per_connection, None);
    assert_eq!(strategy.axes.session.recipients_per_message, 50);
}

#[test]
fn a_warm_up_is_a_growth_or_a_list() {
    let pacing = |text: &str| {
        let strategy = read(&format!("name = \"a\"\npacing = {{ warm-up = {text} }}")).unwrap();
        (sentence(&strategy), strategy.axes.pacing)
    };
    let (words, grown) = pacing("{ first-day = 50, factor = 2.0, cap = 300 }");
    assert_eq!(grown, Pacing::WarmUp(WarmUp { days: [50, 100, 200, 300].into(), per: Span::DAY }));
    assert!(words.contains("warms up: 50 messages a day on the first day, then 100, … 300 from day 4"), "{words}");
    let (words, listed) = pacing("{ days = [20, 28], per = \"1h\" }");
    assert_eq!(listed, Pacing::WarmUp(WarmUp { days: [20, 28].into(), per: Span::HOUR }));
    assert!(words.contains("warms up: 20 messages every 1h on the first day, then 28 from day 2"), "{words}");
}

#[test]
fn parameters_of_postfix_go_by_their_own_names() {
    let strategy = read(
        "preset = \"postfix\"\n[main-cf]\nsmtp_destination_concurrency_limit = 7\n\
        default_destination_concurrency_limit = \"9\"\nmaximal_backoff_time = \"2h\"\nminimal_backoff_time = 600\n\
        default_destination_concurrency_positive_feedback = \"1/4\"\nsmtp_connection_reuse_count_limit = 9\n\
        qmgr_message_active_limit = 500\nmaximal_queue_lifetime = 2\nsmtp_rset_timeout = \"20s\"",
    );
    let strategy = strategy.unwrap();
    let Concurrency::Feedback(feedback) = strategy.axes.concurrency else { panic!("feedback") };
    assert_eq!(feedback.limit, Some(7), "the transport's own goes before the default");
    assert!((feedback.positive.at(10) - 0.25).abs() < 1e-12);
    let (min, max) = (Span::from_secs(600), Span::from_secs(7_200));
    assert_eq!(strategy.axes.retry.schedule, RetrySchedule::Age(Age { min, max }));
    assert_eq!(
        strategy.axes.breaker,
        Breaker::DeadSite(DeadSite { cohorts: 1, pause: min, rule: FeedbackRule::Shipped })
    );
    assert_eq!(strategy.axes.session.messages_per_connection, Some(10), "nine times again");
    assert_eq!((strategy.process.active, strategy.axes.retry.give_up), (Some(500), Span::DAY.times(2)));
    assert!(strategy.about.contains("smtp_rset_timeout"), "{}", strategy.about);
}

/// A rate delay leaves one at a time; a recipient limit of 1 leaves nothing of either.
#[test]
fn a_recipient_limit_of_one_takes_the_limits_away() {
    let slow = read("preset = \"postfix\"\nmain-cf = { default_destination_rate_delay = \"5s\" }").unwrap();
    let Concurrency::Feedback(feedback) = slow.axes.concurrency else { panic!("feedback") };
    assert_eq!(feedback.limit, Some(1));
    let parameters = "{ default_destination_rate_delay = \"5s\", smtp_destination_recipient_limit = 1 }";
    let trap = read(&format!("preset = \"postfix\"\nmain-cf = {parameters}")).unwrap();
    let axes = trap.axes.unshared();
    assert_eq!((axes.scope, axes.pacing, axes.breaker), (LimiterScope::Recipient, Pacing::None, Breaker::None));
    assert_eq!(axes.concurrency, Concurrency::Unlimited);
    assert_eq!(trap.process.deliveries, Some(100), "only the process limit is left");
}

#[test]
fn every_default_of_postfix_is_a_value_of_its_parameter() {
    let all: Vec<String> = POSTFIX_PARAMETERS.iter().map(|one| format!("{} = \"{}\"", one.name, one.default)).collect();
    let written = read(&format!("preset = \"postfix\"\n[main-cf]\n{}", all.join("\n"))).unwrap();
    let plain = strategy("postfix").unwrap().unwrap();
    assert_eq!(format!("{:?}", Strategy { about: plain.about.clone(), ..written }), format!("{plain:?}"));
}

#[test]
fn what_cannot_be_is_refused_at_its_place() {
    let wrong = [
        "preset = \"fixd\"",
        "about = \"nameless\"",
        "name = \"a\"\nconcurrency = { fixed = 0 }",
        "name = \"a\"\nconcurrency = { fixed = -1 }",
        "name = \"a\"\nconcurency = \"unlimited\"",
        "name = \"a\"\nconcurrency = { fixd = 1 }",
        "name = \"a\"\nconcurrency = { aimd = { min = 5, max = 2 } }",
        "name = \"a\"\nconcurrency = { aimd = { initial = 200, decrease = 1.0, increase = 0 } }",
        "name = \"a\"\npacing = { token-bucket = { messages = 10, per = \"0s\", burst = 0 } }",
        "name = \"a\"\npacing = { fixed-window = { messages = 10, per = \"1 fortnight\" } }",
        "name = \"a\"\npacing = { warm-up = {} }",
        "name = \"a\"\npacing = { warm-up = { first-day = 50, per = \"1h\" } }",
        "name = \"a\"\npacing = { warm-up = { first-day = 50, factor = 1.0, cap = 20, per = \"2d\" } }",
        "name = \"a\"\npacing = { warm-up = { first-day = 0, factor = 1.001, per = \"0s\" } }",
        "name = \"a\"\npacing = { warm-up = { days = [], per = \"1h\" } }",
        "name = \"a\"\npacing = { warm-up = { days = [50, 0] } }",
        "name = \"a\"\npacing = { warm-up = { days = [50], cap = 100 } }",
        "name = \"a\"\npacing = { warmup = { days = [50] } }",
        "name = \"a\"\nbreaker = { suspend = { after = 0, pause = \"0s\" } }",
        "name = \"a\"\nretry = { exponential = { base = \"5h\", factor = 0.5 } }",
        "name = \"a\"\nretry = { exponential = { factor = nan }, give-up = \"0s\" }",
        "name = \"a\"\nretry = { exponential = {}, list = [\"1h\"] }",
        "name = \"a\"\nretry = { list = [] }",
        "name = \"a\"\nmain-cf = { smtp_helo_timeout = 5 }",
        "preset = \"postfix\"\nmain-cf = { smtp_destination_concurency_limit = 5 }",
        "preset = \"postfix\"\nmain-cf = { smtp_helo_timeout = \"5 minutes\", smtp_skip_5xx_greeting = \"maybe\" }",
        "preset = \"postfix\"\nmain-cf = { default_process_limit = -1 }",
        "preset = \"postfix\"\nmain-cf = { smtp_helo_timeout = [] }",
        "preset = \"postfix\"\nmain-cf = { default_destination_concurrency_negative_feedback = \"1/widow\" }",
        "name = \"a\"\nconcurrency = { feedback = { positive = \"2\", initial = 0 } }",
        "name = \"a\"\nretry = { age = { min = \"2h\", max = \"1h\" }, scan = { every = \"0s\" } }",
        "name = \"a\"\nwhole = { deliveries = 0, active = 0 }",
        "name = \"a\"\nretry = { list = [\"5min\", \"0s\"] }",
        "name = \"a\"\nreading = [{ matches = \"421 (too\", means = \"slow-down\" }]",
        "name = \"a\"\nreading = [{ matches = \"(a{1000}){1000}\", means = \"bounce\" }]",
        "name = \"a\"\nsession = { messages-per-connection = 0, reuse = \"forever\" }",
        "name = \"a\"\nsession = { messages-per-connection = 0, reuse = \"0s\", connect-timeout = \"0s\" }",
    ];
    let said: Vec<String> = wrong
        .iter()
        .map(|text| read(text).map_or_else(|wrong| wrong.join("\n"), |strategy| format!("accepted: {strategy:?}")))
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}
