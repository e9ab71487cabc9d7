//! Is the wire fast? One table, one command: `cargo bench --bench wire`, or `-- --quick` for a look.
//!
//! Each server under Postfix's smtp-source, and each client against a server, all in the same rounds: client and
//! server are processes of their own, pinned to a core each, all limits of Charter are asked and none bites. Quote
//! the ratios, which `contest` takes within each round, not the rates. What is not installed (smtp-source and smtp-sink
//! come with Postfix, taskset with util-linux) is left out, and said so.
//!
//! `bare` is a server of one thread that reads lines and answers fixed strings; `ping-pong` is two such ends without
//! any parsing, with as many round trips as a transaction has.
//!
//! Then connections that are refused with 421, ten and a hundred at a time, and what a server keeps for a connection
//! that is only held. `-- --rounds 40 "10 KiB, kept"` compares only that, in so many rounds. `-- --soak 60` keeps a
//! server at full load for an hour and says every minute what it has in memory.

#![allow(clippy::print_stdout, reason = "a table is printed")]

mod bare;
mod contest;
mod crowd;
mod server;

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use contest::{Contest, Figure};
use mxlab::rng::Seed;
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

const FULL: Size = Size { rounds: 12, messages: 20_000, refused: 20_000, held: 10_000 };

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
        ["--connect", at, connects, at_a_time] => {
            crowd::connect(at, connects.parse().expect("a number"), at_a_time.parse().expect("a number"));
        }
        ["--hold", at, connections] => crowd::hold(at, connections.parse().expect("a number")),
        ["--pong", size, pipelined] => bare::pong(size.parse().expect("a number"), *pipelined == "pipelined"),
        ["--ping", at, size, messages, pipelined] => {
            let (size, messages) = (size.parse().expect("a number"), messages.parse().expect("a number"));
            bare::ping(at, size, messages, *pipelined == "pipelined");
        }
        [] => all(&FULL),
        ["--quick"] => all(&Size { rounds: 1, messages: 500, refused: 500, held: 200 }),
        ["--soak", minutes] => soak(minutes.parse().expect("a number")),
        ["--rounds", rounds, chosen @ ..] if are_known(chosen) => {
            compare(&Size { rounds: rounds.parse().expect("a number"), ..FULL }, |work| chosen.contains(&work));
        }
        _ => {
            eprintln!("usage: cargo bench --bench wire [-- --quick | --soak MINUTES | --rounds ROUNDS WORK...]");
            for contest in contests(&FULL) {
                eprintln!("  WORK may be {:?}", contest.work());
            }
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Whether there is work, and all of it is compared.
fn are_known(chosen: &[&str]) -> bool {
    let contests = contests(&FULL);
    !chosen.is_empty() && chosen.iter().all(|work| contests.iter().any(|one| one.work() == *work))
}

/// Everything that is compared, and then what connections cost that are only held.
fn all(size: &Size) {
    compare(size, |_| true);
    println!("\n{} connections held: KiB of the server's memory for each", size.held);
    // mailin-embedded has a thread for each connection, and greets no more of them than it has threads.
    for kind in had(&Kind::ALL).filter(|kind| *kind != Kind::Mailin) {
        println!("{:<28} {:>10.1}", kind.name(), held(kind, size.held));
    }
}

/// Such work in every round, and each rival within seconds of the others.
fn compare(size: &Size, which: impl Fn(&str) -> bool) {
    crowd::as_many_descriptors_as_may_be();
    for missing in ["smtp-source", "smtp-sink", "taskset"].into_iter().filter(|tool| !available(tool)) {
        eprintln!("{missing} is not installed: what needs it is left out");
    }
    let mut contests: Vec<Contest> = contests(size).into_iter().filter(|one| which(one.work())).collect();
    let mut chance = Seed(1).stream("order", 0);
    for round in 1..=size.rounds {
        eprintln!("round {round} of {}", size.rounds);
        for contest in &mut contests {
            contest.round(&mut chance);
        }
    }
    println!("{}", contest::titles());
    for contest in &contests {
        print!("{contest}");
    }
}

/// What is compared.
fn contests(size: &Size) -> Vec<Contest> {
    let (messages, connects) = (size.messages, size.refused);
    let loads = LOADS.into_iter().filter(|_| available("smtp-source")).map(|load| {
        let start = Contest::new(load.name);
        had(&Kind::ALL).fold(start, |all, kind| all.with(kind.name(), move || served(kind, load, messages)))
    });
    let drivers = [("10 KiB, driver", false), ("10 KiB, driver, pipelined", true)].map(|(work, pipelined)| {
        Contest::new(work)
            .with("mxlab", move || driven(pipelined, messages))
            .with("ping-pong", move || ping_pong(pipelined, messages))
    });
    let crowds = CROWDS.map(|at_a_time| {
        let start = Contest::new(format!("refused, {at_a_time} at a time"));
        had(&Kind::REFUSING).fold(start, |all, kind| all.with(kind.name(), move || refused(kind, connects, at_a_time)))
    });
    loads.chain(drivers).chain(crowds).collect()
}

/// Connections at a time that are refused.
const CROWDS: [u32; 2] = [10, 100];

/// Those that are installed.
fn had(kinds: &[Kind]) -> impl Iterator<Item = Kind> {
    kinds.iter().copied().filter(|kind| kind.can_be_had())
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
fn refused(kind: Kind, connects: u32, at_a_time: u32) -> Figure {
    let server = Server::start(kind);
    // Charter has room for one: this one, once the probe that looked whether it listens has left.
    let let_in = || (0..100).find_map(|_| crowd::greeted(&server.at).ok()).expect("one is let in");
    let _taken = (kind == Kind::MxlabRefusing).then(let_in);
    let mut client = server::pinned(1, env::current_exe().expect("a program has a path"));
    client.args(["--connect", &server.at, &connects.to_string(), &at_a_time.to_string()]);
    server.measure(&mut client, connects)
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

/// Whether a command exists, found as a shell finds it.
pub(crate) fn exists(tool: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().is_ok_and(|out| out.status.success())
}
