//! Every call over a real socket, with requests as they stand on the wire; and what makes no sense.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::live::clock::{Clock, Speed};
use crate::live::cluster::{MxCluster, MxClusterConfig};
use crate::live::dns::{DnsFaults, DnsServer, UnknownNames, Zone};
use crate::live::policy_session::{EnvelopeAddress, PolicySession};
use crate::live::rendered_verdict::RenderedVerdict;
use crate::provider::tests::policy;
use crate::provider::{
    Attribution, Check, Counted, Hold, HoldStep, Limit, LimitValue, Meter, Policy, ReputationOf, Rule, RuleAction,
    RuleKind, Scope, TierValue, Window,
};
use crate::smtp::{Code, Reply, Stage};
use crate::time::Span;
use crate::units::{HostId, ProviderId, ReplyId};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
const TO: EnvelopeAddress<'_> = EnvelopeAddress { local: "ann", domain: "test.example" };
const FROM: EnvelopeAddress<'_> = EnvelopeAddress { local: "news", domain: "sender.example" };

/// One message an hour and a hold at MAIL for more; and a check that never objects.
fn rules() -> Vec<Rule> {
    let value = LimitValue::by_tier(vec![TierValue::Exactly(1)]);
    let window = Window::Sliding { length: Span::HOUR };
    let (meter, scope, counted) = (Meter::Messages, Scope::ClientIp, Counted::Acceptances);
    let limit = Limit { meter, scope, window, counted, value, reputation_of: ReputationOf::ClientIp };
    let action = RuleAction::Reply { reply: ReplyId(1), close: false };
    let ladder = vec![HoldStep { span: Span::DAY, action }];
    let hourly = Rule {
        name: "hourly".to_owned(),
        at: Stage::Mail,
        kind: RuleKind::Limit(limit),
        action,
        hold: Some(Hold { ladder, after: 1, within: Span::HOUR, forget: Span::DAY, at: Stage::Mail, renewed: false }),
        enabled: true,
        attribution: Attribution::default(),
    };
    let listed =
        Rule { name: "block-list".to_owned(), kind: RuleKind::Check(Check::BlockList), hold: None, ..hourly.clone() };
    vec![hourly, listed]
}

struct AdminTest {
    cluster: Arc<MxCluster>,
    at: SocketAddr,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<io::Result<()>>,
}

/// A status and a body.
#[derive(Debug)]
struct ApiResponse(u16, String);

impl ApiResponse {
    fn json(&self) -> Value {
        serde_json::from_str(&self.1).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    fn is(&self, status: u16) -> Value {
        assert_eq!(self.0, status, "{}", self.1);
        self.json()
    }

    /// Refused with a reason and, where there is one, a hint.
    fn refused(&self, status: u16) -> String {
        let said = self.is(status);
        let hint = said["hint"].as_str().map_or_else(String::new, |hint| format!(" | {hint}"));
        format!("{}{hint}", said["error"].as_str().unwrap())
    }
}

impl AdminTest {
    async fn new() -> Self {
        let named = |name: &str| Policy { name: name.to_owned(), ..policy(rules()) };
        let config = MxClusterConfig::new(vec![named("charter"), named("yahoo")], 1);
        let cluster = MxCluster::new(config, Clock::start(Speed::REAL));
        Self::of(cluster, None, CancellationToken::new()).await
    }

    async fn of(cluster: Arc<MxCluster>, dns: Option<DnsFaults>, stop: CancellationToken) -> Self {
        Self::with_token(cluster, dns, None, stop).await
    }

    async fn with_token(
        cluster: Arc<MxCluster>,
        dns: Option<DnsFaults>,
        token: Option<AdminToken>,
        stop: CancellationToken,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let admin = AdminState { cluster: Arc::clone(&cluster), dns, token };
        let served = tokio::spawn(serve(admin, listener, stop.clone()));
        Self { cluster, at, stop, served }
    }

    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }

    async fn call(&self, line: &str, body: &str) -> ApiResponse {
        let length = body.len();
        let head =
            format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let reply = self.raw(format!("{head}{body}").as_bytes()).await;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        ApiResponse(status.unwrap_or_else(|| panic!("no status: {reply}")), body.to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        self.call(&format!("GET {path}"), "").await.is(200)
    }

    /// A client that has been greeted.
    fn session(&self) -> PolicySession {
        let client = self.cluster.on_connect(ProviderId(0), CLIENT).client;
        let mut session = PolicySession::new(Arc::clone(&self.cluster), (ProviderId(0), HostId(0)), CLIENT, client);
        assert!(accepted(&session.connect()) && accepted(&session.ehlo("client.example")));
        session
    }

    async fn end(self) {
        self.stop.cancel();
        self.served.await.unwrap().unwrap();
    }
}

fn ok() -> Reply {
    Reply { code: Code::literal(250), enhanced: None, text: "ok".to_owned() }
}

fn accepted(response: &RenderedVerdict) -> bool {
    matches!(response, RenderedVerdict::Accept { .. })
}

/// What a message meets first; `delivered` if nothing.
fn send(session: &mut PolicySession) -> String {
    for ask in [
        (|session| session.mail(FROM, 1_000)) as fn(&mut PolicySession) -> RenderedVerdict,
        |session| session.rcpt(TO),
        PolicySession::data,
        |session| session.end_of_data(1_000, ok),
    ] {
        match ask(session) {
            RenderedVerdict::Accept { delay } if delay.is_zero() => {}
            RenderedVerdict::Accept { delay } => return format!("after {delay}"),
            RenderedVerdict::Refuse { reply, .. } => return reply.to_string(),
            RenderedVerdict::Drop { .. } => return "dropped".to_owned(),
        }
    }
    "delivered".to_owned()
}

#[tokio::test]
async fn state_shows_what_a_client_met() {
    let api = AdminTest::new().await;
    let mut session = api.session();
    assert_eq!([send(&mut session), send(&mut session)], ["delivered", "450 no"]);
    let state = api.get("/state").await;
    let charter = &state["providers"][0];
    assert_eq!((&charter["name"], &charter["open_sessions"]), (&"charter".into(), &1.into()));
    assert_eq!((&charter["connections"], &charter["accepted"]), (&1.into(), &1.into()));
    let refused = serde_json::json!([
        { "stage": "mail", "rule": "hourly", "reply": "450 no", "outcome": "deferred", "count": 1 }
    ]);
    assert_eq!(charter["refused"], refused);
    let client = &state["clients"][0];
    assert_eq!((&client["ip"], &client["accepted"], &client["deferred"]), (&"127.0.0.9".into(), &1.into(), &0.into()));
    assert_eq!(client["turned_away"], 1, "a MAIL, and nobody knows for how many recipients");
    assert_eq!((&client["refused"][0]["provider"], &client["refused"][0]["count"]), (&"charter".into(), &1.into()));
    assert_eq!(client["standing"][0]["holds"][0]["rule"], "hourly");
    assert_eq!(client["standing"][1]["holds"], serde_json::json!([]));
    assert_eq!(api.get("/state?clients=0").await["clients"], serde_json::json!([]));
    let rules = api.get("/providers/charter/rules").await;
    assert_eq!(rules[0]["limits"], serde_json::json!([{ "tier": "all", "limit": 1 }]));
    assert_eq!((&rules[1]["limits"], &rules[1]["enabled"]), (&serde_json::json!([]), &true.into()));
    let calls = api.get("/").await;
    assert_eq!(calls["calls"].as_array().unwrap().len(), CALLS.len());
    api.end().await;
}

#[tokio::test]
async fn patch_changes_rules() {
    let api = AdminTest::new().await;
    let mut session = api.session();
    assert_eq!([send(&mut session), send(&mut session)], ["delivered", "450 no"]);
    let rule = "PATCH /providers/charter/rules/hourly";
    assert_eq!(api.call(rule, r#"{"enabled": false}"#).await.is(200)["enabled"], false);
    assert_eq!(send(&mut session), "delivered");
    let changed = api.call(rule, r#"{"enabled": true, "limit": 3}"#).await.is(200);
    assert_eq!((&changed["enabled"], &changed["limits"][0]["limit"]), (&true.into(), &3.into()));
    assert_eq!(send(&mut session), "450 no", "held as before");
    let released = api.call("DELETE /providers/charter/clients/127.0.0.9/holds", "").await.is(200);
    assert_eq!(released["released"], 1);
    assert_eq!(send(&mut session), "delivered");
    let changed = api.call(rule, r#"{"limit": {"tiers": {"all": "none"}}}"#).await.is(200);
    assert_eq!(changed["limits"][0]["limit"], Value::Null);
    let unchanged = api.call(rule, r#"{"limit": null, "enabled": true}"#).await.is(200);
    assert_eq!(unchanged, changed, "null is as good as nothing");
    let drawn = api.call(rule, r#"{"limit": {"unknown": [7, 7]}}"#).await.is(200);
    assert_eq!(drawn["limits"][0]["limit"], 7);
    api.end().await;
}

#[tokio::test]
async fn patch_rejects_changes_with_a_reason() {
    let api = AdminTest::new().await;
    let rule = "PATCH /providers/charter/rules/hourly";
    for (call, body, status, said) in [
        (rule, "", 400, "the body is not what is expected: EOF"),
        (rule, "[1, 2", 400, "the body is not what is expected"),
        (rule, "{}", 400, "this changes nothing | write"),
        (rule, r#"{"enabld": true}"#, 400, "did you mean `enabled`?"),
        (rule, r#"{"enabled": 1}"#, 400, "expected a boolean"),
        (rule, r#"{"limit": -1}"#, 400, "-1"),
        (rule, r#"{"limit": 1.5}"#, 400, ""),
        (rule, r#"{"limit": 18446744073709551615}"#, 400, ""),
        (rule, r#"{"limit": [null]}"#, 400, "not what is expected"),
        (rule, r#"{"limit": {"tiers": {"al": 1}}}"#, 400, "did you mean `all`?"),
        (rule, r#"{"limit": {"tiers": {"al": -1}}, "enabld": 1}"#, 400, "a limit cannot be negative (-1)"),
        (
            rule,
            r#"{"limit": {"tiers": {"al": 1}}, "enabld": 1}"#,
            400,
            "(did you mean `enabled`?); invalid type: integer `1`, expected a boolean; there is no tier `al` (did you mean `all`?)",
        ),
        ("PATCH /providers/charter/rules/block-list", r#"{"limit": 1}"#, 400, "has no limit | it can be switched"),
        ("PATCH /providers/charter/rules/hourley", r#"{"limit": 1}"#, 404, "did you mean `hourly`?"),
        ("PATCH /providers/charter/rules/x", r#"{"limit": 1}"#, 404, "there is `hourly`, `block-list`"),
        ("PATCH /providers/chartre/rules/hourly", r#"{"limit": 1}"#, 404, "did you mean `charter`?"),
        ("GET /providers/gmail/rules", "", 404, "no provider `gmail` | there is `charter`, `yahoo`"),
        ("GET /stat", "", 404, "there is no such path | GET /"),
        ("DELETE /state", "", 405, "not for this method | GET /"),
        ("GET /providers/%ff/rules", "", 400, "utf-8"),
        ("GET /state?clients=many", "", 400, "?clients=N"),
        ("PUT /providers/charter/clients/nobody/reputation", r#"{"score": 1}"#, 400, "`nobody` is no IP address"),
        ("PUT /providers/charter/clients/::1/reputation", r#"{"score": 1.5}"#, 400, "1.5 is not a share"),
        ("DELETE /providers/charter/clients/127.0.0.9/holds", "", 404, "nobody has come from 127.0.0.9 yet"),
    ] {
        let told = api.call(call, body).await.refused(status);
        assert!(told.contains(said), "{call} {body}: {told}");
    }
    let deep = format!(r#"{{"limit": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    api.call(rule, &deep).await.refused(400);
    api.call(rule, &" ".repeat(BODY_MAX + 1)).await.refused(413);
    assert_eq!(api.get("/providers/charter/rules").await[0]["limits"][0]["limit"], 1, "nothing has changed");
    api.end().await;
}

#[tokio::test]
async fn put_sets_reputations_and_post_files_complaints() {
    let api = AdminTest::new().await;
    let path = "PUT /providers/yahoo/clients/127.0.0.9/reputation";
    assert_eq!(api.call(path, r#"{"score": 0.2}"#).await.is(200)["score"], 0.2, "also of whoever has not come yet");
    let state = api.get("/state").await;
    let standing = &state["clients"][0]["standing"];
    assert_eq!((&standing[0]["reputation"], &standing[1]["reputation"]), (&1.0.into(), &0.2.into()));
    assert_eq!(state["clients"][0]["connections"], 0);
    let complaint = |provider: &str, client: &str| {
        format!(r#"{{"provider": "{provider}", "client": "{client}", "sender": "news@sender.example"}}"#)
    };
    let told = api.call("POST /complaints", &complaint("yahoo", "127.0.0.9")).await.is(200);
    assert_eq!(told["score"], 0.2, "this provider does not listen to complaints");
    let told = api.call("POST /complaints", &complaint("yahoo", "127.0.0.8")).await.refused(404);
    assert!(told.contains("nobody has come from 127.0.0.8 yet"), "{told}");
    api.call("POST /complaints", &complaint("yaho", "127.0.0.9")).await.refused(404);
    api.call("POST /complaints", &complaint("yahoo", "ann")).await.refused(400);
    api.end().await;
}

#[tokio::test]
async fn orders_decide_the_outcome_of_the_next_messages() {
    let api = AdminTest::new().await;
    api.call("PATCH /providers/charter/rules/hourly", r#"{"enabled": false}"#).await.is(200);
    let orders = [
        r#"{"stage": "rcpt", "reply": "451 4.7.1 later, {rcpt}", "times": 2}"#,
        r#"{"stage": "data", "drop": true, "provider": "charter"}"#,
        r#"{"stage": "end-of-data", "reply": "554 no"}"#,
        r#"{"stage": "mail", "slow": "5s"}"#,
        r#"{"stage": "mail", "reply": "550 5.7.1 not here", "provider": "yahoo"}"#,
    ];
    for (order, waiting) in orders.iter().zip([2, 3, 4, 5, 6]) {
        assert_eq!(api.call("POST /orders", order).await.is(200)["waiting"], waiting);
    }
    let mut session = api.session();
    let met: Vec<_> = (0..6).map(|_| send(&mut session)).collect();
    let later = "451 4.7.1 later, ann@test.example";
    assert_eq!(met, [later, later, "dropped", "554 no", "after 5s", "delivered"]);
    let state = api.get("/state").await;
    assert_eq!(state["orders"], 1, "the one for another provider");
    let outcomes: Vec<_> = state["providers"][0]["refused"].as_array().unwrap().iter().collect();
    let outcomes: Vec<_> = outcomes.iter().map(|cause| (&cause["outcome"], &cause["reply"], &cause["count"])).collect();
    let template = "451 4.7.1 later, {rcpt}";
    assert!(outcomes.contains(&(&"deferred".into(), &template.into(), &2.into())), "{outcomes:?}");
    assert!(outcomes.contains(&(&"dropped".into(), &Value::Null, &1.into())), "{outcomes:?}");
    assert!(outcomes.contains(&(&"rejected".into(), &"554 no".into(), &1.into())), "{outcomes:?}");
    assert_eq!(api.call("DELETE /orders", "").await.is(200)["forgotten"], 1);
    api.end().await;
}

#[tokio::test]
async fn orders_are_rejected_with_a_reason() {
    let api = AdminTest::new().await;
    for (body, status, said) in [
        (r#"{"reply": "451 x"}"#, 400, "missing field `stage`"),
        (r#"{"stage": "rctp", "drop": true}"#, 400, "did you mean `rcpt`?"),
        (r#"{"stage": "connect", "drop": true}"#, 400, "an order is for a message"),
        (r#"{"stage": "rcpt"}"#, 400, "does not say what is to happen"),
        (r#"{"stage": "rcpt", "drop": true, "slow": "1s"}"#, 400, "or says it twice"),
        (r#"{"stage": "rcpt", "drop": false}"#, 400, "does not say"),
        (r#"{"stage": "rcpt", "reply": "250 fine"}"#, 400, "a code from 400 to 599"),
        (r#"{"stage": "rcpt", "reply": ""}"#, 400, "a code from 400 to 599"),
        (r#"{"stage": "rcpt", "reply": "451 5.1.1 x"}"#, 400, "5.1.1 is of another class than 451"),
        (r#"{"stage": "rcpt", "reply": "451 a\r\n250 b"}"#, 400, "printable ASCII"),
        (r#"{"stage": "rcpt", "reply": "451 grüße"}"#, 400, "printable ASCII"),
        (r#"{"stage": "rcpt", "slow": "5"}"#, 400, "5"),
        (r#"{"stage": "rcpt", "slow": "2h"}"#, 400, "is more than"),
        (r#"{"stage": "rcpt", "drop": true, "times": 0}"#, 409, "there is room for 10000"),
        (r#"{"stage": "rcpt", "drop": true, "times": 10001}"#, 409, "there is room for 10000"),
        (r#"{"stage": "rcpt", "drop": true, "times": -1}"#, 400, "-1"),
        (r#"{"stage": "rcpt", "drop": true, "provider": "yahooo"}"#, 404, "did you mean `yahoo`?"),
    ] {
        let told = api.call("POST /orders", body).await.refused(status);
        assert!(told.contains(said), "{body}: {told}");
    }
    assert_eq!(api.get("/state").await["orders"], 0);
    let all = api.call("POST /orders", r#"{"stage": "rcpt", "drop": true, "times": 10000}"#).await;
    assert_eq!(all.is(200)["waiting"], 10_000);
    api.end().await;
}

/// What a DNS server says to a question for an address, as its code; `None` if it hangs up instead.
async fn code_of(server: SocketAddr, name: &str) -> Option<u8> {
    let mut query = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_u16(u16::try_from(query.len()).unwrap()).await.unwrap();
    stream.write_all(&query).await.unwrap();
    let mut reply = vec![0; usize::from(stream.read_u16().await.ok()?)];
    stream.read_exact(&mut reply).await.unwrap();
    Some(reply[3] & 0x0f)
}

const FINE: Option<u8> = Some(0);
const SERVFAIL: Option<u8> = Some(2);
const NXDOMAIN: Option<u8> = Some(3);

#[tokio::test]
async fn dns_faults_are_injected_and_ended() {
    let AdminTest { cluster, .. } = AdminTest::new().await;
    let stop = CancellationToken::new();
    let mut zone = Zone::new(Ipv4Addr::LOCALHOST.into(), UnknownNames::NoSuchName);
    zone.provider(&policy(Vec::new()), |_| vec![CLIENT]).unwrap();
    let server = DnsServer::start((Ipv4Addr::LOCALHOST, 0).into(), zone, &stop).await.unwrap();
    let (names, api) = (server.address(), AdminTest::of(cluster, Some(server.faults()), stop).await);
    let (host, domain) = ("mx.test.example", "test.example");
    assert_eq!((code_of(names, host).await, code_of(names, domain).await), (FINE, FINE));
    for (trouble, of_host, of_domain) in [
        (r#"{"name": "mx.test.example", "trouble": "servfail"}"#, SERVFAIL, FINE),
        (r#"{"name": "Test.Example", "trouble": "nxdomain"}"#, NXDOMAIN, NXDOMAIN),
        (r#"{"name": "mx.test.example", "trouble": "silence"}"#, None, FINE),
        (r#"{"trouble": "servfail"}"#, SERVFAIL, SERVFAIL),
        (r#"{"trouble": "servfail", "share": 0}"#, FINE, FINE),
        (r#"{"trouble": {"slow": "1ms"}}, {"name": "test.example", "trouble": "nxdomain"}"#, NXDOMAIN, NXDOMAIN),
    ] {
        let listed = api.call("PUT /dns/faults", &format!("[{trouble}]")).await.is(200);
        assert_eq!(api.get("/dns/faults").await, listed);
        assert_eq!((code_of(names, host).await, code_of(names, domain).await), (of_host, of_domain), "{trouble}");
    }
    let both = serde_json::json!([
        { "name": null, "trouble": { "slow": "1ms" }, "share": 1.0 },
        { "name": "test.example", "trouble": "nxdomain", "share": 1.0 }
    ]);
    assert_eq!(api.get("/dns/faults").await, both);
    for end in ["DELETE /dns/faults", "POST /reset"] {
        api.call("PUT /dns/faults", r#"[{"trouble": "silence"}]"#).await.is(200);
        assert_eq!(code_of(names, host).await, None);
        api.call(end, "").await.is(200);
        assert_eq!((code_of(names, host).await, api.get("/dns/faults").await), (FINE, serde_json::json!([])), "{end}");
    }
    api.end().await;
    server.stop().await;
}

#[tokio::test]
async fn dns_faults_are_rejected_with_a_reason() {
    let without = AdminTest::new().await;
    let told = without.call("PUT /dns/faults", "[]").await.refused(409);
    assert!(told.contains("there is no DNS server here | start it with `mxlab serve --dns"), "{told}");
    let stop = CancellationToken::new();
    let zone = Zone::new(Ipv4Addr::LOCALHOST.into(), UnknownNames::NoSuchName);
    let server = DnsServer::start((Ipv4Addr::LOCALHOST, 0).into(), zone, &stop).await.unwrap();
    let api = AdminTest::of(Arc::clone(&without.cluster), Some(server.faults()), stop).await;
    let long = format!(r#"[{{"name": "{}", "trouble": "silence"}}]"#, "x".repeat(256));
    let many = format!("[{}]", vec![r#"{"trouble":"silence"}"#; 1_001].join(","));
    for (body, said) in [
        ("{}", "the body is not what is expected"),
        (r#"[{"name": "a.example"}]"#, "missing field `trouble`"),
        (r#"[{"trouble": "servfial"}]"#, "did you mean `servfail`?"),
        (r#"[{"trouble": "silence", "shar": 1}]"#, "did you mean `share`?"),
        (r#"[{"trouble": "silence", "share": 2}]"#, "2 is not a share"),
        (r#"[{"trouble": {"slow": "5"}}]"#, "5"),
        (r#"[{"trouble": {"slow": "2h"}}]"#, "2h is more than 1h"),
        (r#"[{"name": "", "trouble": "silence"}]"#, "`` is no name of DNS | write it as in"),
        (long.as_str(), "is no name of DNS"),
        (many.as_str(), "1001 faults are more than 1000"),
    ] {
        let told = api.call("PUT /dns/faults", body).await.refused(400);
        assert!(told.contains(said), "{body}: {told}");
    }
    assert_eq!(api.get("/dns/faults").await, serde_json::json!([]), "nothing has changed");
    api.end().await;
    server.stop().await;
}

#[tokio::test]
async fn reset_keeps_the_time_and_open_sessions() {
    let api = AdminTest::new().await;
    let mut session = api.session();
    assert_eq!([send(&mut session), send(&mut session)], ["delivered", "450 no"]);
    api.call("PATCH /providers/charter/rules/hourly", r#"{"enabled": false}"#).await.is(200);
    assert!(accepted(&session.mail(FROM, 1)) && accepted(&session.rcpt(TO)), "in the middle of a message");
    api.call("POST /orders", r#"{"stage": "rcpt", "drop": true}"#).await.is(200);
    let since = api.call("POST /reset", "").await.is(200)["since_s"].as_f64();
    assert!(since.is_some_and(|since| since > 0.0));
    let state = api.get("/state").await;
    let charter = &state["providers"][0];
    assert_eq!(
        (&charter["open_sessions"], &charter["connections"], &charter["accepted"]),
        (&1.into(), &0.into(), &0.into())
    );
    assert_eq!((&charter["refused"], &state["orders"]), (&serde_json::json!([]), &0.into()));
    assert_eq!((&charter["rules"][0]["refused"], &charter["rules"][0]["enabled"]), (&0.into(), &true.into()));
    assert!(state["since_s"].as_f64() == since && state["now_s"].as_f64() >= since);
    assert!(accepted(&session.data()) && accepted(&session.end_of_data(1, ok)));
    assert_eq!(
        [send(&mut session), send(&mut session)],
        ["delivered", "450 no"],
        "the session goes on, and counts anew"
    );
    let trial = api.cluster.record("live", 1).unwrap().trial;
    assert_eq!(trial.cells[0].totals.delivered, 2, "what came before is forgotten");
    drop(session);
    assert_eq!(api.get("/state").await["providers"][0]["open_sessions"], 0);
    api.end().await;
}

#[tokio::test]
async fn metrics_are_openmetrics_in_a_fixed_order() {
    let api = AdminTest::new().await;
    let mut session = api.session();
    assert_eq!([send(&mut session), send(&mut session)], ["delivered", "450 no"]);
    let ApiResponse(status, first) = api.call("GET /metrics", "").await;
    assert_eq!((status, first.clone()), (200, api.call("GET /metrics", "").await.1));
    for line in [
        "# TYPE mxlab_connections counter",
        r#"mxlab_connections_total{provider="charter"} 1"#,
        r#"mxlab_connections_total{provider="yahoo"} 0"#,
        r#"mxlab_accepted_total{provider="charter"} 1"#,
        r#"mxlab_refused_total{provider="charter",stage="mail",rule="hourly",outcome="deferred"} 1"#,
        r#"mxlab_holds_total{provider="charter",rule="hourly"} 1"#,
        r#"mxlab_open_sessions{provider="charter"} 1"#,
        r#"mxlab_reputation{provider="charter",client="127.0.0.9"} 1.0"#,
        r#"mxlab_held_by_rules{provider="charter",client="127.0.0.9"} 1.0"#,
        "# EOF",
    ] {
        assert!(first.lines().any(|known| known == line), "{line} in\n{first}");
    }
    api.end().await;
}

#[tokio::test]
async fn requests_of_web_pages_and_other_protocols_are_rejected() {
    let api = AdminTest::new().await;
    let rest = "Connection: close\r\nContent-Length: 0\r\n\r\n";
    for strange in [
        "POST /reset HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.org",
        "GET /state HTTP/1.1\r\nHost: localhost\r\nOrigin: null",
        "GET /state HTTP/1.1\r\nHost: rebind.example:8025",
        "GET http://rebind.example/state HTTP/1.1\r\nHost: localhost",
    ] {
        let reply = api.raw(format!("{strange}\r\n{rest}").as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 403"), "{strange}: {reply}");
    }
    let reply = api.raw(b"EHLO client.example\r\n\r\n").await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");
    api.get("/").await;
    api.end().await;
}

#[tokio::test]
async fn a_token_is_asked_for_with_every_call() {
    let (cluster, token) = (AdminTest::new().await.cluster, "0123456789abcdef".parse().unwrap());
    let api = AdminTest::with_token(cluster, None, Some(token), CancellationToken::new()).await;
    let refused = api.raw(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("www-authenticate: Bearer"), "{refused}");
    let shown = "Host: lab.example\r\nAuthorization: Bearer 0123456789abcdef\r\nConnection: close\r\n\r\n";
    let reply = api.raw(format!("GET /metrics HTTP/1.1\r\n{shown}").as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    api.end().await;
}

#[tokio::test]
async fn half_sent_requests_keep_no_other_waiting() {
    let api = AdminTest::new().await;
    let mut half = Vec::new();
    for _ in 0..3 * listener::CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(api.at).await.unwrap();
        stream.write_all(b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{").await.unwrap();
        half.push(stream);
    }
    tokio::time::timeout(std::time::Duration::from_secs(2), api.get("/")).await.expect("at once");
    let mut oldest = half.remove(0);
    let end = tokio::time::timeout(listener::REQUEST_TIMEOUT, oldest.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "its place has gone to another");
    drop(half);
    api.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_request_body_is_answered_without_a_panic(body in "\\PC{0,80}", call in 0_usize..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = [
            "PATCH /providers/charter/rules/hourly",
            "PUT /providers/charter/clients/127.0.0.9/reputation",
            "POST /orders",
            "POST /complaints",
        ][call];
        let ApiResponse(status, said) = runtime.block_on(async { AdminTest::new().await.call(call, &body).await });
        prop_assert_eq!(status, 400, "{}: {}", body, said);
    }
}
