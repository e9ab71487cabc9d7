//! Presets: strategies by name, written in the same grammar in which a scenario writes its own.
//!
//! A preset is a TOML file of this crate. A scenario names one and says what differs: `preset = "backoff"`, `retry = {
//! exponential = { jitter = "decorrelated" } }`. Tables are laid over the preset's entry by entry.

mod breaker;
mod build;
mod capped;
mod concurrency;
mod main_cf;
mod pacing;
mod process;
mod reading;
mod retry;
mod session;
mod spec;
mod warm_up;
mod words;

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Document};
use crate::sender::Strategy;
use crate::spanned::{self, Checker, Spanned};

pub use breaker::BreakerSpec;
pub use concurrency::{AimdSpec, ConcurrencySpec, FeedbackSpec};
pub use main_cf::{MainCf, POSTFIX_PARAMETERS, PostfixParameter};
pub use pacing::PacingSpec;
pub use process::ProcessLimitsSpec;
pub use reading::{ReplyMeaning, ReplyRuleSpec};
pub use retry::{AgeSpec, ExponentialSpec, QueueRunSpec, RetrySpec};
pub use session::SessionSpec;
pub use spec::StrategySpec;
pub use warm_up::WarmUpSpec;
pub use words::{axes, sentence};

/// Every preset: its name, and its file.
const PRESETS: &[(&str, &str)] = &[
    ("fixed", include_str!("presets/fixed.toml")),
    ("paced", include_str!("presets/paced.toml")),
    ("warm-up", include_str!("presets/warm-up.toml")),
    ("backoff", include_str!("presets/backoff.toml")),
    ("aimd", include_str!("presets/aimd.toml")),
    ("postfix", include_str!("presets/postfix.toml")),
    ("postfix-readme", include_str!("presets/postfix-readme.toml")),
    ("oracle", include_str!("presets/oracle.toml")),
];

/// The names of all presets.
pub const NAMES: [&str; PRESETS.len()] = {
    let mut names = [""; PRESETS.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = PRESETS[place].0;
        place += 1;
    }
    names
};

/// The preset called `name`, as its file has it.
pub fn built_in(name: &str) -> Option<Document> {
    let (_, text) = PRESETS.iter().find(|(preset, _)| *preset == name)?;
    Some(Document::new(format!("preset {name}"), *text))
}

/// The strategy that the preset `name` stands for.
pub fn strategy(name: &str) -> Option<Result<Strategy, Vec<Diagnostic>>> {
    built_in(name).map(|document| parse(&document))
}

/// The strategy that a document says.
///
/// # Errors
/// Everything that is wrong with it, each mistake at its place.
pub fn parse(document: &Document) -> Result<Strategy, Vec<Diagnostic>> {
    let mut check = Checker::new(document);
    let spec: Option<Spanned<StrategySpec>> =
        spanned::parse(document, 0, &mut check).and_then(|tree| spanned::read(&tree, &mut check));
    let strategy = spec.and_then(|spec| build(&spec, &mut check));
    check.finish(strategy)
}

/// What `spec` means: its preset, and what it says itself laid over it; `None` if something is wrong with it.
pub fn build(spec: &Spanned<StrategySpec>, check: &mut Checker<'_>) -> Option<Strategy> {
    let before = check.mistakes();
    let mut base = build::plain();
    match &spec.preset {
        Some(preset) => match strategy(preset) {
            Some(Ok(strategy)) => base = strategy,
            Some(Err(wrong)) => check.add(wrong),
            None => check.unknown("preset", preset, &NAMES),
        },
        None if spec.name.is_none() => check.lacking(
            &spec.span,
            "a strategy needs a preset or a name",
            "write preset = \"fixed\", or name = \"…\" and its axes",
        ),
        None => {}
    }
    build::overlay(&mut base, spec, check);
    (check.mistakes() == before).then_some(base)
}

/// The preset `name` for a person: what it does, then the seven axes as a table.
pub fn describe(name: &str) -> Option<String> {
    let strategy = strategy(name)?.ok()?;
    let mut out = format!("{}: {}\n\n", strategy.name, strategy.about);
    for (axis, words) in axes(&strategy) {
        _ = writeln!(out, "{axis:<12} {words}");
    }
    Some(out)
}

#[cfg(test)]
mod tests;
