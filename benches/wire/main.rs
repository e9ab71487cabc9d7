//! Is the wire fast? One table, one command: `cargo bench --bench wire`, or `-- --quick` for a look.
//!
//! Each server under Postfix's smtp-source, and each client against a server, all in the same rounds: client and
//! server are processes of their own, pinned to a core each, all limits of Charter are asked and none bites. Quote
//! the ratios and the CPU time a message, not the rates. What is not installed (smtp-source and smtp-sink come with
//! Postfix, taskset with util-linux) is left out, and said so.
//!
//! `bare` is a server of one thread that reads lines and answers fixed strings; `ping-pong` is two such ends without
//! any parsing, with as many round trips as a transaction has.
//!
//! Then connections that are refused with 421, ten and a hundred at a time, and what a server keeps for a connection
//! that is only held. `-- --soak 60` keeps a server at full load for an hour and says every minute what it has in
//! memory.

#![allow(clippy::print_stdout, reason = "a table is printed")]

mod bare;
mod crowd;
mod server;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use server::{Kind, Server, available};

/// How much is measured.
struct Size {
    rounds: usize,
    /// Messages of ten kibibytes; larger ones are fewer.
    messages: u32,
    /// Connections that are refused, and those that are held.
    refused: u32,
    held: u32,
}

/// What a client does.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    bytes: u32,
    /// Whether connections are kept.
    kept: bool,
    /// Messages, as a share of all.
    share: f64,
}

const LOADS: [Load; 4] = [
    Load { name: "1 KiB, kept", bytes: 1_024, kept: true, share: 1.0 },
    Load { name: "10 KiB, kept", bytes: 10_240, kept: true, share: 1.0 },
    Load { name: "100 KiB, kept", bytes: 102_400, kept: true, share: 0.2 },
    Load { name: "10 KiB, a connection each", bytes: 10_240, kept: false, share: 0.3 },
];

/// Connections at a time.
const SESSIONS: u32 = 100;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--bare"] => bare::smtp(),
        ["--refuse"] => bare::refuse(),
        ["--knock", at, knocks, at_a_time] => {
            crowd::knock(at, knocks.parse().expect("a number"), at_a_time.parse().expect("a number"));
        }
        ["--hold", at, connections] => crowd::hold(at, connections.parse().expect("a number")),
        ["--pong", size, pipelined] => bare::pong(size.parse().expect("a number"), *pipelined == "pipelined"),
        ["--ping", at, size, messages, pipelined] => {
            let (size, messages) = (size.parse().expect("a number"), messages.parse().expect("a number"));
            bare::ping(at, size, messages, *pipelined == "pipelined");
        }
        [] => all(&Size { rounds: 5, messages: 20_000, refused: 20_000, held: 10_000 }),
        ["--quick"] => all(&Size { rounds: 1, messages: 500, refused: 500, held: 200 }),
        ["--soak", minutes] => soak(minutes.parse().expect("a number")),
        _ => {
            eprintln!("usage: cargo bench --bench wire [-- --quick | --soak MINUTES]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// One measurement: messages a second, and microseconds of the server's CPU for each.
#[derive(Clone, Copy)]
struct Figure {
    rate: f64,
    cpu: f64,
}

fn all(size: &Size) {
    crowd::as_many_descriptors_as_may_be();
    for missing in ["smtp-source", "smtp-sink", "taskset"].into_iter().filter(|tool| !available(tool)) {
        eprintln!("{missing} is not installed: what needs it is left out");
    }
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.can_be_had()).collect();
    let mut figures: Vec<Vec<Figure>> = Vec::new();
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        let mut place = 0;
        for load in LOADS {
            for kind in &kinds {
                if available("smtp-source") {
                    add(&mut figures, place, served(*kind, load, size.messages));
                }
                place += 1;
            }
        }
        for pipelined in [false, true] {
            add(&mut figures, place, driven(pipelined, size.messages));
            add(&mut figures, place + 1, ping_pong(pipelined, size.messages));
            place += 2;
        }
        for at_a_time in CROWDS {
            for kind in refusing() {
                add(&mut figures, place, refused(kind, size.refused, at_a_time));
                place += 1;
            }
        }
    }
    print(&kinds, &figures);
    println!("\n{} connections held: KiB of the server's memory for each", size.held);
    // mailin-embedded has a thread for each connection, and greets no more of them than it has threads.
    for kind in kinds.into_iter().filter(|kind| *kind != Kind::Mailin) {
        println!("{:<28} {:>10.1}", kind.name(), held(kind, size.held));
    }
}

/// Connections at a time that are refused.
const CROWDS: [u32; 2] = [10, 100];

fn refusing() -> impl Iterator<Item = Kind> {
    Kind::REFUSING.into_iter().filter(|kind| kind.can_be_had())
}

fn add(figures: &mut Vec<Vec<Figure>>, place: usize, figure: Figure) {
    figures.resize_with(figures.len().max(place + 1), Vec::new);
    figures[place].push(figure);
}

/// smtp-source against a server.
fn served(kind: Kind, load: Load, messages: u32) -> Figure {
    let server = Server::start(kind);
    let messages = share(messages, load.share);
    server.measure(&mut client(&server, &load, messages), messages)
}

/// smtp-source with so many messages.
fn client(server: &Server, load: &Load, messages: u32) -> Command {
    let mut client = server::pinned(1, "smtp-source");
    client.args(["-s", &SESSIONS.to_string(), "-l", &load.bytes.to_string(), "-m", &messages.to_string()]);
    client.args(["-f", "a@a.test", "-t", "b@charter.net"]);
    if load.kept {
        client.arg("-d");
    }
    client.arg(&server.at);
    client
}

/// Full load for so many minutes: what the server has in memory after each.
#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn soak(minutes: u64) {
    let server = Server::start(Kind::Mxlab);
    let (began, mut messages) = (Instant::now(), 0_u64);
    println!("{:>6} {:>12} {:>14}", "minute", "messages", "resident, KiB");
    for minute in 0..=minutes {
        while began.elapsed() < Duration::from_mins(minute) {
            // Kept connections, and one for every message.
            for load in [&LOADS[1], &LOADS[3]] {
                let status = client(&server, load, SOAKED).stdout(Stdio::null()).stderr(Stdio::null()).status();
                assert!(status.expect("a client runs").success(), "a client was refused");
                messages += u64::from(SOAKED);
            }
        }
        println!("{minute:>6} {messages:>12} {:>14.0}", server.resident());
    }
}

/// Messages at a time.
const SOAKED: u32 = 10_000;

fn share(messages: u32, share: f64) -> u32 {
    let few = f64::from(messages) * share;
    (1..=messages).find(|n| f64::from(*n) >= few).unwrap_or(messages)
}

/// Our driver against our MX.
fn driven(pipelined: bool, messages: u32) -> Figure {
    let server = Server::start(Kind::Mxlab);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let scenario = folder.path().join("send.toml");
    let text = format!(
        "duration = \"1h\"\n[[provider]]\nprofile = \"charter\"\n[[source]]\nip = \
         \"192.0.2.1\"\n[[stream]]\nsize = \"10240B\"\narrivals = {{ at-once = {{ recipients = {messages} }} \
         }}\n[[strategy]]\npreset = \"fixed\"\nconcurrency = {{ fixed = {SESSIONS} }}\nsession = {{ pipelining = \
         {pipelined}, messages-per-connection = 100000 }}\n"
    );
    std::fs::write(&scenario, text).expect("a file can be written");
    let mut client = server::pinned(1, env!("CARGO_BIN_EXE_mxlab"));
    client.arg("send").arg(&scenario).args([
        "--to",
        &server.at,
        "--from",
        "127.0.0.1",
        "--seeds",
        "1",
        "--threads",
        "1",
    ]);
    client.args(["--quiet", "--format", "json", "--out"]).arg(folder.path().join("out"));
    let figure = server.measure(&mut client, messages);
    // Drawing a report is not sending: the rate is of the time until all was there.
    let record = std::fs::read_to_string(folder.path().join("out/record.json")).expect("a record was written");
    let record: serde_json::Value = serde_json::from_str(&record).expect("it is JSON");
    let micros = record["trials"][0]["settled_us"].as_f64().expect("everything was sent");
    Figure { rate: f64::from(messages) / micros * 1e6, ..figure }
}

fn ping_pong(pipelined: bool, messages: u32) -> Figure {
    let server = Server::start(if pipelined { Kind::PongPipelined } else { Kind::Pong });
    let mut client = server::pinned(1, env::current_exe().expect("a program has a path"));
    let how = if pipelined { "pipelined" } else { "one-by-one" };
    client.args(["--ping", &server.at, "10240", &messages.to_string(), how]);
    server.measure(&mut client, messages)
}

/// Clients that are told 421 and nothing else.
fn refused(kind: Kind, knocks: u32, at_a_time: u32) -> Figure {
    let server = Server::start(kind);
    // Charter has room for one: this one, once whoever looked whether it listens has left.
    let let_in = || (0..100).find_map(|_| crowd::greeted(&server.at).ok()).expect("one is let in");
    let _taken = (kind == Kind::MxlabRefusing).then(let_in);
    let mut client = server::pinned(1, env::current_exe().expect("a program has a path"));
    client.args(["--knock", &server.at, &knocks.to_string(), &at_a_time.to_string()]);
    server.measure(&mut client, knocks)
}

/// What a server keeps for a connection that was greeted and says nothing, in kibibytes.
fn held(kind: Kind, connections: u32) -> f64 {
    let server = Server::start(kind);
    let before = server.resident();
    let mut client = Command::new(env::current_exe().expect("a program has a path"));
    client.args(["--hold", &server.at, &connections.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn().expect("a client runs");
    let mut word = String::new();
    BufReader::new(client.stdout.take().expect("it was asked for")).read_line(&mut word).expect("it says when");
    assert!(word.starts_with("holds"), "the client of {} did not get its connections", kind.name());
    let grown = server.resident() - before;
    drop(client.stdin.take());
    client.wait().expect("a client ends");
    grown / f64::from(connections)
}

fn print(kinds: &[Kind], figures: &[Vec<Figure>]) {
    println!("{:<28} {:<22} {:>10} {:>12} {:>8}", "load", "server", "a second", "CPU µs each", "× bare");
    let median = |place: usize, of: fn(&Figure) -> f64| {
        let mut values: Vec<f64> = figures.get(place).into_iter().flatten().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let row = |load: &str, name: &str, place: usize, base: Option<f64>| {
        let Some(rate) = median(place, |figure| figure.rate) else { return };
        let cpu = median(place, |figure| figure.cpu).unwrap_or_default();
        let ratio = base.map_or_else(String::new, |base| format!("{:.2}", rate / base));
        println!("{load:<28} {name:<22} {rate:>10.0} {cpu:>12.1} {ratio:>8}");
    };
    for (n, load) in LOADS.iter().enumerate() {
        let place = |m: usize| n * kinds.len() + m;
        let bare = kinds.iter().position(|kind| *kind == Kind::Bare).and_then(|m| median(place(m), |f| f.rate));
        for (m, kind) in kinds.iter().enumerate() {
            row(load.name, kind.name(), place(m), bare);
        }
    }
    let first = LOADS.len() * kinds.len();
    for (n, load) in ["10 KiB, driver", "10 KiB, driver, pipelined"].iter().enumerate() {
        let bare = median(first + 2 * n + 1, |figure| figure.rate);
        row(load, "mxlab", first + 2 * n, bare);
        row(load, "ping-pong", first + 2 * n + 1, bare);
    }
    let mut place = first + 4;
    for at_a_time in CROWDS {
        let bare = refusing().position(|kind| kind == Kind::BareRefusing).and_then(|n| median(place + n, |f| f.rate));
        for kind in refusing() {
            row(&format!("refused, {at_a_time} at a time"), kind.name(), place, bare);
            place += 1;
        }
    }
}

/// Whether a command exists, found as a shell finds it.
pub(crate) fn exists(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().is_ok_and(|out| out.status.success())
}
