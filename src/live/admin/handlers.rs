//! Calls about providers, clients, orders and complaints.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract::{JsonBody, PathParams};
use super::json::Json;
use super::rejection::AdminRejection;
use super::state::AdminState;
use crate::diagnostic::Document;
use crate::live::address_directives::{DELAY_MAX, ForcedAction, ForcedOutcome};
use crate::live::cluster::MxCluster;
use crate::live::outcome_orders::OutcomeOrder;
use crate::live::snapshot::{self, RuleSnapshot};
use crate::provider::{Placeholder, Policy, PolicyChange, profile};
use crate::smtp::{Code, EnhancedCode, Reply, Stage, gaps};
use crate::time::Span;
use crate::units::{Fraction, ProviderId, RuleId};

/// Clients in a state without `?clients=`.
pub(super) const CLIENTS_SHOWN: usize = 200;
/// The most clients that can be asked for.
const CLIENTS_MAX: usize = 10_000;
/// The longest text of a reply, in bytes.
const TEXT_MAX: usize = 2_000;

type JsonResult<T> = Result<Json<T>, AdminRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateQuery {
    clients: Option<usize>,
}

pub(super) async fn state(
    State(cluster): State<Arc<MxCluster>>,
    shown: Result<Query<StateQuery>, axum::extract::rejection::QueryRejection>,
) -> JsonResult<snapshot::ClusterSnapshot> {
    let Query(shown) = shown.map_err(|e| {
        AdminRejection::bad(e.body_text().to_lowercase()).hint(format!("write ?clients=N, up to {CLIENTS_MAX}"))
    })?;
    Ok(Json(cluster.snapshot(shown.clients.unwrap_or(CLIENTS_SHOWN).min(CLIENTS_MAX))))
}

pub(super) async fn rules(
    State(cluster): State<Arc<MxCluster>>,
    PathParams(name): PathParams<String>,
) -> JsonResult<Vec<RuleSnapshot>> {
    let (site, _) = provider(&cluster, &name)?;
    Ok(Json(rules_of(&cluster, site)))
}

/// What changes in a rule. A member that is `null` is as good as left out: TOML, which reads the rest, knows no null.
#[derive(Deserialize)]
#[serde(try_from = "serde_json::Map<String, Value>")]
pub(super) struct RuleChangeRequest(toml::Table);

impl TryFrom<serde_json::Map<String, Value>> for RuleChangeRequest {
    type Error = String;

    fn try_from(body: serde_json::Map<String, Value>) -> Result<Self, Self::Error> {
        let given: serde_json::Map<_, _> = body.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let read = toml::Table::try_from(given).map(Self);
        read.map_err(|_| "a value has `null` inside, or a number beyond 2^63".to_owned())
    }
}

pub(super) async fn change_rule(
    State(cluster): State<Arc<MxCluster>>,
    PathParams((name, rule)): PathParams<(String, String)>,
    JsonBody(change): JsonBody<RuleChangeRequest>,
) -> JsonResult<RuleSnapshot> {
    let (site, policy) = provider(&cluster, &name)?;
    let index = policy.rules.iter().position(|known| known.name == rule);
    let Some(index) = index else {
        return Err(AdminRejection::unknown("rule", &rule, policy.rules.iter().map(|rule| rule.name.as_str())));
    };
    let change = Document::new("the body", change.0.to_string());
    let changes = profile::rule_change(&change, policy, RuleId::from_index(index))
        .map_err(|found| AdminRejection::wrong(&found))?;
    for change in &changes {
        cluster.change_policy(site, change);
    }
    Ok(Json(rules_of(&cluster, site).swap_remove(index)))
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReputationScore {
    score: Fraction,
}

/// Works also for a client that has not connected yet.
pub(super) async fn set_reputation(
    State(cluster): State<Arc<MxCluster>>,
    PathParams((name, ip)): PathParams<(String, String)>,
    JsonBody(ReputationScore { score }): JsonBody<ReputationScore>,
) -> JsonResult<ReputationScore> {
    let (site, _) = provider(&cluster, &name)?;
    let ip = address(&ip)?;
    let mut state = cluster.lock();
    state.register_client(cluster.clock.now(), ip);
    let known = state.registry.known(ip);
    let Some(client) = known else {
        return Err(AdminRejection::conflict(
            "too many clients are known: this one would share its reputation with others",
        ));
    };
    let now = cluster.clock.now();
    state.provider(site).apply(now, &PolicyChange::Reputation(client, score));
    Ok(Json(ReputationScore { score: state.provider(site).reputation(now, client) }))
}

pub(super) async fn release_holds(
    State(cluster): State<Arc<MxCluster>>,
    PathParams((name, ip)): PathParams<(String, String)>,
) -> JsonResult<Value> {
    let (site, _) = provider(&cluster, &name)?;
    let ip = address(&ip)?;
    let now = cluster.clock().now();
    let mut state = cluster.lock();
    let client = state.registry.known(ip).ok_or_else(|| unknown_client(ip))?;
    let released = state.provider(site).release_holds(now, client);
    Ok(Json(json!({ "released": released })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderRequest {
    provider: Option<String>,
    stage: Stage,
    reply: Option<String>,
    drop: Option<bool>,
    slow: Option<Span>,
    times: Option<usize>,
}

pub(super) async fn order(
    State(cluster): State<Arc<MxCluster>>,
    JsonBody(request): JsonBody<OrderRequest>,
) -> JsonResult<Value> {
    let site = request.provider.as_ref().map(|name| provider(&cluster, name)).transpose()?.map(|(site, _)| site);
    if request.stage < Stage::Mail {
        let error = format!("nothing can be ordered for {}: an order is for a message", request.stage);
        return Err(AdminRejection::bad(error).hint("`mail`, `rcpt`, `data` or `end-of-data`"));
    }
    let action = match (&request.reply, request.drop, request.slow) {
        (Some(text), None, None) => ForcedAction::Reply(reply(text)?),
        (None, Some(true), None) => ForcedAction::Drop,
        (None, None, Some(span)) if span <= DELAY_MAX => ForcedAction::Delay(span),
        (None, None, Some(span)) => return Err(AdminRejection::bad(format!("{span} is more than {DELAY_MAX}"))),
        _ => {
            let hint = r#"one of {"reply": "451 4.7.1 later"}, {"drop": true} and {"slow": "5s"}"#;
            return Err(AdminRejection::bad("it does not say what is to happen, or says it twice").hint(hint));
        }
    };
    let times = request.times.unwrap_or(1);
    let order = OutcomeOrder { site, outcome: ForcedOutcome { stage: request.stage, action } };
    let waiting = &mut cluster.lock().orders;
    if times == 0 || times > waiting.room() {
        let room = format!("there is room for {}", waiting.room());
        return Err(AdminRejection::conflict(format!("{times} orders cannot be taken")).hint(room));
    }
    waiting.add(order, times);
    Ok(Json(json!({ "waiting": waiting.len() })))
}

pub(super) async fn forget_orders(State(cluster): State<Arc<MxCluster>>) -> Json<Value> {
    let orders = std::mem::take(&mut cluster.lock().orders);
    Json(json!({ "forgotten": orders.len() }))
}

/// A refusal as people write it: `451 4.7.1 Try again later`.
fn reply(text: &str) -> Result<Reply, AdminRejection> {
    let wrong = |error: String| AdminRejection::bad(error).hint(r#"write it as in "451 4.7.1 Try again later""#);
    if text.len() > TEXT_MAX || !text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)) {
        return Err(wrong(format!("a reply has at most {TEXT_MAX} characters, all of them printable ASCII")));
    }
    if let Some(gap) = gaps(text).find(|gap| gap.parse::<Placeholder>().is_err()) {
        let known = Placeholder::NAMES.join(", ");
        return Err(AdminRejection::bad(format!("no reply has a placeholder `{{{gap}}}`")).hint(known));
    }
    let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
    let code =
        Code::refusal(code).ok_or_else(|| wrong(format!("`{text}` does not begin with a code from 400 to 599")))?;
    let (first, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let Ok(enhanced) = first.parse::<EnhancedCode>() else {
        return Ok(Reply { code, enhanced: None, text: rest.to_owned() });
    };
    if !enhanced.fits(code) {
        return Err(wrong(format!("{enhanced} is of another class than {code}")));
    }
    Ok(Reply { code, enhanced: Some(enhanced), text: text.to_owned() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComplaintRequest {
    provider: String,
    client: IpAddr,
    sender: String,
}

pub(super) async fn complain(
    State(cluster): State<Arc<MxCluster>>,
    JsonBody(complaint): JsonBody<ComplaintRequest>,
) -> JsonResult<ReputationScore> {
    let (site, _) = provider(&cluster, &complaint.provider)?;
    let ip = complaint.client;
    let client = cluster.lock().registry.known(ip).ok_or_else(|| unknown_client(ip))?;
    // An address stands for its domain.
    let domain = complaint.sender.rsplit('@').next().unwrap_or_default();
    if domain.len() > 255 {
        return Err(AdminRejection::bad("the sender's domain is longer than 255 characters"));
    }
    cluster.on_complaint(site, ip, domain);
    let now = cluster.clock.now();
    Ok(Json(ReputationScore { score: cluster.lock().provider(site).reputation(now, client) }))
}

pub(super) async fn reset(State(AdminState { cluster, dns, .. }): State<AdminState>) -> Json<Value> {
    cluster.reset();
    if let Some(dns) = dns {
        dns.set(Vec::new());
    }
    Json(json!({ "since_s": cluster.snapshot(0).since_s }))
}

fn rules_of(cluster: &MxCluster, site: ProviderId) -> Vec<RuleSnapshot> {
    cluster.snapshot(0).providers.swap_remove(site.index()).rules
}

fn provider<'a>(cluster: &'a MxCluster, name: &str) -> Result<(ProviderId, &'a Policy), AdminRejection> {
    let mut sites = (0..).map(ProviderId).zip(cluster.policies());
    let known = || cluster.policies().iter().map(|policy| policy.name.as_str());
    sites.find(|(_, policy)| policy.name == name).ok_or_else(|| AdminRejection::unknown("provider", name, known()))
}

fn address(text: &str) -> Result<IpAddr, AdminRejection> {
    text.parse()
        .map_err(|_| AdminRejection::bad(format!("`{text}` is no IP address")).hint("write it as in 127.0.0.1 or ::1"))
}

fn unknown_client(ip: IpAddr) -> AdminRejection {
    AdminRejection::not_found(format!("nobody has come from {ip} yet")).hint("GET /state lists who has")
}
