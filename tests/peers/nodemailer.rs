//! nodemailer, which most of the web's JavaScript mails with: connections in a pool under STARTTLS, refusals, bodies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bodies;
use super::process::succeed;
use super::program;
use super::served::Served;

/// node and where nodemailer is installed.
fn nodemailer() -> Option<(PathBuf, PathBuf)> {
    let node = program::want("node", "on Debian: apt-get install nodejs npm")?;
    let modules = program::installed().join("node_modules");
    if !modules.join("nodemailer").is_dir() {
        program::skip("there is no nodemailer", "npm install --prefix target/peers nodemailer@7; or .ci/run peers");
        return None;
    }
    Some((node, modules))
}

fn script(name: &str, served: &Served, folder: Option<&Path>) -> Option<()> {
    let (node, modules) = nodemailer()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/scripts").join(name);
    let (ip, port) = (served.at.ip().to_string(), served.at.port().to_string());
    let mut command = Command::new(node);
    command.arg(script).args([ip, port]).args(folder).env("NODE_PATH", modules);
    succeed(&mut command, Duration::from_secs(90));
    Some(())
}

#[test]
fn a_pool_of_three_connections_under_tls() {
    let served = Served::start("yahoo", &["--speed", "30"]);
    let Some(()) = script("nodemailer_pool.cjs", &served, None) else { return };
    let results = served.end();
    assert_eq!(results.figure("delivered"), 60);
    assert_eq!(results.count("accepted"), 60);
    // Ten messages a connection, and Yahoo takes twenty.
    let opened = results.count("opened");
    assert!((6..=9).contains(&opened), "{opened} connections for sixty messages, ten each, three at a time");
    assert_eq!(results.refusals(), [("end-of-data", 554)]);
}

#[test]
fn nodemailer_reports_refused_recipients() {
    let served = Served::start("charter", &[]);
    let Some(()) = script("nodemailer_refusals.cjs", &served, None) else { return };
    let results = served.end();
    let refusals = [("rcpt", 550), ("rcpt", 451), ("rcpt", 550), ("mail", 421), ("end-of-data", 552)];
    assert_eq!(results.refusals(), refusals);
    assert_eq!(results.figure("delivered"), 2);
}

#[test]
fn bodies_come_through_nodemailer_unharmed() {
    let served = Served::start("open", &[]);
    let (folder, bodies) = (tempfile::tempdir().unwrap(), bodies::all());
    for body in &bodies {
        fs::write(folder.path().join(body.address()), body.message()).unwrap();
    }
    let Some(()) = script("nodemailer_bodies.cjs", &served, Some(folder.path())) else { return };
    let results = served.end();
    assert_eq!(results.kept.len(), bodies.len());
    for body in &bodies {
        body.arrived_whole_in(&results);
    }
}
