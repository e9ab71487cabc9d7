//! One rule of a profile: what it says against what it can mean.

use std::ops::Range;

use toml::Spanned;

use super::build::{count, provenance};
use super::fault::Fault;
use super::named::Named;
use super::parts::{AnswerSpec, CheckSpec, HoldSpec, LoadStepSpec, WindowSpec};
use super::spec::{ReplySpec, RuleSpec};
use crate::diagnostic::nearest;
use crate::provider::{
    BusySpells, Check, Greylist, Hold, HoldStep, Limit, LoadStep, LowReputation, Mailbox, Meter, Outage, Rule,
    RuleAction, RuleKind, Scope, Tier, Window,
};
use crate::smtp::{Reply, Stage};
use crate::time::{Span, Time};
use crate::units::ReplyId;

/// What a rule can name.
pub(super) struct Known<'a> {
    pub(super) tiers: &'a [Tier],
    pub(super) names: &'a Named<ReplySpec>,
    pub(super) replies: &'a [Reply],
}

impl Known<'_> {
    pub(super) fn rule(&self, name: &Spanned<String>, spec: &RuleSpec) -> Result<Rule, Fault> {
        for (source, confidence) in
            [(&spec.limit_source, &spec.limit_confidence), (&spec.hold_source, &spec.hold_confidence)]
        {
            provenance(source.as_ref().or(spec.source.as_ref()), confidence.as_ref())?;
        }
        let at = *spec.at.get_ref();
        let test = match &spec.check {
            Some(question) => RuleKind::Check(check(spec, question)?),
            None => RuleKind::Limit(self.limit(name, spec)?),
        };
        let hold_for = test.hold_scope();
        Ok(Rule {
            name: name.get_ref().clone(),
            at,
            kind: test,
            action: self.answer(spec.answer.get_ref(), at)?,
            hold: spec.hold.as_ref().map(|hold| self.hold(hold, spec, hold_for)).transpose()?,
            cost: spec.cost,
            enabled: spec.enabled,
            attribution: provenance(spec.source.as_ref(), spec.confidence.as_ref())?,
        })
    }

    fn limit(&self, name: &Spanned<String>, spec: &RuleSpec) -> Result<Limit, Fault> {
        let (Some(count), Some(window), Some(number)) = (&spec.count, &spec.window, &spec.limit) else {
            let missing = match (&spec.count, &spec.window) {
                (None, _) => "count",
                (_, None) => "window",
                _ => "limit",
            };
            let message =
                format!("rule `{}` has neither a `check` nor a whole limit: `{missing}` is missing", name.get_ref());
            return Err(Fault::new(name.span(), message)
                .help("a limit has `count`, `per`, `window` and `limit`; a check has `check`"));
        };
        let meter = *count.get_ref();
        let within = self::window(window)?;
        let scope = scope(name, spec, within)?;
        fits(meter, within, window.span())?;
        let at = *spec.at.get_ref();
        let too_early = |why: String, from: Stage| {
            Err(Fault::new(spec.at.span(), why).help(format!("ask this rule at `{from}` or later")))
        };
        if at < scope.known_at() {
            let why = format!("at `{at}` the {} is not known yet", scope.name());
            return too_early(why, scope.known_at());
        }
        if scope.is_of_recipient() && at > Stage::Rcpt {
            return Err(Fault::new(spec.at.span(), format!("at `{at}` nobody asks for one {} any more", scope.name()))
                .help("ask this rule at `rcpt`"));
        }
        let starts_empty = matches!(within, Window::Session | Window::Message);
        if at < meter.natural_stage() && (starts_empty || meter == Meter::OpenTransactions) {
            let why = format!("at `{at}` there are no {meter} to count yet");
            return too_early(why, meter.natural_stage());
        }
        let load = match &spec.load {
            Some(steps) => load(steps)?,
            None => Vec::new(),
        };
        Ok(Limit {
            meter,
            scope,
            window: within,
            counted: spec.counts.as_ref().map(|counts| *counts.get_ref()).unwrap_or_default(),
            value: number.get_ref().ceiling(self.tiers, load, number.span())?,
            reputation_of: spec.reputation_of.as_ref().map(|of| *of.get_ref()).unwrap_or_default(),
        })
    }

    fn answer(&self, spec: &AnswerSpec, at: Stage) -> Result<RuleAction, Fault> {
        Ok(match spec {
            AnswerSpec::Drop => RuleAction::Drop,
            AnswerSpec::Tarpit(span) => RuleAction::Tarpit(*span),
            AnswerSpec::Reply { reply, close } => self.reply(reply, *close, at)?,
        })
    }

    /// A reply by name. After a 421 the server closes (RFC 5321, 3.8), and there is no session after a refused
    /// greeting.
    fn reply(&self, name: &Spanned<String>, close: Option<bool>, at: Stage) -> Result<RuleAction, Fault> {
        let Some(place) = self.names.position(name.get_ref()) else {
            let near = nearest(name.get_ref(), self.names.names());
            return Err(Fault::unknown(name, "there is no reply", near, self.names.names()));
        };
        let id = u16::try_from(place).map_err(|_| Fault::new(name.span(), "a profile has at most 65,536 replies"))?;
        let closes = self.replies[place].code.get() == 421 || at == Stage::Connect;
        Ok(RuleAction::Reply { reply: ReplyId(id), close: close.unwrap_or(closes) })
    }

    fn hold(&self, hold: &Spanned<HoldSpec>, rule: &RuleSpec, whom: Scope) -> Result<Hold, Fault> {
        let spec = hold.get_ref();
        let at = spec.at.as_ref().map_or(*rule.at.get_ref(), |at| *at.get_ref());
        let place = spec.at.as_ref().map_or_else(|| hold.span(), Spanned::span);
        if at < whom.known_at() {
            let message = format!("at `{at}` nobody knows yet whom the hold is for");
            return Err(Fault::new(place, message).help(format!("hold at `{}` or later", whom.known_at())));
        }
        if whom.is_of_recipient() && at > Stage::Rcpt {
            let message = format!("at `{at}` nobody asks for one {} any more", whom.name());
            return Err(Fault::new(place, message).help("hold at `rcpt`"));
        }
        let steps = spec.ladder.get_ref();
        if !(1..=STEPS_MAX).contains(&steps.len()) {
            let message = format!("a ladder has 1 to {STEPS_MAX} steps, not {}", steps.len());
            return Err(Fault::new(spec.ladder.span(), message).help("write the times in order: [\"5min\", \"1h\"]"));
        }
        let answers = match &spec.replies {
            None => vec![self.answer(rule.answer.get_ref(), at)?; steps.len()],
            Some(replies) if replies.get_ref().len() == steps.len() => {
                replies.get_ref().iter().map(|name| self.reply(name, None, at)).collect::<Result<_, _>>()?
            }
            Some(replies) => {
                let message = format!("{} replies for {} steps", replies.get_ref().len(), steps.len());
                return Err(Fault::new(replies.span(), message).help("name one reply for every step of the ladder"));
            }
        };
        let ladder =
            steps.iter().zip(answers).map(|(span, answer)| Ok(HoldStep { span: some_time(span)?, action: answer }));
        Ok(Hold {
            ladder: ladder.collect::<Result<_, _>>()?,
            after: spec.after.as_ref().map_or(Ok(1), |after| count(after, 1, "a number of violations"))?,
            within: spec.within.as_ref().map_or(Ok(Span::HOUR), some_time)?,
            forget: spec.forget.as_ref().map_or(Ok(Span::DAY), some_time)?,
            at,
        })
    }
}

/// A rule that asks a question instead of counting.
fn check(spec: &RuleSpec, check: &Spanned<CheckSpec>) -> Result<Check, Fault> {
    let of_limits = [
        ("count", spec.count.as_ref().map(Spanned::span)),
        ("window", spec.window.as_ref().map(Spanned::span)),
        ("limit", spec.limit.as_ref().map(Spanned::span)),
        ("per", spec.per.as_ref().map(Spanned::span)),
        ("counts", spec.counts.as_ref().map(Spanned::span)),
        ("load", spec.load.as_ref().map(Spanned::span)),
        ("reputation-of", spec.reputation_of.as_ref().map(Spanned::span)),
    ];
    if let Some((key, span)) = of_limits.into_iter().find_map(|(key, span)| Some((key, span?))) {
        let help = match key {
            "per" => "a check needs no `per`: a hold of it is for the client IP",
            "reputation-of" => "write { reputation = { below = …, of = \"sender-domain\" } }",
            _ => "write a `check` or a limit, as two rules if both are wanted",
        };
        return Err(Fault::new(span, format!("`{key}` belongs to a limit, and this rule is a check")).help(help));
    }
    let (test, from, why) = question(check)?;
    let of_recipient = matches!(test, Check::Greylist(_)) && *spec.at.get_ref() > Stage::Rcpt
        || matches!(test, Check::Mailbox(_)) && *spec.at.get_ref() == Stage::Data;
    if of_recipient {
        let message = format!("at `{}` nobody asks for a recipient", spec.at.get_ref());
        return Err(Fault::new(spec.at.span(), message).help("ask this rule at `rcpt`"));
    }
    if matches!(test, Check::EarlyTalker(_)) && *spec.at.get_ref() > Stage::Connect {
        let message = format!("at `{}` every client has been greeted", spec.at.get_ref());
        return Err(Fault::new(spec.at.span(), message).help("ask this rule at `connect`"));
    }
    if *spec.at.get_ref() < from {
        let message = format!("at `{}` {why} is not known yet", spec.at.get_ref());
        return Err(Fault::new(spec.at.span(), message).help(format!("ask this rule at `{from}` or later")));
    }
    Ok(test)
}

/// Whose counter it is; the windows `session` and `message` leave no choice.
fn scope(name: &Spanned<String>, spec: &RuleSpec, window: Window) -> Result<Scope, Fault> {
    let in_session = matches!(window, Window::Session | Window::Message);
    match &spec.per {
        None if in_session => Ok(Scope::Session),
        None => Err(Fault::new(name.span(), format!("rule `{}` does not say whose counter it is", name.get_ref()))
            .help("add `per = \"client-ip\"`, or another scope")),
        Some(per) if in_session && *per.get_ref() != Scope::Session => {
            let message = format!("a window of one session cannot count per {}", per.get_ref().name());
            Err(Fault::new(per.span(), message).help("write `per = \"session\"`, or leave it out"))
        }
        Some(per) => Ok(*per.get_ref()),
    }
}

fn window(spec: &Spanned<WindowSpec>) -> Result<Window, Fault> {
    let (window, length) = match *spec.get_ref() {
        WindowSpec::Gauge => return Ok(Window::Gauge),
        WindowSpec::Session => return Ok(Window::Session),
        WindowSpec::Message => return Ok(Window::Message),
        WindowSpec::Fixed(fixed) => (Window::Fixed { length: fixed.length, aligned: fixed.aligned }, fixed.length),
        WindowSpec::Sliding(length) => (Window::Sliding { length }, length),
        WindowSpec::TokenBucket { per, burst } => (Window::Bucket { per, burst }, per),
        WindowSpec::Average(period) => (Window::Ewma { period }, period),
    };
    if length.is_zero() {
        return Err(
            Fault::new(spec.span(), "a window of no length counts nothing").help("write a length such as \"1h\"")
        );
    }
    if matches!(window, Window::Bucket { burst: Some(0), .. }) {
        return Err(Fault::new(spec.span(), "a token bucket that holds nothing lets nothing in")
            .help("to let nothing in, write `limit = 0`"));
    }
    Ok(window)
}

/// Whether a meter can be counted over a window.
fn fits(meter: Meter, window: Window, place: Range<usize>) -> Result<(), Fault> {
    let fault = |help: &str| Err(Fault::new(place, format!("{meter} cannot be counted in this window")).help(help));
    match (meter.is_gauge(), window) {
        (true, Window::Gauge) => Ok(()),
        (true, _) => fault("what is open now has no window: write `window = \"gauge\"`"),
        (false, Window::Gauge) => fault("a gauge is for `open-connections` and `open-transactions`"),
        (false, Window::Session) if meter == Meter::Connections => fault("a session has one connection"),
        (false, Window::Message) if matches!(meter, Meter::Connections | Meter::Messages) => {
            fault("within a message there are `recipients`, `unknown-recipients` and `bytes`")
        }
        _ => Ok(()),
    }
}

fn load(steps: &Spanned<Vec<LoadStepSpec>>) -> Result<Vec<LoadStep>, Fault> {
    let mut known: Vec<LoadStep> = Vec::new();
    for step in steps.get_ref() {
        let LoadStepSpec { from, factor } = step;
        let fault = |message: &str, help: &str| Err(Fault::new(from.span(), message).help(help));
        match known.last() {
            None if !from.get_ref().is_zero() => {
                return fault("the first step begins at midnight", "write from = \"0s\"");
            }
            Some(last) if *from.get_ref() <= last.from => {
                return fault("steps out of order", "write the earliest first");
            }
            _ if *from.get_ref() >= Span::DAY => {
                return fault("a time of day is before 24h", "a day begins anew at 24h");
            }
            _ => {}
        }
        if !(0.0..=1e6).contains(factor.get_ref()) {
            let message = format!("{} is not a factor; write a number from 0 up", factor.get_ref());
            return Err(Fault::new(factor.span(), message));
        }
        known.push(LoadStep { from: *from.get_ref(), factor: *factor.get_ref() });
    }
    Ok(known)
}

/// What a check asks, the first stage at which that is known, and what it is that is known then.
fn question(check: &Spanned<CheckSpec>) -> Result<(Check, Stage, &'static str), Fault> {
    let mailbox = |state| (Check::Mailbox(state), Stage::Rcpt, "the recipient");
    let fault = |message: &str, help: &str| Err(Fault::new(check.span(), message).help(help));
    Ok(match *check.get_ref() {
        CheckSpec::UnknownRecipient => mailbox(Mailbox::Unknown),
        CheckSpec::MailboxFull => mailbox(Mailbox::Full),
        CheckSpec::SpamTrap => mailbox(Mailbox::Trap),
        CheckSpec::Listed => (Check::Listed, Stage::Connect, ""),
        CheckSpec::NoPtr => (Check::NoPtr, Stage::Connect, ""),
        CheckSpec::Always => (Check::Always, Stage::Connect, ""),
        CheckSpec::EarlyTalker(Span::ZERO) => {
            return fault("nobody can talk early where the greeting comes at once", "write a length such as \"6s\"");
        }
        CheckSpec::EarlyTalker(pause) => (Check::EarlyTalker(pause), Stage::Connect, ""),
        CheckSpec::SpamContent => (Check::Content, Stage::EndOfData, "the content"),
        CheckSpec::Size(size) => (Check::Size(size), Stage::Mail, "the size"),
        CheckSpec::Unauthenticated(auth) => (Check::Unauthenticated(auth), Stage::Data, "the authentication"),
        CheckSpec::Greylist { delay, retry_within, remember } => {
            if delay >= retry_within {
                return fault("nobody can pass this greylist", "`delay` must be shorter than `retry-within`");
            }
            (Check::Greylist(Greylist { delay, retry_within, remember }), Stage::Rcpt, "the recipient")
        }
        CheckSpec::Reputation { below, of, refuse } => {
            (Check::Reputation(LowReputation { below, of, refuse }), Stage::Connect, "")
        }
        CheckSpec::Busy { every, lasts, refuse } => {
            if every.is_zero() || lasts.is_zero() {
                return fault("a busy spell needs time to come and go", "write two lengths of time above zero");
            }
            (Check::Busy(BusySpells { every, lasts, refuse }), Stage::Connect, "")
        }
        CheckSpec::Outage { from, until } => {
            if from >= until {
                return fault("this outage ends before it begins", "`from` must be before `until`");
            }
            (Check::Outage(Outage { from: Time::ZERO + from, until: Time::ZERO + until }), Stage::Connect, "")
        }
    })
}

fn some_time(span: &Spanned<Span>) -> Result<Span, Fault> {
    if span.get_ref().is_zero() {
        return Err(Fault::new(span.span(), "no time at all makes no sense here"));
    }
    Ok(*span.get_ref())
}

/// More steps than any provider is known to climb.
const STEPS_MAX: usize = 16;
