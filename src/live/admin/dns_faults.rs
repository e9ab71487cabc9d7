//! Calls about DNS: which faults are injected.

use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::extract::JsonBody;
use super::json::Json;
use super::rejection::AdminRejection;
use super::state::AdminState;
use crate::live::address_directives::DELAY_MAX;
use crate::live::clock::wall_span;
use crate::live::dns::{DnsFailure, DnsFault, DnsFaults};
use crate::time::Span;
use crate::units::Fraction;

/// Faults at a time: each is checked for every query.
const FAULTS_MAX: usize = 1_000;
/// The longest name, in bytes (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;

/// A fault in JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DnsFaultSpec {
    /// The name that it affects, with all names below it; by default all names.
    name: Option<String>,
    trouble: DnsFailureSpec,
    /// The share of queries that it affects; by default all.
    #[serde(default = "all")]
    share: Fraction,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum DnsFailureSpec {
    ServFail,
    NxDomain,
    Silence,
    /// In wall-clock time.
    Slow(Span),
}

const fn all() -> Fraction {
    Fraction::ALL
}

type FaultListResult = Result<Json<Vec<DnsFaultSpec>>, AdminRejection>;

pub(super) async fn list(State(admin): State<AdminState>) -> FaultListResult {
    Ok(Json(server(admin)?.get().into_iter().map(DnsFaultSpec::of).collect()))
}

pub(super) async fn replace(
    State(admin): State<AdminState>,
    JsonBody(faults): JsonBody<Vec<DnsFaultSpec>>,
) -> FaultListResult {
    let dns = server(admin)?;
    if faults.len() > FAULTS_MAX {
        return Err(AdminRejection::bad(format!("{} faults are more than {FAULTS_MAX}", faults.len())));
    }
    dns.set(faults.into_iter().map(DnsFaultSpec::into_fault).collect::<Result<_, _>>()?);
    Ok(Json(dns.get().into_iter().map(DnsFaultSpec::of).collect()))
}

pub(super) async fn end(State(admin): State<AdminState>) -> FaultListResult {
    server(admin)?.set(Vec::new());
    Ok(Json(Vec::new()))
}

fn server(admin: AdminState) -> Result<DnsFaults, AdminRejection> {
    let none = || {
        AdminRejection::conflict("there is no DNS server here").hint("start it with `mxlab serve --dns ADDRESS:PORT`")
    };
    admin.dns.ok_or_else(none)
}

impl DnsFaultSpec {
    fn into_fault(self) -> Result<DnsFault, AdminRejection> {
        let Self { name, trouble, share } = self;
        if let Some(name) = name.as_ref().filter(|name| name.is_empty() || name.len() > NAME_MAX || !name.is_ascii()) {
            let rejection = AdminRejection::bad(format!("`{name}` is no name of DNS"));
            return Err(rejection.hint("write it as in \"charter.net\", or leave it out for all names"));
        }
        let failure = match trouble {
            DnsFailureSpec::ServFail => DnsFailure::ServFail,
            DnsFailureSpec::NxDomain => DnsFailure::NoSuchName,
            DnsFailureSpec::Silence => DnsFailure::NoAnswer,
            DnsFailureSpec::Slow(span) if span <= DELAY_MAX => {
                DnsFailure::Slow(Duration::from_micros(span.as_micros()))
            }
            DnsFailureSpec::Slow(span) => return Err(AdminRejection::bad(format!("{span} is more than {DELAY_MAX}"))),
        };
        Ok(DnsFault { name, share, failure })
    }

    fn of(fault: DnsFault) -> Self {
        let trouble = match fault.failure {
            DnsFailure::ServFail => DnsFailureSpec::ServFail,
            DnsFailure::NoSuchName => DnsFailureSpec::NxDomain,
            DnsFailure::NoAnswer => DnsFailureSpec::Silence,
            DnsFailure::Slow(late) => DnsFailureSpec::Slow(wall_span(late)),
        };
        Self { name: fault.name, trouble, share: fault.share }
    }
}
