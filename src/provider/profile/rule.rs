//! One rule of a profile: what it says against what it can mean.

use super::answer::Replies;
use super::hold::{self, HoldContext};
use super::spec::RuleSpec;
use super::{attribution, limit, window};
use crate::provider::rule::check_spec;
use crate::provider::{Attribution, Check, Limit, LimitValue, Meter, Rule, RuleAction, RuleKind, Scope, Tier, Window};
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};

/// What rules can name.
pub(super) struct KnownNames<'a> {
    /// `None` if they are wrong.
    pub(super) tiers: Option<&'a [Tier]>,
    pub(super) replies: Replies<'a>,
}

impl KnownNames<'_> {
    /// The rule `name`.
    pub(super) fn rule(&self, name: &Spanned<String>, spec: &RuleSpec, check: &mut Checker<'_>) -> Option<Rule> {
        let attribution = sources(spec, check);
        if spec.at.is_none() {
            let message = format!("rule `{}` does not say when it is asked", name.value);
            check.lacking(&name.span, message, "add `at = \"mail\"`, or another stage");
        }
        if spec.answer.is_none() {
            let message = format!("rule `{}` does not say what it answers", name.value);
            check.lacking(&name.span, message, "add `answer = { reply = \"NAME\" }`");
        }
        let kind = match &spec.check {
            Some(asked) => {
                says_nothing_of_limits(spec, check);
                Some(RuleKind::Check(check_spec::build(asked, spec.at.as_ref(), check)))
            }
            None => self.limit(name, spec, check).map(RuleKind::Limit),
        };
        let at = spec.at.as_ref()?.value;
        let answer = spec.answer.as_ref().and_then(|answer| self.replies.answer(answer, at, check));
        if let (Some(RuleKind::Check(Check::Idle(_))), Some(RuleAction::Tarpit(_)), Some(own)) =
            (&kind, answer, &spec.answer)
        {
            let message = "a client that says nothing waits for no answer";
            check.wrong_do(&own.span, message, "answer with a reply, or \"drop\"");
        }
        let own = spec.answer.as_ref().map(|own| &own.value).filter(|_| answer.is_some());
        let hold = spec.hold.as_ref().map(|hold| {
            let whom = kind.as_ref().map_or(Scope::ClientIp, RuleKind::hold_scope);
            hold::build(hold, &HoldContext { at, answer: own, whom }, &self.replies, check)
        });
        Some(Rule {
            name: name.value.clone(),
            at,
            kind: kind?,
            action: answer?,
            hold: match hold {
                Some(hold) => Some(hold?),
                None => None,
            },
            enabled: spec.enabled,
            attribution,
        })
    }

    fn limit(&self, name: &Spanned<String>, spec: &RuleSpec, check: &mut Checker<'_>) -> Option<Limit> {
        let value = self.tiers.zip(spec.limit.as_ref()).and_then(|(tiers, number)| {
            let load = spec.load.as_ref().map(|steps| limit::load(steps, check)).unwrap_or_default();
            let wobble = spec.wobble.as_ref().map(|wobble| limit::wobble(wobble, check));
            let amount = limit::amount(number, tiers, check)?;
            Some(LimitValue { amount, load, wobble })
        });
        let missing = match spec {
            RuleSpec { count: None, .. } => Some("count"),
            RuleSpec { window: None, .. } => Some("window"),
            RuleSpec { limit: None, .. } => Some("limit"),
            _ => None,
        };
        if let Some(missing) = missing {
            let message =
                format!("rule `{}` has neither a `check` nor a whole limit: `{missing}` is missing", name.value);
            let help = "a limit has `count`, `per`, `window` and `limit`; a check has `check`";
            check.lacking(&name.span, message, help);
        }
        let (meter, written) = (spec.count.as_ref()?.value, spec.window.as_ref()?);
        let window = window::build(written, check);
        let scope = scope(name, spec, window, check);
        window::fits(window, meter, written, check);
        if let Some(at) = &spec.at {
            can_be_counted(meter, window, scope, at, check);
        }
        Some(Limit {
            meter,
            scope: scope?,
            window,
            counted: spec.counts.as_ref().map(|counts| counts.value).unwrap_or_default(),
            value: value?,
            reputation_of: spec.reputation_of.as_ref().map(|of| of.value).unwrap_or_default(),
        })
    }
}

/// The rule's attribution; its limit, its window and its hold may have others.
fn sources(spec: &RuleSpec, check: &mut Checker<'_>) -> Attribution {
    let parts = [
        (&spec.limit_source, &spec.limit_confidence),
        (&spec.window_source, &spec.window_confidence),
        (&spec.hold_source, &spec.hold_confidence),
    ];
    for (source, confidence) in parts {
        attribution::build(source.as_ref().or(spec.source.as_ref()), confidence.as_ref(), check);
    }
    attribution::build(spec.source.as_ref(), spec.confidence.as_ref(), check)
}

/// Says so where a check has what only limits have.
fn says_nothing_of_limits(spec: &RuleSpec, check: &mut Checker<'_>) {
    let of_limits = [
        ("count", spec.count.as_ref().map(|it| &it.span)),
        ("window", spec.window.as_ref().map(|it| &it.span)),
        ("limit", spec.limit.as_ref().map(|it| &it.span)),
        ("per", spec.per.as_ref().map(|it| &it.span)),
        ("counts", spec.counts.as_ref().map(|it| &it.span)),
        ("load", spec.load.as_ref().map(|it| &it.span)),
        ("wobble", spec.wobble.as_ref().map(|it| &it.span)),
        ("reputation-of", spec.reputation_of.as_ref().map(|it| &it.span)),
    ];
    for (key, span) in of_limits {
        let help = match key {
            "per" => "a check needs no `per`: a hold of it is for the client IP",
            "reputation-of" => "write { reputation = { below = …, of = \"sender-domain\" } }",
            _ => "write a `check` or a limit, as two rules if both are wanted",
        };
        if let Some(span) = span {
            check.wrong_do(span, format!("`{key}` belongs to a limit, and this rule is a check"), help);
        }
    }
}

/// Whose counter it is; the windows `session` and `message` leave no choice.
fn scope(name: &Spanned<String>, spec: &RuleSpec, window: Window, check: &mut Checker<'_>) -> Option<Scope> {
    let in_session = window.is_in_session();
    match &spec.per {
        None if in_session => Some(Scope::Session),
        None => {
            let message = format!("rule `{}` does not say whose counter it is", name.value);
            check.lacking(&name.span, message, "add `per = \"client-ip\"`, or another scope");
            None
        }
        Some(per) => {
            if in_session && per.value != Scope::Session {
                let message = format!("a window of one session cannot count per {}", per.name());
                check.wrong_do(&per.span, message, "write `per = \"session\"`, or leave it out");
            }
            Some(per.value)
        }
    }
}

/// Says so where at a stage there is nothing to count yet, or whose count it is is not known yet or not any more.
fn can_be_counted(meter: Meter, window: Window, scope: Option<Scope>, at: &Spanned<Stage>, check: &mut Checker<'_>) {
    let stage = at.value;
    let (message, from) = match scope {
        Some(scope) if stage < scope.known_at() => {
            (format!("at `{stage}` the {} is not known yet", scope.name()), scope.known_at())
        }
        Some(scope) if scope.is_of_recipient() && stage > Stage::Rcpt => {
            let message = format!("at `{stage}` there is no question of one {} any more", scope.name());
            return check.wrong_do(&at.span, message, "ask this rule at `rcpt`");
        }
        Some(scope) if meter == Meter::Refusals && scope.known_at() > Stage::Connect => {
            let message = format!("refusals come before the {} is known", scope.name());
            return check.wrong_do(&at.span, message, "count refusals per `client-ip`, `client-network` or `provider`");
        }
        Some(_) if meter.is_between_stages() && stage != Stage::Ehlo => {
            let message = format!("{meter} are counted from the greeting on, and not only from `{stage}` on");
            return check.wrong_do(&at.span, message, "ask this rule at `ehlo`");
        }
        _ if stage < meter.natural_stage() && (window.is_in_session() || meter.is_gauge()) => {
            (format!("at `{stage}` there are no {meter} to count yet"), meter.natural_stage())
        }
        _ => return,
    };
    check.wrong_do(&at.span, message, format!("ask this rule at `{from}` or later"));
}
