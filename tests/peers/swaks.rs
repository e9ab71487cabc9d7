//! swaks, a client for testing servers: every extension by itself, sessions that end at every stage, and refusals. Its
//! exit code is the judge: it says in which part of the session something was not as it should be.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::process::{run, tail};
use super::program;
use super::serve_results::ServeResults;
use super::served::Served;

const HOW: &str = "on Debian: apt-get install swaks libnet-ssleay-perl; or .ci/run peers";

/// Exit codes of swaks.
const FINE: i32 = 0;
const CLOSED: i32 = 6;
const BANNER: i32 = 21;
const MAIL: i32 = 23;
const NO_RECIPIENTS: i32 = 24;
const DATA: i32 = 25;
const MESSAGE: i32 = 26;
const AUTH: i32 = 28;
const TLS: i32 = 29;
const XCLIENT: i32 = 33;

struct Swaks {
    program: PathBuf,
    served: Served,
}

impl Swaks {
    /// A host for it to talk to; `None` where there is no swaks.
    fn against(profile: &str, options: &[&str]) -> Option<Self> {
        let program = program::want("swaks", HOW)?;
        Some(Self { program, served: Served::start(profile, options) })
    }

    /// A session with options that have no spaces in them; it must end with this code. What was said.
    fn ends(&self, code: i32, options: &str) -> String {
        self.ends_with(code, &options.split_whitespace().collect::<Vec<_>>())
    }

    fn ends_with(&self, code: i32, options: &[&str]) -> String {
        let mut command = Command::new(&self.program);
        command.args(["--server", &self.served.host(), "--helo", "client.example", "--from", "ann@sender.example"]);
        let output = run(command.args(options), Duration::from_mins(1));
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "swaks {options:?}\n{}", tail(&said));
        said
    }

    fn end(self) -> ServeResults {
        self.served.end()
    }
}

#[test]
fn swaks_uses_every_extension() {
    let Some(swaks) = Swaks::against("charter", &["--xclient"]) else { return };
    let to = "--to bob@charter.net,eve@charter.net";
    let offered = swaks.ends(FINE, to);
    for extension in
        ["PIPELINING", "SIZE ", "8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH PLAIN LOGIN", "XCLIENT NAME ADDR"]
    {
        assert!(offered.contains(extension), "{extension} is not offered:\n{offered}");
    }
    swaks.ends(FINE, &format!("{to} --protocol SMTP"));
    swaks.ends(FINE, &format!("{to} --pipeline"));
    let secured = swaks.ends(FINE, &format!("{to} --tls"));
    assert!(secured.contains(" ~> MAIL FROM"), "mail under TLS:\n{secured}");
    assert!(!secured.contains("<~  250-STARTTLS"), "it is offered again under TLS:\n{secured}");
    swaks.ends(FINE, &format!("{to} --tls --pipeline"));
    for mechanism in ["PLAIN", "LOGIN"] {
        let auth = format!("--auth {mechanism} --auth-user ann --auth-password secret");
        swaks.ends(FINE, &format!("{to} {auth}"));
        swaks.ends(FINE, &format!("{to} {auth} --tls"));
    }
    swaks.ends(FINE, &format!("{to} --tls --xclient-addr 192.0.2.9 --xclient-name mx.sender.example"));
    let results = swaks.end();
    assert_eq!(results.figure("delivered"), 20);
    assert_eq!(results.count("refused"), 0);
    let clients: Vec<&str> =
        results.events.iter().filter(|e| e.name == "accepted").map(|e| e.client.as_str()).collect();
    assert_eq!(clients, [["127.0.0.1"; 9].as_slice(), &["192.0.2.9"]].concat(), "XCLIENT speaks for another address");
}

#[test]
fn extensions_that_are_not_offered_are_refused() {
    let Some(swaks) = Swaks::against("charter", &["--no-tls"]) else { return };
    swaks.ends(TLS, "--to bob@charter.net --tls");
    swaks.ends(XCLIENT, "--to bob@charter.net --xclient-addr 192.0.2.9");
    swaks.ends(AUTH, "--to bob@charter.net --auth CRAM-MD5 --auth-user ann --auth-password secret");
    // Where one is offered and the other not, the former will do.
    swaks.ends(FINE, "--to bob@charter.net --auth CRAM-MD5,PLAIN --auth-user ann --auth-password secret");
    assert_eq!(swaks.end().figure("delivered"), 1);
}

/// swaks announces nothing by itself, but takes for a sender what is put between its brackets; `AUTH=<>` is a parameter
/// of MAIL, too (RFC 4954, section 5).
#[test]
fn size_and_8bitmime_are_announced() {
    let Some(swaks) = Swaks::against("charter", &[]) else { return };
    let mail = |code, parameters: &str, body: &str| {
        let from = format!("ann@sender.example> {parameters} AUTH=<");
        swaks.ends_with(code, &["--to", "bob@charter.net", "--from", &from, "--h-From", "ann", "--body", body])
    };
    mail(FINE, "SIZE=2000 BODY=8BITMIME", "\u{e4}\u{f6}\u{fc}");
    mail(FINE, "SIZE=20000000 BODY=7BIT", "hello");
    let said = mail(MAIL, "SIZE=20000001", "hello");
    assert!(
        said.contains("<** 552 Message size exceeds allowed maximum message size:"),
        "Charter's own words:\n{said}"
    );
    let said = mail(MAIL, "SIZE=1073741825", "hello");
    assert!(said.contains("<** 552 5.3.4"), "more than the server reads at all:\n{said}");
    mail(MAIL, "SIZE=many", "hello");
    mail(MAIL, "BODY=9BIT", "hello");
    let results = swaks.end();
    let refused = [("mail", 552), ("mail", 552), ("mail", 501), ("mail", 504)];
    assert_eq!(results.refusals(), refused, "refused is refused, by a rule or by the session itself");
    assert_eq!(results.kept.len(), 2);
    assert!(results.kept[0].text.windows(6).any(|six| six == "\u{e4}\u{f6}\u{fc}".as_bytes()), "8-bit comes as it is");
}

#[test]
fn quitting_at_any_stage_leaves_no_session() {
    let Some(swaks) = Swaks::against("charter", &["--xclient"]) else { return };
    let stages = ["CONNECT", "EHLO", "MAIL", "RCPT"];
    for stage in stages {
        swaks.ends(FINE, &format!("--to bob@charter.net --quit-after {stage}"));
    }
    swaks.ends(FINE, "--to bob@charter.net --tls --quit-after TLS");
    swaks.ends(FINE, "--to bob@charter.net --xclient-addr 192.0.2.9 --quit-after XCLIENT");
    swaks.ends(FINE, "--to bob@charter.net --auth PLAIN --auth-user ann --auth-password secret --quit-after AUTH");
    // And a client that goes away without QUIT, at once or in the middle.
    swaks.ends(FINE, "--to bob@charter.net --drop-after CONNECT");
    swaks.ends(FINE, "--to bob@charter.net --drop-after-send DATA");
    let results = swaks.end();
    assert_eq!(results.count("accepted"), 0);
    assert_eq!(results.count("opened"), results.count("closed"));
    assert_eq!(results.figure("delivered"), 0);
    assert_eq!(results.figure("bounced"), 0);
}

#[test]
fn address_directives_force_outcomes() {
    let Some(swaks) = Swaks::against("charter", &[]) else { return };
    for (code, arguments, said) in [
        (NO_RECIPIENTS, "--to 451-4.2.0.bob@charter.net", "451 4.2.0 as you asked"),
        (NO_RECIPIENTS, "--to unknown.bob@charter.net", "550 5.1.1 <unknown.bob@charter.net> User unknown"),
        (NO_RECIPIENTS, "--to unknown.bob@charter.net --pipeline", "550 5.1.1"),
        (FINE, "--to unknown.bob@charter.net,eve@charter.net", "550 5.1.1"),
        (DATA, "--to data-451-4.3.0.bob@charter.net", "451 4.3.0"),
        (MESSAGE, "--to dot-552-5.2.2.bob@charter.net", "552 5.2.2"),
        (MESSAGE, "--to dot-452.bob@charter.net --tls", "452 as you asked"),
        (MAIL, "--to bob@charter.net --from 450-4.7.1.ann@sender.example", "450 4.7.1"),
        (MAIL, "--to bob@charter.net --from 421-4.7.0.ann@sender.example", "421 4.7.0"),
        (MESSAGE, "--to bob@charter.net --from spam.ann@sender.example", "550 Message identified as SPAM"),
        (CLOSED, "--to drop.bob@charter.net", "closed"),
        (CLOSED, "--to data-drop.bob@charter.net", "closed"),
        (CLOSED, "--to dot-drop.bob@charter.net", "closed"),
        (FINE, "--to slow-1s.bob@charter.net", "250 2.1.5"),
    ] {
        let whole = swaks.ends(code, arguments);
        assert!(whole.contains(said), "swaks {arguments}: no {said:?} in\n{whole}");
    }
    let results = swaks.end();
    let asked = [
        ("rcpt", 451),
        ("rcpt", 550),
        ("rcpt", 550),
        // Pipelined behind the only recipient.
        ("data", 554),
        ("rcpt", 550),
        ("data", 451),
        ("end-of-data", 552),
        ("end-of-data", 452),
        ("mail", 450),
        ("mail", 421),
        ("end-of-data", 550),
        ("rcpt", 0),
        ("data", 0),
        ("end-of-data", 0),
    ];
    assert_eq!(results.refusals(), asked);
    assert_eq!(results.figure("delivered"), 2);
}

#[test]
fn a_refusal_at_connect_is_in_the_banner() {
    let limit = ["--set", "rule.connections.limit=0"];
    let Some(swaks) = Swaks::against("charter", &limit) else { return };
    let said = swaks.ends(BANNER, "--to bob@charter.net");
    assert!(said.contains("421 pkvw-mx.msg.pkvw.co.charter.net cmsmtp 127.0.0.1 blocked. AUP#In-1340"), "{said}");
    assert_eq!(swaks.end().refusals(), [("connect", 421)]);
}
