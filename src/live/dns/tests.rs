//! Asked as a resolver asks, over both protocols, and with garbage.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use proptest::prelude::*;
use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::answer::{DnsTransport, answer};
use super::fault::QueryEffect;
use super::zone::reverse;
use super::*;
use crate::provider::ServedDomains;
use crate::provider::tests::policy;
use crate::units::Fraction;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn zone(unknown_names: UnknownNames) -> Zone {
    let mut zone = Zone::new(HERE, unknown_names);
    let mut provider = policy(Vec::new());
    provider.domains = ServedDomains::new(["Charter.net", "rr.com"]);
    provider.mx = vec!["mx1.charter.net".to_owned(), "mx2.am0.mail.example".to_owned()];
    let addresses = |host: &str| match host {
        "mx1.charter.net" => vec![[127, 0, 1, 1].into(), "::1".parse().unwrap()],
        _ => vec![[127, 0, 1, 2].into()],
    };
    zone.provider(&provider, addresses).unwrap();
    zone.source([127, 0, 0, 5].into(), "out5.sender.example").unwrap();
    zone.sender("sender.example", &[[127, 0, 0, 5].into()]).unwrap();
    zone.add("long.example", DnsRecord::Txt("x".repeat(3_000))).unwrap();
    zone
}

fn question(name: &str, kind: QTYPE) -> Packet<'_> {
    let mut packet = Packet::new_query(7);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name).unwrap(), kind, CLASS::IN.into(), false));
    packet
}

fn bytes(name: &str, kind: TYPE) -> Vec<u8> {
    question(name, kind.into()).build_bytes_vec().unwrap()
}

/// The answer without faults.
fn ask_bytes(zone: &Zone, query: &[u8], transport: DnsTransport) -> Option<Vec<u8>> {
    answer(query, transport, zone, |_| QueryEffect::default()).map(|response| response.bytes)
}

fn word(data: &RData<'_>) -> String {
    match data {
        RData::MX(mx) => format!("MX {} {}", mx.preference, mx.exchange),
        RData::A(a) => format!("A {}", Ipv4Addr::from(a.address)),
        RData::AAAA(a) => format!("AAAA {}", std::net::Ipv6Addr::from(a.address)),
        RData::PTR(name) => format!("PTR {}", name.0),
        RData::NS(name) => format!("NS {}", name.0),
        RData::TXT(text) => format!("TXT {}", String::try_from(text.clone()).unwrap()),
        RData::SOA(soa) => format!("SOA {} {}", soa.mname, soa.rname),
        other => format!("{other:?}"),
    }
}

/// Code, then answers, authority and additional records.
fn told(reply: &[u8]) -> String {
    let packet = Packet::parse(reply).unwrap();
    let section = |records: &[simple_dns::ResourceRecord<'_>]| {
        records.iter().map(|r| format!("{} {}", r.name, word(&r.rdata))).collect::<Vec<_>>().join("; ")
    };
    let Packet { answers, name_servers, additional_records, .. } = &packet;
    let cut = if packet.has_flags(PacketFlag::TRUNCATION) { " cut" } else { "" };
    let (answers, authority, more) = (section(answers), section(name_servers), section(additional_records));
    format!("{:?}{cut} | {answers} | {authority} | {more}", packet.rcode())
}

fn ask(name: &str, kind: TYPE) -> String {
    told(&ask_bytes(&zone(UnknownNames::NoSuchName), &bytes(name, kind), DnsTransport::Udp).unwrap())
}

#[test]
fn mx_address_ptr_and_spf_records_are_answered() {
    assert_eq!(
        ask("charter.net", TYPE::MX),
        "NoError | charter.net MX 10 mx1.charter.net; charter.net MX 20 mx2.am0.mail.example |  \
         | mx1.charter.net A 127.0.1.1; mx1.charter.net AAAA ::1; mx2.am0.mail.example A 127.0.1.2"
    );
    assert_eq!(ask("mx1.charter.net", TYPE::A), "NoError | mx1.charter.net A 127.0.1.1 |  | ");
    assert_eq!(ask("mx2.am0.mail.example", TYPE::A), "NoError | mx2.am0.mail.example A 127.0.1.2 |  | ");
    assert_eq!(
        ask("5.0.0.127.in-addr.arpa", TYPE::PTR),
        "NoError | 5.0.0.127.in-addr.arpa PTR out5.sender.example |  | "
    );
    assert_eq!(ask("out5.sender.example", TYPE::A), "NoError | out5.sender.example A 127.0.0.5 |  | ");
    assert_eq!(ask("sender.example", TYPE::TXT), "NoError | sender.example TXT v=spf1 ip4:127.0.0.5 -all |  | ");
    assert_eq!(ask("rr.com", TYPE::NS), "NoError | rr.com NS ns.rr.com |  | ");
    assert_eq!(ask("ns.rr.com", TYPE::A), "NoError | ns.rr.com A 127.0.0.1 |  | ");
    assert_eq!(ask("rr.com", TYPE::SOA), "NoError | rr.com SOA ns.rr.com hostmaster.rr.com |  | ");
}

#[test]
fn missing_names_are_nxdomain_and_missing_types_nodata() {
    let soa = "charter.net SOA ns.charter.net hostmaster.charter.net";
    assert_eq!(ask("nobody.charter.net", TYPE::A), format!("NameError |  | {soa} | "));
    assert_eq!(ask("charter.net", TYPE::A), format!("NoError |  | {soa} | "));
    // A name that has nothing but names below it exists (RFC 8020).
    assert!(ask("mail.example", TYPE::A).starts_with("NoError |  |"));
    assert_eq!(ask("elsewhere.org", TYPE::MX), "NameError |  |  SOA ns hostmaster | ");
    assert!(ask("9.9.9.10.in-addr.arpa", TYPE::PTR).starts_with("NameError |  | in-addr.arpa SOA"));
    let strict = zone(UnknownNames::Refused);
    for (name, code) in [("elsewhere.org", "Refused"), ("9.9.9.10.in-addr.arpa", "NameError"), ("net", "Refused")] {
        let reply = ask_bytes(&strict, &bytes(name, TYPE::A), DnsTransport::Udp).unwrap();
        assert_eq!(told(&reply).split(' ').next(), Some(code), "{name}");
    }
}

#[test]
fn the_question_is_echoed_in_its_spelling() {
    assert!(ask("cHaRtEr.NeT", TYPE::MX).starts_with("NoError | cHaRtEr.NeT MX 10"));
    let reply = ask_bytes(&zone(UnknownNames::NoSuchName), &bytes("RR.com", TYPE::MX), DnsTransport::Udp).unwrap();
    let packet = Packet::parse(&reply).unwrap();
    assert_eq!(packet.questions[0].qname.to_string(), "RR.com");
    assert_eq!(packet.id(), 7);
    assert!(packet.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE));
}

#[test]
fn unknown_record_types_are_nodata() {
    // TLSA, as an MTA asks to find DANE.
    let mut query = bytes("mx1.charter.net", TYPE::A);
    let place = query.len() - 4;
    query[place..place + 2].copy_from_slice(&52_u16.to_be_bytes());
    let reply = ask_bytes(&zone(UnknownNames::NoSuchName), &query, DnsTransport::Udp).unwrap();
    assert_eq!(reply[3] & 15, 0, "no error");
    assert_eq!(reply[6..8], [0, 0], "no answers");
    assert_eq!(reply[12..place + 4], query[12..], "the question as it was");
}

#[test]
fn long_answers_are_truncated_over_udp_and_whole_over_tcp() {
    let zone = zone(UnknownNames::NoSuchName);
    let plain = bytes("long.example", TYPE::TXT);
    assert_eq!(told(&ask_bytes(&zone, &plain, DnsTransport::Udp).unwrap()), "NoError cut |  |  | ");
    assert!(told(&ask_bytes(&zone, &plain, DnsTransport::Tcp).unwrap()).contains(&"x".repeat(3_000)));
    for (room, cut) in [(100, true), (2_000, true), (3_500, false), (u16::MAX, false)] {
        let mut query = question("long.example", TYPE::TXT.into());
        *query.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: room, version: 0 });
        let reply = ask_bytes(&zone, &query.build_bytes_vec().unwrap(), DnsTransport::Udp).unwrap();
        assert!(reply.len() <= usize::from(room.max(512)));
        let packet = Packet::parse(&reply).unwrap();
        assert_eq!(packet.has_flags(PacketFlag::TRUNCATION), cut, "room for {room}");
        assert!(packet.opt().is_some(), "EDNS0 is answered in kind");
    }
}

/// A query with an OPT record: version and flags as they stand on the wire (RFC 6891 section 6.1.3).
fn with_edns(version: u8, flags: u16) -> Vec<u8> {
    let mut query = bytes("charter.net", TYPE::MX);
    query[11] = 1;
    let [high, low] = flags.to_be_bytes();
    query.extend([0, 0, 41, 0x04, 0xd0, 0, version, high, low, 0, 0]);
    query
}

#[test]
fn queries_with_the_dnssec_do_bit_are_answered() {
    let zone = zone(UnknownNames::NoSuchName);
    // The DO bit, as Postfix sets it to look for DANE.
    let reply = ask_bytes(&zone, &with_edns(0, 0x8000), DnsTransport::Udp).unwrap();
    assert_eq!(reply, ask_bytes(&zone, &with_edns(0, 0), DnsTransport::Udp).unwrap());
    assert_eq!((reply[3] & 15, reply[7]), (0, 2), "two MX records");
}

#[test]
fn later_edns_versions_are_badvers() {
    let query = with_edns(1, 0);
    let reply = ask_bytes(&zone(UnknownNames::NoSuchName), &query, DnsTransport::Udp).unwrap();
    assert_eq!((reply[3] & 15, &reply[4..12]), (0, &[0, 1, 0, 0, 0, 0, 0, 1][..]), "a question and an OPT record");
    // BADVERS is 16, its higher bits here; version 0.
    assert_eq!(reply[reply.len() - 11..], [0, 0, 41, 0x10, 0, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn malformed_and_unsupported_queries_get_their_rcode() {
    let zone = zone(UnknownNames::NoSuchName);
    let code = |query: &[u8]| ask_bytes(&zone, query, DnsTransport::Tcp).map(|reply| reply[3] & 15);
    let query = bytes("charter.net", TYPE::MX);
    let with = |at: usize, byte: u8| {
        let mut query = query.clone();
        query[at] = byte;
        query
    };
    assert_eq!(code(&query[..11]), None, "no header");
    assert_eq!(code(&with(2, 0x80)), None, "an answer is not answered");
    assert_eq!(code(&with(2, 0x28)), Some(4), "an update");
    assert_eq!(code(&with(5, 2)), Some(1), "two questions");
    assert_eq!(code(&with(5, 0)), Some(1), "no question");
    assert_eq!(code(&with(12, 0xc0)), Some(1), "a pointer for a question");
    assert_eq!(code(&query[..query.len() - 1]), Some(1), "cut off");
    assert_eq!(code(&with(3, 0x40)), Some(0), "a reserved bit");
    assert_eq!(code(&question("charter.net", QTYPE::AXFR).build_bytes_vec().unwrap()), Some(5));
    let mut chaos = question("charter.net", TYPE::TXT.into());
    chaos.questions[0].qclass = CLASS::CH.into();
    assert_eq!(code(&chaos.build_bytes_vec().unwrap()), Some(5));
    let all =
        ask_bytes(&zone, &question("charter.net", QTYPE::ANY).build_bytes_vec().unwrap(), DnsTransport::Tcp).unwrap();
    assert_eq!(Packet::parse(&all).unwrap().answers.len(), 4, "two MX, NS and SOA");
}

#[test]
fn invalid_names_are_refused() {
    let mut zone = Zone::new(HERE, UnknownNames::NoSuchName);
    let long = ["a"; 130].join(".");
    for wrong in ["", ".", "a..b", "a b", "grüße.example", "a\\.b", &"x".repeat(64), &long] {
        assert_eq!(zone.sender(wrong, &[]), Err(InvalidDnsName(wrong.to_owned())), "{wrong}");
        assert!(zone.add("a.example", DnsRecord::Mx(1, wrong.to_owned())).is_err(), "{wrong}");
    }
    zone.sender("_x-1.example.", &[]).unwrap();
}

#[test]
fn addresses_have_reverse_names() {
    assert_eq!(reverse([127, 0, 0, 5].into()), "5.0.0.127.in-addr.arpa");
    let six = reverse("2001:db8::1".parse().unwrap());
    assert!(six.starts_with("1.0.0.0.") && six.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"), "{six}");
    assert_eq!(six.len(), 72);
}

proptest! {
    #[test]
    fn garbage_queries_do_not_panic(query in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = ask_bytes(&zone(UnknownNames::NoSuchName), &query, DnsTransport::Udp);
    }

    #[test]
    fn broken_queries_do_not_panic_and_get_parsable_answers(
        broken in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        tail in proptest::collection::vec(any::<u8>(), 0..60),
        more in 0_u8..4,
    ) {
        let mut query = [bytes("charter.net", TYPE::MX), tail].concat();
        query[11] = more;
        for (at, byte) in broken {
            let at = at.index(query.len());
            query[at] = byte;
        }
        if let Some(reply) = ask_bytes(&zone(UnknownNames::NoSuchName), &query, DnsTransport::Udp) {
            prop_assert_eq!(&reply[..2], &query[..2]);
            prop_assert!(reply.len() <= 4_096);
        }
    }
}

async fn over_udp(server: SocketAddr, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
    socket.send_to(query, server).await.unwrap();
    let mut reply = vec![0; 4_096];
    let length = socket.recv(&mut reply).await.unwrap();
    reply.truncate(length);
    reply
}

async fn over_tcp(stream: &mut TcpStream, query: &[u8]) -> Vec<u8> {
    stream.write_u16(u16::try_from(query.len()).unwrap()).await.unwrap();
    stream.write_all(query).await.unwrap();
    let length = stream.read_u16().await.unwrap();
    let mut reply = vec![0; usize::from(length)];
    stream.read_exact(&mut reply).await.unwrap();
    reply
}

async fn server(stop: &CancellationToken) -> DnsServer {
    DnsServer::start((HERE, 0).into(), zone(UnknownNames::NoSuchName), stop).await.unwrap()
}

#[tokio::test]
async fn udp_and_tcp_answer_until_the_server_stops() {
    let server = server(&CancellationToken::new()).await;
    let (at, query) = (server.address(), bytes("charter.net", TYPE::MX));
    let reply = over_udp(at, &query).await;
    assert!(told(&reply).contains("MX 20 mx2.am0.mail.example"));
    let mut stream = TcpStream::connect(at).await.unwrap();
    assert_eq!(over_tcp(&mut stream, &query).await, reply);
    assert!(over_tcp(&mut stream, &bytes("long.example", TYPE::TXT)).await.len() > 3_000, "a second question");
    server.stop().await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "closed");
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn garbage_does_not_stop_the_server() {
    let stop = CancellationToken::new();
    let server = server(&stop).await;
    let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
    for garbage in [&b""[..], b"x", &[0xff; 4_000], b"GET / HTTP/1.1\r\n\r\n"] {
        socket.send_to(garbage, server.address()).await.unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(garbage).await.unwrap();
    }
    assert!(told(&over_udp(server.address(), &bytes("rr.com", TYPE::MX)).await).starts_with("NoError"));
    stop.cancel();
    server.stop().await;
}

#[tokio::test]
async fn half_sent_queries_keep_no_other_waiting() {
    let stop = CancellationToken::new();
    let server = server(&stop).await;
    let mut half = Vec::new();
    for _ in 0..3 * server::CONNECTIONS_MAX {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&[0, 40, 1, 2]).await.unwrap();
        half.push(stream);
    }
    let mut other = TcpStream::connect(server.address()).await.unwrap();
    let query = bytes("charter.net", TYPE::MX);
    let answered = tokio::time::timeout(Duration::from_secs(1), over_tcp(&mut other, &query)).await;
    assert!(told(&answered.expect("at once")).starts_with("NoError"), "the query is answered");
    server.stop().await;
}

#[tokio::test]
async fn every_dns_fault_is_injected() {
    let server = server(&CancellationToken::new()).await;
    let fault = |name: &str, failure| DnsFault { name: Some(name.to_owned()), share: Fraction::ALL, failure };
    let hour = Duration::from_hours(1);
    server.faults().set(vec![
        fault("rr.com", DnsFailure::ServFail),
        fault("mx2.am0.mail.example", DnsFailure::NoSuchName),
        fault("sender.example", DnsFailure::NoAnswer),
        fault("long.example", DnsFailure::Slow(hour)),
        fault("mx1.charter.net", DnsFailure::Slow(Duration::from_millis(1))),
    ]);
    assert!(told(&over_udp(server.address(), &bytes("rr.com", TYPE::MX)).await).starts_with("ServerFailure"));
    let gone = told(&over_udp(server.address(), &bytes("mx2.am0.mail.example", TYPE::A)).await);
    assert!(gone.starts_with("NameError |  | ") && gone.contains("SOA"), "{gone}");
    let socket = UdpSocket::bind((HERE, 0)).await.unwrap();
    for name in ["sender.example", "long.example", "mx1.charter.net"] {
        socket.send_to(&bytes(name, TYPE::A), server.address()).await.unwrap();
    }
    let mut reply = vec![0; 512];
    let length = socket.recv(&mut reply).await.unwrap();
    assert!(told(&reply[..length]).contains("mx1.charter.net A"), "the others are silent, or late");
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let query = bytes("sender.example", TYPE::TXT);
    stream.write_u16(u16::try_from(query.len()).unwrap()).await.unwrap();
    stream.write_all(&query).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "silence over TCP is a closed connection");
    server.faults().set(Vec::new());
    assert!(told(&over_udp(server.address(), &bytes("rr.com", TYPE::MX)).await).starts_with("NoError"));
    // Answers that are late do not hold it up.
    server.stop().await;
}

/// A gateway's own customers, an open server for all the rest, and names that are there beside them.
#[test]
fn patterns_are_wildcards_that_hide_no_name_and_no_zone() {
    let mut zone = zone(UnknownNames::Refused);
    let mut gateway = policy(Vec::new());
    gateway.domains = ServedDomains::new(["*.customers.example"]);
    gateway.mx = vec!["mx.gateway.example".to_owned()];
    zone.provider(&gateway, |_| vec![[127, 0, 1, 3].into()]).unwrap();
    let mx = |zone: &Zone, name| told(&ask_bytes(zone, &bytes(name, TYPE::MX), DnsTransport::Udp).unwrap());
    let by_gateway = "NoError | a.B.customers.example MX 10 mx.gateway.example |  | mx.gateway.example A 127.0.1.3";
    assert_eq!(mx(&zone, "a.B.customers.example"), by_gateway);
    assert!(mx(&zone, "customers.example").starts_with("NoError |  | "), "the name itself has no mail");
    assert!(mx(&zone, "elsewhere.org").starts_with("Refused"));
    let mut open = policy(Vec::new());
    open.domains = ServedDomains::new(["*"]);
    open.mx = vec!["mx.open.example".to_owned()];
    zone.provider(&open, |_| vec![[127, 0, 1, 4].into()]).unwrap();
    for elsewhere in ["elsewhere.org", "example.net", "org"] {
        assert!(mx(&zone, elsewhere).contains("MX 10 mx.open.example"), "{elsewhere}");
    }
    assert!(mx(&zone, "a.b.customers.example").contains("mx.gateway.example"), "the nearest counts");
    assert!(mx(&zone, "no.charter.net").starts_with("NameError"), "a zone of its own");
    assert!(mx(&zone, "charter.net").contains("MX 10 mx1.charter.net"));
}
