//! Greylisting (RFC 6647): an unknown triplet of client, sender domain and recipient is told to come back.
//!
//! Senders with many addresses retry from another one, so many greylists look at the client's network instead; and some
//! (postscreen) at the client alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_kind::{CheckKind, no_recipient_at};
use super::population::Population;
use crate::provider::context::RuleContext;
use crate::provider::keyed_store::KeyedStore;
use crate::provider::scope::{SPARSE, Scope};
use crate::rng::Seed;
use crate::smtp::Stage;
use crate::spanned::{Checker, Spanned};
use crate::time::{Span, Time};

/// How long a new triplet waits, and how long it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greylist {
    /// Not before this much time has passed since the first attempt …
    pub delay: Span,
    /// … and not after this much.
    pub retry_within: Span,
    /// A triplet that passed is remembered this long.
    pub remember: Span,
    /// Who has to come back.
    pub of: GreylistOf,
}

/// Who has to come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GreylistOf {
    /// One client IP with one sender domain and one recipient.
    #[default]
    Triplet,
    /// Any client IP of one network with one sender domain and one recipient.
    NetworkTriplet,
    /// One client IP, whatever it sends.
    ClientIp,
}

/// A greylist: who is new has to come back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GreylistSpec {
    /// Not before this much time has passed since the first attempt …
    pub delay: Span,
    /// … and not after this much.
    pub retry_within: Spanned<Span>,
    /// A triplet that passed is remembered this long.
    pub remember: Span,
    /// Who has to come back.
    #[serde(default)]
    pub of: GreylistOf,
}

impl Greylist {
    /// What a profile's greylist means.
    pub(super) fn build(spec: &GreylistSpec, check: &mut Checker<'_>) -> Self {
        let GreylistSpec { delay, retry_within, remember, of } = spec;
        if *delay >= retry_within.value {
            let help = "`delay` must be shorter than `retry-within`";
            check.wrong_do(&retry_within.span, "no message can pass this greylist", help);
        }
        Self { delay: *delay, retry_within: retry_within.value, remember: *remember, of: *of }
    }
}

impl CheckKind for Greylist {
    fn words(&self) -> String {
        let Self { delay, retry_within, remember, of } = self;
        let new = match of {
            GreylistOf::Triplet => "triplet of client, sender domain and recipient",
            GreylistOf::NetworkTriplet => "triplet of client network, sender domain and recipient",
            GreylistOf::ClientIp => "client",
        };
        format!(
            "to a new {new}, until it is back after {delay} and within {retry_within} (then remembered for {remember})"
        )
    }

    fn reason(&self) -> Option<&'static str> {
        Some("greylisting")
    }

    fn needs(&self) -> Option<(Stage, &'static str)> {
        Some((Stage::Rcpt, "the recipient"))
    }

    fn too_late_at(&self, stage: Stage) -> Option<(String, &'static str)> {
        (stage > Stage::Rcpt).then(|| no_recipient_at(stage))
    }

    fn retry_delay(&self) -> Option<Span> {
        Some(self.delay)
    }

    fn memory(&self, population: &Population) -> f64 {
        let keys = match self.of {
            GreylistOf::Triplet | GreylistOf::NetworkTriplet => population.recipients,
            GreylistOf::ClientIp => population.keys(Scope::ClientIp),
        };
        keys * Population::COUNTER_BYTES
    }

    fn earliest(&self, at: Time) -> Time {
        at
    }
}

/// What is remembered of every triplet, or client.
#[derive(Clone, Debug)]
pub(in crate::provider) struct GreylistState(KeyedStore<Triplet>);

#[derive(Clone, Copy, Debug, Default)]
struct Triplet {
    first: Option<Time>,
    passed_until: Time,
}

impl GreylistState {
    pub(super) const fn new() -> Self {
        Self(KeyedStore::new())
    }

    /// Whether the triplet of this command is let pass (RFC 6647, section 4).
    #[inline(never)]
    pub(super) fn permits(&mut self, greylist: &Greylist, context: &RuleContext<'_>) -> bool {
        let Some(recipient) = context.recipient() else { return true };
        let now = context.now();
        let (client, network) = (context.key(Scope::ClientIp), context.key(Scope::ClientNetwork));
        let triplet = |client| SPARSE | Seed(recipient.id).draw(client, context.key(Scope::SenderDomain));
        let key = match greylist.of {
            GreylistOf::Triplet => triplet(client),
            GreylistOf::NetworkTriplet => triplet(network),
            GreylistOf::ClientIp => client,
        };
        let too_late = |first: Time| now.since(first) > greylist.retry_within;
        let forget = |triplet: &Triplet| triplet.passed_until <= now && triplet.first.is_none_or(too_late);
        let triplet = self.0.entry(key, forget);
        let in_time = |first| (greylist.delay..=greylist.retry_within).contains(&now.since(first));
        if now < triplet.passed_until || triplet.first.is_some_and(in_time) {
            triplet.passed_until = now + greylist.remember;
            return true;
        }
        if triplet.first.is_none_or(too_late) {
            triplet.first = Some(now);
        }
        false
    }
}
