//! Presets mean what they say, and what is laid over them is checked.

use super::*;
use crate::sender::strategy::{Concurrency, Jitter, Pacing, Schedule};
use crate::time::Span;

fn read(text: &str) -> Result<Strategy, Vec<String>> {
    let document = Document::new("strategy.toml", text);
    let spec = toml::from_str(text).map_err(|error| vec![document.not_toml(&error).to_string()])?;
    build(&spec, &document).map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
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
    assert_eq!(strategy.concurrency, Concurrency::Fixed(20));
    let Schedule::Exponential { base, jitter, .. } = strategy.retry.schedule else { panic!("exponential") };
    assert_eq!((base, jitter), (five, Jitter::Decorrelated));
    assert_eq!(strategy.session.messages_per_connection, None);
    assert_eq!(strategy.session.recipients_per_message, 50);
}

#[test]
fn a_warm_up_is_a_growth_or_a_list() {
    let pacing = |text: &str| {
        let strategy = read(&format!("name = \"a\"\npacing = {{ warm-up = {text} }}")).unwrap();
        (sentence(&strategy), strategy.pacing)
    };
    let (words, grown) = pacing("{ first-day = 50, factor = 2.0, cap = 300 }");
    assert_eq!(grown, Pacing::WarmUp { days: [50, 100, 200, 300].into(), per: Span::DAY });
    assert!(words.contains("warms up: 50 messages a day on the first day, then 100, … 300 from day 4"), "{words}");
    let (words, listed) = pacing("{ days = [20, 28], per = \"1h\" }");
    assert_eq!(listed, Pacing::WarmUp { days: [20, 28].into(), per: Span::HOUR });
    assert!(words.contains("warms up: 20 messages every 1h on the first day, then 28 from day 2"), "{words}");
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
