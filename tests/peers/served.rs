//! `mxlab serve` as a person starts it, on a port that is free, and what it says afterwards.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::process::Running;
use super::serve_results::{Event, Kept, ServeResults};

/// MX hosts at work.
pub(crate) struct Served {
    running: Running,
    home: TempDir,
    /// The first MX host.
    pub(crate) at: SocketAddr,
    events: Arc<Mutex<Vec<Event>>>,
    notes: JoinHandle<()>,
    /// Hears the events, and ends with the summary.
    hearing: JoinHandle<Option<Value>>,
}

impl Served {
    /// Starts `mxlab serve` with a profile and options, and waits until it listens.
    pub(crate) fn start(profile: &str, options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxlab"));
        // Whatever becomes of the test, it is over some time.
        command.args(["serve", profile, "--listen", "127.0.0.1:0", "--for", "20min", "--keep", "kept"]);
        command.args(["--keep-max", "5000", "--no-report"]).args(options).current_dir(&home);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::start(piped);
        let mut notes = BufReader::new(running.child.stderr.take().unwrap());
        let at = first_host(&mut notes);
        let notes = thread::spawn(move || notes.lines().map_while(Result::ok).for_each(|line| eprintln!("{line}")));
        let (events, lines) = (Arc::default(), BufReader::new(running.child.stdout.take().unwrap()));
        let heard: Arc<Mutex<Vec<Event>>> = Arc::clone(&events);
        let hearing = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let line: Value = serde_json::from_str(&line).unwrap();
                match line["type"].as_str() {
                    Some("started") => {}
                    Some("summary") => return Some(line),
                    _ => heard.lock().unwrap().push(serde_json::from_value(line).unwrap()),
                }
            }
            None
        });
        Self { running, home, at, events, notes, hearing }
    }

    /// `127.0.0.1:PORT` of the first host.
    pub(crate) fn host(&self) -> String {
        self.at.to_string()
    }

    /// Ends it as Ctrl-C does; its books.
    pub(crate) fn end(self) -> ServeResults {
        let Self { running, home, events, notes, hearing, .. } = self;
        let status = running.stop(Signal::SIGINT);
        assert!(status.success(), "mxlab serve: {status}");
        notes.join().unwrap();
        let summary = hearing.join().unwrap().expect("a summary behind the events");
        let events = events.lock().unwrap().clone();
        ServeResults { events, summary, kept: kept(&home.path().join("kept")) }
    }
}

/// Reads what is announced: who listens where.
fn first_host(notes: &mut impl BufRead) -> SocketAddr {
    let (mut at, mut said) = (None, String::new());
    while !said.contains("Ctrl-C ends it") {
        let from = said.len();
        assert!(notes.read_line(&mut said).unwrap() > 0, "mxlab serve does not listen: {said}");
        let listens = said[from..].trim_end().rsplit_once(" listens on ").map(|(_, at)| at.parse().unwrap());
        at = at.or(listens);
    }
    at.unwrap()
}

/// The messages that were kept, in the order of their numbers.
fn kept(folder: &Path) -> Vec<Kept> {
    let mut files = Vec::new();
    for provider in fs::read_dir(folder).unwrap() {
        files.extend(fs::read_dir(provider.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    files.sort();
    files.iter().map(|file| Kept::of(&fs::read(file).unwrap())).collect()
}
