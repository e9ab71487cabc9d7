//! Names and replies that were written to do harm: refused, or made harmless wherever they come out.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use mxlab::harmless;
use mxlab::provider::profile::built_in;
use serde_json::Value;
use tempfile::TempDir;

use super::command::{are_refused, code, mxlab, stderr, stdout};
use super::{change, home};

fn profile(home: &TempDir, name: &str) {
    let text = built_in("open").unwrap().text.replace("name = \"open\"", &format!("name = \"{name}\""));
    fs::write(home.path().join("evil.toml"), text).unwrap();
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let home = home();
    for name in ["../esc/x", "all", ".hidden", "-x", "a/b", "a\\u001b[31mb", "a\\u202eb", ""] {
        profile(&home, name);
        let output = mxlab(&home, "serve evil.toml --listen 127.0.0.1:0 --no-report --keep kept --for 10ms");
        assert_eq!(code(&output), 2, "{name}: {output:?}");
        assert!(stderr(&output).contains("evil.toml:"), "{name}: {}", stderr(&output));
        assert!(!harmless::has_hidden(&stderr(&output)), "{name}: {:?}", stderr(&output));
        assert!(!home.path().join("kept").exists() && !home.path().join("esc").exists(), "{name}");
    }
}

#[test]
fn what_messages_quote_is_harmless() {
    let home = home();
    fs::write(home.path().join("raw.toml"), "seeds = 2 # \u{9b}2J\u{202e}\n\u{1b}[31m = 1\n").unwrap();
    are_refused(
        &home,
        &[("run raw.toml", "␛[31m"), ("run a.toml --strategy \u{1b}[2J", "␛[2J"), ("run \u{9b}x", "�x")],
    );
    for arguments in ["run raw.toml", "run a.toml --strategy \u{1b}[2J", "run \u{9b}x", "run --\u{1b}c"] {
        assert!(!harmless::has_hidden(&stderr(&mxlab(&home, arguments))), "{arguments:?}");
    }
}

#[test]
fn a_spreadsheet_runs_no_name() {
    let home = home();
    change(&home, "preset = \"fixed\" }", "preset = \"fixed\", name = \"=HYPERLINK(1)\" }");
    let text = fs::read_to_string(home.path().join("a.toml")).unwrap();
    fs::write(home.path().join("a.toml"), text.replace("strategy = \"fixed\"", "strategy = \"=HYPERLINK(1)\""))
        .unwrap();
    assert_eq!(code(&mxlab(&home, "run a.toml --out out")), 0);
    for file in ["summary.csv", "curve.csv"] {
        let table = fs::read_to_string(home.path().join("out").join(file)).unwrap();
        assert!(
            table.lines().skip(1).all(|line| line.starts_with("'=HYPERLINK(1),") || line.starts_with("oracle,")),
            "{table}"
        );
    }
}

/// The reply of a foreign server.
const EVIL: &str = "550 5.7.1 \u{1b}]0;owned\u{7}\u{1b}[2J \u{202e}\u{2066}live\u{9b}31m <script>alert(1)</script>";

#[test]
#[expect(clippy::disallowed_methods, reason = "a server beside the program that sends to it")]
fn a_foreign_server_writes_on_no_terminal() {
    let home = home();
    change(&home, "recipients = 1000", "recipients = 3");
    let text = fs::read_to_string(home.path().join("a.toml")).unwrap().replace("min = 0.5", "max = 0.5");
    fs::write(home.path().join("a.toml"), text).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|stream| drop(refuse_all(stream.unwrap()))));
    for (format, folder) in [("table", "table"), ("json", "json")] {
        let output = mxlab(&home, &format!("send a.toml --to {at} --seeds 1 --format {format} --out {folder}"));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!harmless::has_hidden(&stdout(&output)) && !harmless::has_hidden(&stderr(&output)), "{output:?}");
        let out = home.path().join(folder);
        for file in ["record.json", "summary.json", "replies.csv", "report.html", "plots/replies-fixed.svg"] {
            assert!(!harmless::has_hidden(&read(&out, file)), "{file}");
        }
        assert!(read(&out, "replies.csv").contains("␛[2J"), "{}", read(&out, "replies.csv"));
        assert!(read(&out, "report.html").contains("␛[2J") && !read(&out, "report.html").contains("<script"));
        let record: Value = serde_json::from_str(&read(&out, "record.json")).unwrap();
        assert!(record.to_string().contains("\\u001b[2J"), "JSON says what was heard");
        assert!(read(&out, "record.json").contains("\\u202e"), "and nobody sees it");
    }
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

/// Takes every command but RCPT.
fn refuse_all(mut stream: TcpStream) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 evil ESMTP\r\n")?;
    for line in lines {
        let reply = if line?.to_uppercase().starts_with("RCPT") { EVIL } else { "250 ok" };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
    Ok(())
}
