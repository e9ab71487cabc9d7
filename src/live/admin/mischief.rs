//! What goes wrong with DNS, at an administrator's wish.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Charge;
use super::calls::Body;
use super::fault::Fault;
use crate::live::dns::{self, Mischief, Trouble};
use crate::live::wish::SLOWEST;
use crate::time::Span;
use crate::units::Fraction;

/// Faults at a time: each is looked at for every query.
const FAULTS_MAX: usize = 1_000;
/// The longest name, in bytes (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;

/// A fault as it is written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// For this name and all below it; all names unless said otherwise.
    name: Option<String>,
    trouble: Word,
    /// For this share of the queries; all unless said otherwise.
    #[serde(default = "all")]
    share: Fraction,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    ServFail,
    NxDomain,
    Silence,
    /// By the clock on the wall.
    Slow(Span),
}

const fn all() -> Fraction {
    Fraction::ALL
}

type Faults = Result<Json<Vec<Written>>, Fault>;

pub(super) async fn list(State(charge): State<Charge>) -> Faults {
    Ok(Json(server(charge)?.get().into_iter().map(Written::of).collect()))
}

pub(super) async fn replace(State(charge): State<Charge>, Body(faults): Body<Vec<Written>>) -> Faults {
    let dns = server(charge)?;
    if faults.len() > FAULTS_MAX {
        return Err(Fault::bad(format!("{} faults are more than {FAULTS_MAX}", faults.len())));
    }
    dns.set(faults.into_iter().map(Written::meant).collect::<Result<_, _>>()?);
    Ok(Json(dns.get().into_iter().map(Written::of).collect()))
}

pub(super) async fn end(State(charge): State<Charge>) -> Faults {
    server(charge)?.set(Vec::new());
    Ok(Json(Vec::new()))
}

fn server(charge: Charge) -> Result<Mischief, Fault> {
    let none = || Fault::conflict("there is no DNS server here").hint("start it with `mxlab serve --dns ADDRESS:PORT`");
    charge.dns.ok_or_else(none)
}

impl Written {
    fn meant(self) -> Result<dns::Fault, Fault> {
        let Self { name, trouble, share } = self;
        if let Some(name) = name.as_ref().filter(|name| name.is_empty() || name.len() > NAME_MAX || !name.is_ascii()) {
            let fault = Fault::bad(format!("`{name}` is no name of DNS"));
            return Err(fault.hint("write it as in \"charter.net\", or leave it out for all names"));
        }
        let trouble = match trouble {
            Word::ServFail => Trouble::ServFail,
            Word::NxDomain => Trouble::NoSuchName,
            Word::Silence => Trouble::Silence,
            Word::Slow(span) if span <= SLOWEST => Trouble::Slow(Duration::from_micros(span.as_micros())),
            Word::Slow(span) => return Err(Fault::bad(format!("{span} is more than {SLOWEST}"))),
        };
        Ok(dns::Fault { name, share, trouble })
    }

    fn of(fault: dns::Fault) -> Self {
        let trouble = match fault.trouble {
            Trouble::ServFail => Word::ServFail,
            Trouble::NoSuchName => Word::NxDomain,
            Trouble::Silence => Word::Silence,
            Trouble::Slow(late) => Word::Slow(Span::from_micros(u64::try_from(late.as_micros()).unwrap_or(u64::MAX))),
        };
        Self { name: fault.name, trouble, share: fault.share }
    }
}
