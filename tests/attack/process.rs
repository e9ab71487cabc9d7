//! Attacks on the whole process of `mxlab serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A server that is stopped when it is dropped.
pub(crate) struct Serve {
    child: Child,
    pub(crate) at: String,
}

impl Serve {
    pub(crate) fn start(folder: &Path, limit_files: bool, more: &[&str]) -> Self {
        let mxlab = env!("CARGO_BIN_EXE_mxlab");
        let mut words = vec!["serve", "open", "--listen", "127.0.0.1:0", "--out"];
        let out = folder.join("out");
        words.push(out.to_str().unwrap());
        words.extend(more);
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let limit = if limit_files { "ulimit -S -n 64; ulimit -H -n 64; " } else { "" };
        let script = format!("{limit}exec '{mxlab}' {}", quoted.join(" "));
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        notes.read_line(&mut line).unwrap();
        let at = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        assert!(at.starts_with("127."), "{line}");
        Self { child, at }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.at).unwrap();
        stream.set_read_timeout(Some(super::target::LONG)).unwrap();
        stream
    }

    pub(crate) fn end(mut self, signal: Signal) -> i32 {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a message on a connection, as fast as replies come; whether it was accepted.
fn message(stream: &mut TcpStream) -> bool {
    let said = "RSET\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";
    stream.write_all(said.as_bytes()).is_ok()
        && until(stream, b"354")
        && stream.write_all(b"Subject: x\r\n\r\nbody\r\n.\r\n").is_ok()
        && until(stream, b"250 2.0.0")
}

fn until(stream: &mut TcpStream, what: &[u8]) -> bool {
    let (mut all, mut piece) = (Vec::new(), [0; 512]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return false,
            Ok(read) => all.extend_from_slice(&piece[..read]),
        }
        if all.windows(what.len()).any(|window| window == what) && all.ends_with(b"\r\n") {
            return true;
        }
    }
}

fn greeted(stream: &mut TcpStream) -> bool {
    until(stream, b"220 ") && stream.write_all(b"EHLO a.test\r\n").is_ok() && until(stream, b"250 ")
}

#[test]
fn a_signal_under_full_load_leaves_a_report() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = tempfile::tempdir().unwrap();
        let serve = Serve::start(folder.path(), false, &[]);
        let mut busy: Vec<TcpStream> = (0..20).map(|_| serve.connect()).collect();
        let accepted: u64 = busy.iter_mut().map(|stream| u64::from(greeted(stream) && message(stream))).sum();
        // All clients are in the middle of something by then.
        for stream in &mut busy {
            stream.write_all(b"MAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n").unwrap();
        }
        assert_eq!(serve.end(signal), 0, "{signal}: the code of a server that was told to stop");
        let record = std::fs::read_to_string(folder.path().join("out/record.json")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["trials"][0]["cells"][0]["totals"]["delivered"], accepted);
        assert!(folder.path().join("out/report.html").exists());
    }
}

#[test]
fn without_file_descriptors_open_connections_live_on() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), true, &[]);
    let mut first = serve.connect();
    assert!(greeted(&mut first));
    // More connections than descriptors: the kernel takes them, mxlab cannot.
    let mut crowd: Vec<TcpStream> = (0..CROWD).map(|_| serve.connect()).collect();
    let wait = |stream: &TcpStream| stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    crowd.iter().for_each(wait);
    let mut held = 0;
    while until(&mut crowd[held], b"220 ") {
        held += 1;
    }
    assert!(message(&mut first), "who was there before is served");
    drop(crowd);
    let mut last = serve.connect();
    assert!(greeted(&mut last) && message(&mut last), "and who comes after");
    drop((first, last));
    assert_eq!(serve.end(Signal::SIGTERM), 4, "what was measured is not what the providers alone would have done");
    let record = std::fs::read_to_string(folder.path().join("out/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert!(record["trials"][0]["own_failures"]["descriptors"].as_u64().is_some_and(|times| times > 0));
    let cell = &record["trials"][0]["cells"][0];
    let counts = ["delivered", "failed", "connections", "connections_without_recipient"];
    assert_eq!(counts.map(|name| cell["totals"][name].as_u64().unwrap()), [2, 0, CROWD + 2, CROWD]);
    let open = cell["series"]["open_max"].as_array().unwrap().iter().filter_map(serde_json::Value::as_u64).max();
    assert_eq!(open, Some(held as u64 + 1), "those that the client was greeted on");
    assert!(held >= 10, "{held}");
}

/// Connections of a client, more than there are descriptors for.
const CROWD: u64 = 200;

/// Of a thousand connections a hundred deliver a message, and the others are refused at the banner: how many recipients
/// they were for, the server cannot know, and it does not say that all was delivered.
#[test]
fn connections_that_never_came_to_a_recipient_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "rule.first={ at = \"connect\", per = \"client-ip\", count = \"connections\", limit = 100, \
                window = { fixed = { length = \"24h\", aligned = \"first\" } }, \
                answer = { reply = \"unknown-recipient\" } }";
    let serve = Serve::start(folder.path(), false, &["--set", rule]);
    for n in 0..1_000 {
        let mut stream = serve.connect();
        let delivered =
            if n < 100 { greeted(&mut stream) && message(&mut stream) } else { until(&mut stream, b"550 ") };
        assert!(delivered, "{n}");
    }
    assert_eq!(serve.end(Signal::SIGTERM), 0);
    let file = |name: &str| std::fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    let record: serde_json::Value = serde_json::from_str(&file("record.json")).unwrap();
    let totals = &record["trials"][0]["cells"][0]["totals"];
    let counts =
        ["connections", "connections_refused", "connections_without_recipient", "injected", "bounced", "attempts"];
    assert_eq!(counts.map(|name| totals[name].as_u64().unwrap()), [1_000, 900, 900, 100, 0, 100]);
    let told = "900 of 1,000 connections never came to a recipient";
    assert!(file("report.html").contains(told));
}

#[test]
fn a_port_in_use_is_an_error_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), false, &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_mxlab"))
        .args(["serve", "open", "--no-report", "--listen", &serve.at])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(said.contains(&serve.at) && said.contains("another program listens there"), "{said}");
}

#[test]
fn a_folder_belongs_to_one_run_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), false, &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_mxlab"))
        .args(["serve", "open", "--listen", "127.0.0.1:0", "--for", "1s", "--out"])
        .arg(folder.path().join("out"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("belongs to another run"), "{said}");
    assert_eq!(serve.end(Signal::SIGTERM), 0);
    assert!(folder.path().join("out/record.json").exists(), "and the first has written its results");
    assert!(!folder.path().join("out/.mxlab-claim").exists());
}

#[test]
fn kept_messages_are_those_that_were_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let serve = Serve::start(folder.path(), false, &["--keep", kept.to_str().unwrap(), "--keep-max", "2"]);
    let mut stream = serve.connect();
    assert!(greeted(&mut stream));
    for _ in 0..3 {
        let refused = b"RSET\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<dot-552@example.com>\r\nDATA\r\n";
        stream.write_all(refused).unwrap();
        assert!(until(&mut stream, b"354") && stream.write_all(b"x\r\n.\r\n").is_ok() && until(&mut stream, b"552"));
    }
    assert!((0..3).all(|_| message(&mut stream)), "all are accepted, whatever is kept");
    drop(stream);
    assert_eq!(serve.end(Signal::SIGTERM), 0);
    let entries = std::fs::read_dir(kept.join("open")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["000001.eml", "000002.eml"]);
    let text = std::fs::read_to_string(kept.join("open/000002.eml")).unwrap();
    assert!(text.ends_with("Subject: x\r\n\r\nbody\r\n"), "{text}");
}
