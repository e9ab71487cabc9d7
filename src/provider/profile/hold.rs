//! The time-outs of a rule, as a profile writes them and as they are meant.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{AnswerSpec, Replies};
use crate::provider::{Hold, HoldStep, Scope};
use crate::smtp::Stage;
use crate::spanned::{Checker, Count, Spanned};
use crate::time::Span;

/// Time-outs for a client that keeps on breaking a rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HoldSpec {
    /// How long the client is held the first time, the second, …; the last step repeats.
    pub ladder: Spanned<Vec<Spanned<Span>>>,
    /// What a held client is told, one reply name for every step; the rule's own answer unless said otherwise.
    pub replies: Option<Spanned<Vec<Spanned<String>>>>,
    /// So many violations; 1 unless said otherwise.
    pub after: Option<Spanned<Count>>,
    /// Within this time; an hour unless said otherwise.
    pub within: Option<Spanned<Span>>,
    /// So much time without a hold takes one step back down the ladder; a day unless said otherwise.
    pub forget: Option<Spanned<Span>>,
    /// The stage at which a held client is refused; the rule's own stage unless said otherwise.
    pub at: Option<Spanned<Stage>>,
    /// Whether a client that goes on while it is held begins the step again, and the next once it has lasted its time:
    /// with a limit on `refusals`, by as many as broke it, with any other rule, by every one. Not unless said.
    #[serde(default)]
    pub renewed: bool,
}

/// What a hold belongs to: its rule's stage and answer, and whom it is for.
pub(super) struct HoldContext<'a> {
    pub(super) at: Stage,
    pub(super) answer: Option<&'a AnswerSpec>,
    pub(super) whom: Scope,
}

/// The hold that is meant.
pub(super) fn build(
    spec: &Spanned<HoldSpec>,
    rule: &HoldContext<'_>,
    replies: &Replies<'_>,
    check: &mut Checker<'_>,
) -> Option<Hold> {
    let at = spec.at.as_ref().map_or(rule.at, |at| at.value);
    let place = spec.at.as_ref().map_or(&spec.span, |at| &at.span);
    if at < rule.whom.known_at() {
        let help = format!("hold at `{}` or later", rule.whom.known_at());
        check.wrong_do(place, format!("at `{at}` it is not known yet whom the hold is for"), help);
    }
    if rule.whom.is_of_recipient() && at > Stage::Rcpt {
        check.wrong_do(
            place,
            format!("at `{at}` there is no question of one {} any more", rule.whom.name()),
            "hold at `rcpt`",
        );
    }
    let steps = &spec.ladder.value;
    if !(1..=STEPS_MAX).contains(&steps.len()) {
        let message = format!("a ladder has 1 to {STEPS_MAX} steps, not {}", steps.len());
        check.wrong_do(&spec.ladder.span, message, "write the times in order: [\"5min\", \"1h\"]");
    }
    let answers: Vec<_> = match &spec.replies {
        None => {
            // An unknown reply of the rule's own is told where the rule answers.
            let own = rule.answer.and_then(|answer| replies.answer(answer, at, check));
            vec![own; steps.len()]
        }
        Some(names) => {
            if names.len() != steps.len() {
                let message = format!("{} replies for {} steps", names.len(), steps.len());
                check.wrong_do(&names.span, message, "name one reply for every step of the ladder");
            }
            names.iter().map(|name| replies.reply(name, None, at, check)).collect()
        }
    };
    let spans: Vec<Span> = steps.iter().map(|span| check.some_time(span)).collect();
    let after = spec.after.as_ref().map_or(1, |after| check.count(after, 1..=u32::MAX));
    let within = spec.within.as_ref().map_or(Span::HOUR, |span| check.some_time(span));
    let forget = spec.forget.as_ref().map_or(Span::DAY, |span| check.some_time(span));
    let ladder = spans.into_iter().zip(answers).map(|(span, answer)| Some(HoldStep { span, action: answer? }));
    Some(Hold { ladder: ladder.collect::<Option<_>>()?, after, within, forget, at, renewed: spec.renewed })
}

/// More steps than any provider is known to climb.
const STEPS_MAX: usize = 16;
