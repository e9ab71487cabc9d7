//! A session stage by stage, without a wire: what replies say, and to whom.

use super::super::clock::{Clock, Speed};
use super::super::cluster::MxClusterConfig;
use super::*;
use crate::diagnostic::Document;
use crate::provider::{Attribution, Check, Rule, RuleKind, profile};
use crate::smtp::Code;
use crate::units::{HostId, ReplyId};

const SITE: ProviderId = ProviderId(0);
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const NULL: EnvelopeAddress<'_> = EnvelopeAddress { local: "", domain: "" };
const NEWS: EnvelopeAddress<'_> = EnvelopeAddress { local: "news", domain: "sender.example" };
const ANN: EnvelopeAddress<'_> = EnvelopeAddress { local: "ann", domain: "charter.net" };

fn built_in(name: &str) -> Policy {
    profile::parse(&profile::built_in(name).unwrap()).unwrap()
}

fn session(policy: Policy) -> PolicySession {
    let cluster = MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL));
    let client = cluster.on_connect(SITE, HERE).client;
    PolicySession::new(cluster, (SITE, HostId(0)), HERE, client)
}

fn ok() -> Reply {
    Reply { code: Code::literal(250), enhanced: None, text: "ok".to_owned() }
}

/// The first refusal that a session with one message meets.
fn first_refusal(policy: Policy, from: EnvelopeAddress<'_>, to: EnvelopeAddress<'_>) -> Option<Reply> {
    let mut session = session(policy);
    let stages: [&dyn Fn(&mut PolicySession) -> RenderedVerdict; 6] = [
        &PolicySession::connect,
        &|session| session.ehlo("client.example"),
        &|session| session.mail(from, 1_000),
        &|session| session.rcpt(to),
        &PolicySession::data,
        &|session| session.end_of_data(1_000, ok),
    ];
    stages.into_iter().find_map(|stage| match stage(&mut session) {
        RenderedVerdict::Refuse { reply, .. } => Some(reply),
        RenderedVerdict::Accept { .. } | RenderedVerdict::Drop { .. } => None,
    })
}

#[test]
fn no_placeholder_of_any_profile_reaches_the_wire() {
    for policy in profile::NAMES.iter().map(|name| built_in(name)) {
        for (place, reply) in policy.replies.iter().enumerate() {
            for at in Stage::ALL {
                let always = Rule {
                    name: "always".to_owned(),
                    at,
                    kind: RuleKind::Check(Check::Always),
                    action: RuleAction::Reply { reply: ReplyId::from_index(place), close: false },
                    hold: None,
                    enabled: true,
                    attribution: Attribution::default(),
                };
                let policy = Policy { rules: vec![always], ..policy.clone() };
                for from in [NEWS, NULL] {
                    let said = first_refusal(policy.clone(), from, ANN).expect("it is refused");
                    assert_eq!(said.code, reply.code);
                    assert!(!said.text.contains(['{', '}']), "{} at {at}: {said}", policy.name);
                }
            }
        }
    }
}

#[test]
fn placeholders_say_who_sends_what_to_whom() {
    let text = "{ip} {range} {host} {helo} {mx} {sender} {sender_domain} {from_domain} {rcpt} {rcpt_domain} {id} {url}";
    let said = |from, to| {
        let mut policy = built_in("charter");
        policy.rules.retain(|rule| rule.name == "relaying");
        for reply in &mut policy.replies {
            reply.text = text.to_owned();
        }
        first_refusal(policy, from, to).expect("a foreign recipient").text
    };
    let foreign = EnvelopeAddress { local: "x", domain: "yahoo.com" };
    let same = |who: &str| {
        format!(
            "127.0.0.1 127.0.0.0/24 unknown client.example pkvw-mx.msg.pkvw.co.charter.net {who} x@yahoo.com yahoo.com \
             000000000001 https://postmaster.charter.net/"
        )
    };
    assert_eq!(said(NEWS, foreign), same("news@sender.example sender.example sender.example"));
    assert_eq!(said(NULL, foreign), same(" client.example client.example"), "who bounces is who calls");
}

#[test]
fn what_is_not_the_providers_is_refused_as_relaying_whatever_its_mailbox() {
    let relaying = |name: &str, local, domain| {
        let said = first_refusal(built_in(name), NEWS, EnvelopeAddress { local, domain });
        said.map(|reply| reply.to_string())
    };
    for local in ["x", "unknown.x", "full.x", "postmaster"] {
        let said = relaying("charter", local, "yahoo.com");
        assert_eq!(said.as_deref(), Some("550 5.7.1 Relaying mail to yahoo.com is not allowed"), "{local}");
    }
    assert_eq!(relaying("yahoo", "x", "rr.com").as_deref(), Some("550 relaying denied for <x@rr.com>"));
    for name in ["microsoft", "gmail"] {
        assert_eq!(relaying(name, "x", "rr.com").as_deref(), Some("550 5.7.1 <x@rr.com>: Relaying denied"), "{name}");
    }
    assert_eq!(
        relaying("charter", "451.x", "yahoo.com").as_deref(),
        Some("451 as you asked"),
        "what was asked for wins"
    );
    assert_eq!(relaying("charter", "x", "Charter.NET"), None);
    assert_eq!(relaying("charter", "postmaster", ""), None);
    assert_eq!(relaying("open", "x", "yahoo.com"), None);
    assert_eq!(
        relaying("open", "unknown.x", "yahoo.com").as_deref(),
        Some("550 5.1.1 <unknown.x@yahoo.com> User unknown")
    );
}

#[test]
fn a_gateway_takes_what_its_patterns_say() {
    let gateway = |domains: &str| {
        let text = profile::built_in("charter").unwrap().text.replacen(
            "domains = [\"charter.net\", \"twc.com\", \"rr.com\", \"brighthouse.com\"]",
            &format!("domains = {domains}"),
            1,
        );
        profile::parse(&Document::new("gateway.toml", text)).unwrap()
    };
    let takes = |domains: &str, domain| {
        let to = EnvelopeAddress { local: "x", domain };
        first_refusal(gateway(domains), NEWS, to).is_none()
    };
    assert!(takes("\"*\"", "yahoo.com") && takes("[\"*\"]", "yahoo.com"));
    assert!(takes("\"*.example\"", "customer.example") && !takes("\"*.example\"", "yahoo.com"));
    assert!(!takes("\"rr.com\"", "charter.net") && takes("\"rr.com\"", "rr.com"));
}

/// A client that is refused at EHLO says it again: one connection, refused once, and no recipient was named.
#[test]
fn a_connection_is_refused_once_however_often_it_says_ehlo() {
    let mut policy = built_in("open");
    policy.rules[0] = Rule { at: Stage::Ehlo, kind: RuleKind::Check(Check::Always), ..policy.rules[0].clone() };
    let cluster = MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL));
    let client = cluster.on_connect(SITE, HERE).client;
    let mut session = PolicySession::new(Arc::clone(&cluster), (SITE, HostId(0)), HERE, client);
    session.connect();
    for _ in 0..3 {
        assert!(!session.ehlo("client.example").is_accepted());
    }
    let trial = cluster.record("clients", 1).unwrap().trial;
    let cell = &trial.cells[0];
    assert_eq!((cell.totals.connections, cell.totals.connections_refused), (1, 1));
    assert_eq!((cell.totals.connections_without_recipient, cell.totals.attempts, cell.totals.injected), (1, 0, 0));
    assert_eq!(cell.replies[0].count, 3);
}
