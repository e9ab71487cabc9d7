//! lettre, the Rust client: what it makes of replies, as values and not as text.

use ::lettre::message::header::ContentType;
use ::lettre::transport::smtp::SmtpTransport;
use ::lettre::{Message, Transport};

use super::served::Served;

fn transport(served: &Served) -> SmtpTransport {
    SmtpTransport::builder_dangerous(served.at.ip().to_string()).port(served.at.port()).build()
}

fn message(to: &str) -> Message {
    let text = format!("Dear {to},\r\n.\r\n..\r\nbye");
    Message::builder()
        .from("news@sender.example".parse().unwrap())
        .to(to.parse().unwrap())
        .subject("hello")
        .header(ContentType::TEXT_PLAIN)
        .body(text)
        .unwrap()
}

#[test]
fn fifty_lettre_messages_arrive_unchanged() {
    let served = Served::start("open", &[]);
    let transport = transport(&served);
    let messages: Vec<Message> = (0..50).map(|n| message(&format!("r{n}@open.example"))).collect();
    for message in &messages {
        assert!(transport.send(message).unwrap().is_positive());
    }
    let results = served.end();
    assert_eq!(results.figure("delivered"), 50);
    assert_eq!(results.count("opened"), 50);
    let mut kept: Vec<String> = results.kept.iter().map(|kept| String::from_utf8(kept.text.clone()).unwrap()).collect();
    let mut sent: Vec<String> =
        messages.iter().map(|one| String::from_utf8(one.formatted()).unwrap() + "\r\n").collect();
    kept.sort();
    sent.sort();
    assert_eq!(kept, sent);
}

#[test]
fn a_refusal_is_an_error_with_its_code() {
    let served = Served::start("charter", &[]);
    let transport = transport(&served);
    for (to, code, permanent) in [
        ("unknown.ann@charter.net", 550, true),
        ("451-4.2.0.ann@charter.net", 451, false),
        ("data-452.ann@charter.net", 452, false),
        ("dot-552-5.2.2.ann@charter.net", 552, true),
    ] {
        let error = transport.send(&message(to)).unwrap_err();
        assert_eq!(error.status().map(u16::from), Some(code), "{to}: {error}");
        assert_eq!((error.is_permanent(), error.is_transient()), (permanent, !permanent), "{to}: {error}");
    }
    let lost = transport.send(&message("drop.ann@charter.net")).unwrap_err();
    assert_eq!(lost.status(), None, "{lost}");
    let refusals = [("rcpt", 550), ("rcpt", 451), ("data", 452), ("end-of-data", 552), ("rcpt", 0)];
    assert_eq!(served.end().refusals(), refusals);
}

#[test]
fn a_banner_of_421_is_an_error_with_its_code() {
    let served = Served::start("charter", &["--set", "rule.connections.limit=0"]);
    let error = transport(&served).send(&message("ann@charter.net")).unwrap_err();
    assert_eq!(error.status().map(u16::from), Some(421), "{error}");
    assert_eq!(served.end().refusals(), [("connect", 421)]);
}
