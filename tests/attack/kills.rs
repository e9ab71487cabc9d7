//! A server that is killed under load: what its client counted and what it kept add up, as far as each can know.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::process::Serve;

/// Connections that the client has at most, each with a message under way.
const AT_ONCE: u64 = 4;

const SCENARIO: &str = r#"
seeds = 1
duration = "1200ms"
provider = [{ profile = "open" }]
source = [{ ip = "192.0.2.1" }]
stream = [{ arrivals = { at-once = { recipients = 5000 } }, recipients-per-message = 1 }]
strategy = [{ preset = "fixed", concurrency = { fixed = 4 } }]
"#;

fn send(home: &Path, to: &str) -> Child {
    fs::write(home.join("kills.toml"), SCENARIO).unwrap();
    Command::new(env!("CARGO_BIN_EXE_mxlab"))
        .args(["send", "kills.toml", "--quiet", "--out", "sent", "--to", to])
        .current_dir(home)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the moment of the kill is a matter of the wall")]
#[test]
fn after_twenty_kills_every_delivery_is_accounted_for() {
    let mut delivered_in_all = 0;
    for kill in 0..20_u64 {
        let home = tempfile::tempdir().unwrap();
        let kept = home.path().join("kept");
        let more = ["--keep", kept.to_str().unwrap(), "--keep-max", "100000"];
        let serve = Serve::start(home.path(), false, &more);
        let client = send(home.path(), &serve.at);
        thread::sleep(Duration::from_millis(250 + kill * 37));
        assert_eq!(serve.end(Signal::SIGKILL), -1);
        let output = client.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 4)), "{said}");
        let record = home.path().join("sent/record.json");
        if output.status.code() == Some(4) {
            // The server was gone before the first connection.
            assert!(said.contains("nobody listens") && !record.exists(), "{said}");
            continue;
        }
        let record: Value = serde_json::from_str(&fs::read_to_string(record).unwrap()).unwrap();
        let cell = &record["trials"][0]["cells"][0];
        let count = |name: &str| cell["totals"][name].as_u64().unwrap();
        let [delivered, attempts, failed] = ["delivered", "attempts", "failed"].map(count);
        assert_eq!(count("injected"), delivered + count("bounced") + count("expired") + count("queued"));
        assert_eq!(attempts, delivered + failed + count("deferred") + count("bounced"));
        let told: u64 = cell["replies"].as_array().unwrap().iter().map(|reply| reply["count"].as_u64().unwrap()).sum();
        assert_eq!(told, failed, "{}", cell["replies"]);
        // A message is kept before its 250 goes out: what the client took for delivered is there, and more only where
        // the kill came between the two.
        let kept = fs::read_dir(kept.join("open")).unwrap();
        let kept = kept.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".eml")).count();
        let kept = kept as u64;
        assert!((delivered..=delivered + AT_ONCE).contains(&kept), "{kept} kept, {delivered} delivered");
        delivered_in_all += delivered;
    }
    assert!(delivered_in_all > 0);
}
