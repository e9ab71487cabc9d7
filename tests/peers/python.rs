//! Python: smtplib as programs use it, and a raw socket that pipelines as much as RFC 2920 allows. The scripts judge
//! what they hear; here the books are compared with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bodies;
use super::process::succeed;
use super::program;
use super::served::Served;

fn python() -> Option<PathBuf> {
    program::want("python3", "on Debian: apt-get install python3")
}

/// Runs a script against a host, with what it needs besides.
fn script(python: &Path, name: &str, served: &Served, folder: Option<&Path>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/scripts").join(name);
    let (ip, port) = (served.at.ip().to_string(), served.at.port().to_string());
    succeed(Command::new(python).arg(script).args([ip, port]).args(folder), Duration::from_secs(90));
}

#[test]
fn smtplib_meets_every_refusal_as_its_own_exception() {
    let Some(python) = python() else { return };
    let served = Served::start("charter", &[]);
    script(&python, "smtplib_session.py", &served, None);
    let results = served.end();
    let refusals = [("rcpt", 550), ("rcpt", 451), ("rcpt", 550), ("mail", 450), ("end-of-data", 552), ("data", 451)];
    assert_eq!(results.refusals(), [refusals.as_slice(), &[("rcpt", 0), ("mail", 421)]].concat());
    assert_eq!(results.figure("delivered"), 5);
    let to: Vec<&str> = results.kept.iter().flat_map(|kept| kept.to.iter().map(String::as_str)).collect();
    assert_eq!(to, ["a@charter.net", "b@charter.net", "c@charter.net", "d@charter.net", "e@charter.net"]);
}

#[test]
fn smtplib_is_refused_at_connect() {
    let Some(python) = python() else { return };
    let served = Served::start("charter", &["--set", "rule.connections.limit=1"]);
    script(&python, "smtplib_connect.py", &served, None);
    let results = served.end();
    assert_eq!(results.refusals(), [("connect", 421)].repeat(3));
    assert_eq!(results.count("opened"), 2);
}

/// Where one connection is allowed, a client that ends one and begins the next at once is never refused: the server
/// hears QUIT before it counts the newcomer, however busy the machine is.
#[test]
fn quit_frees_the_connection_limit_at_once() {
    let Some(python) = python() else { return };
    let served =
        Served::start("charter", &["--set", "rule.connections.limit=1", "--set", "rule.connection-rate.enabled=false"]);
    script(&python, "quick.py", &served, None);
    let results = served.end();
    assert_eq!(results.refusals(), []);
    assert_eq!(results.count("opened"), 500);
}

#[test]
fn bodies_come_through_smtplib_unharmed() {
    let Some(python) = python() else { return };
    let served = Served::start("open", &[]);
    let (folder, bodies) = (tempfile::tempdir().unwrap(), bodies::all());
    for body in &bodies {
        fs::write(folder.path().join(body.address()), body.message()).unwrap();
    }
    script(&python, "smtplib_bodies.py", &served, Some(folder.path()));
    let results = served.end();
    assert_eq!(results.kept.len(), bodies.len());
    for body in &bodies {
        body.arrived_whole_in(&results);
    }
}

#[test]
fn pipelined_groups_are_answered_in_order() {
    let Some(python) = python() else { return };
    let served = Served::start("charter", &[]);
    script(&python, "pipelining.py", &served, None);
    let results = served.end();
    // What is pipelined behind a refused MAIL, or behind the only recipient, is refused in its turn.
    let expected = [
        ("rcpt", 550),
        ("mail", 451),
        ("mail", 503),
        ("mail", 503),
        ("rcpt", 550),
        ("data", 554),
        ("end-of-data", 452),
        ("rcpt", 550),
        ("data", 554),
    ];
    assert_eq!(results.refusals(), expected);
    let kept: Vec<(&[String], &[u8])> =
        results.kept.iter().map(|kept| (kept.to.as_slice(), kept.text.as_slice())).collect();
    let to = |names: &[&str]| names.iter().map(|name| format!("{name}@charter.net")).collect::<Vec<_>>();
    let expected = [
        (to(&["a", "b"]), b"first\r\n.\r\n".as_slice()),
        (to(&["c"]), b"second\r\n"),
        (to(&["d"]), b".dots\r\n..\r\n"),
        (to(&["e"]), b"a byte at a time\r\n.\r\n"),
    ];
    let expected: Vec<(&[String], &[u8])> = expected.iter().map(|(to, text)| (to.as_slice(), *text)).collect();
    assert_eq!(kept, expected);
}
