//! The servers that are compared, each a process of its own on a core of its own.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::contest::Figure;
use super::exists;

/// A kind of server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mxlab,
    Mailin,
    SmtpSink,
    Bare,
    Pong,
    PongPipelined,
    /// Charter with room for one connection.
    MxlabRefusing,
    SmtpSinkRefusing,
    BareRefusing,
}

impl Kind {
    /// Those that speak SMTP.
    pub(crate) const ALL: [Self; 4] = [Self::Mxlab, Self::Bare, Self::Mailin, Self::SmtpSink];
    /// Those that refuse at connect.
    pub(crate) const REFUSING: [Self; 3] = [Self::MxlabRefusing, Self::BareRefusing, Self::SmtpSinkRefusing];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mxlab | Self::MxlabRefusing => "mxlab",
            Self::Mailin => "mailin-embedded",
            Self::SmtpSink | Self::SmtpSinkRefusing => "smtp-sink",
            Self::Bare | Self::BareRefusing => "bare",
            Self::Pong | Self::PongPipelined => "ping-pong",
        }
    }

    pub(crate) fn can_be_had(self) -> bool {
        !matches!(self, Self::SmtpSink | Self::SmtpSinkRefusing) || available("smtp-sink")
    }
}

/// Limits of Charter that a load test would meet, out of the way: they are asked and do not bite. By the minute, since
/// an hour at full load has more messages than a limit may be high.
const WIDE: [&str; 8] = [
    "rule.connections.limit=10000000",
    "rule.connection-rate.limit=10000000",
    "rule.message-rate.limit=10000000",
    "rule.recipient-rate.limit=10000000",
    "rule.message-rate.window={ fixed = '1min' }",
    "rule.recipient-rate.window={ fixed = '1min' }",
    "service.per-message=0s",
    "service.per-recipient=0s",
];
/// What every connection but one meets.
const ROOM_FOR_ONE: &str = "rule.connections.limit=1";

pub(crate) fn available(tool: &str) -> bool {
    exists(tool)
}

/// A command on one core, where cores can be chosen.
pub(crate) fn pinned(core: u32, program: impl AsRef<OsStr>) -> Command {
    if !available("taskset") {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// A port that was free a moment ago.
fn free() -> String {
    let at = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    at.expect("there is a free port").to_string()
}

/// A server at work.
pub(crate) struct Server {
    child: Child,
    pub(crate) at: String,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Self {
        let this = env::current_exe().expect("a program has a path");
        let mut command = match kind {
            Kind::Mxlab | Kind::Mailin | Kind::MxlabRefusing => {
                let at = free();
                let mut command = pinned(0, env!("CARGO_BIN_EXE_mxlab"));
                command.args(["serve", "charter", "--no-report", "--quiet", "--listen", &at, "--threads", "1"]);
                command.args(WIDE.iter().flat_map(|change| ["--set", *change]));
                match kind {
                    Kind::Mailin => drop(command.args(["--front-end", "mailin"])),
                    Kind::MxlabRefusing => drop(command.args(["--set", ROOM_FOR_ONE])),
                    _ => {}
                }
                return Self::at(&mut command, at);
            }
            Kind::SmtpSink | Kind::SmtpSinkRefusing => {
                let at = free();
                let mut command = pinned(0, "smtp-sink");
                if nix::unistd::geteuid().is_root() {
                    // It does not serve as root.
                    command.args(["-u", "nobody"]);
                }
                if kind == Kind::SmtpSinkRefusing {
                    command.args(["-Q", "CONNECT"]);
                }
                command.args(["-m", "15000", &at, "4096"]);
                return Self::at(&mut command, at);
            }
            Kind::Bare | Kind::BareRefusing => {
                let mut command = pinned(0, this);
                command.arg(if kind == Kind::Bare { "--bare" } else { "--refuse" });
                command
            }
            Kind::Pong | Kind::PongPipelined => {
                let mut command = pinned(0, this);
                let how = if kind == Kind::Pong { "one-by-one" } else { "pipelined" };
                command.args(["--pong", "10240", how]);
                command
            }
        };
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a server starts");
        let mut notes = BufReader::new(child.stderr.take().expect("it was asked for"));
        let mut line = String::new();
        notes.read_line(&mut line).expect("a server says where it listens");
        let at = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        // What else it has to say is not read, and must not hold it up.
        child.stderr = Some(notes.into_inner());
        Self { child, at }
    }

    /// A server that listens where it is told to.
    #[expect(clippy::disallowed_methods, reason = "another process takes the time it takes")]
    fn at(command: &mut Command, at: String) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a server starts");
        let server = Self { child, at };
        for _ in 0..200 {
            if TcpStream::connect(&server.at).is_ok() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        server
    }

    /// Lets a client run to its end.
    #[expect(clippy::disallowed_methods, reason = "a stopwatch")]
    pub(crate) fn measure(&self, client: &mut Command, messages: u32) -> Figure {
        let (began, cpu) = (Instant::now(), self.cpu());
        let status = client.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("a client runs");
        assert!(status.success(), "the client of {} ended with {status}", self.at);
        let (wall, cpu) = (began.elapsed().as_secs_f64(), self.cpu() - cpu);
        Figure { rate: f64::from(messages) / wall, cpu: cpu * 1e6 / f64::from(messages) }
    }

    /// Kibibytes that the server has in memory, from /proc.
    pub(crate) fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
    }

    /// Seconds of CPU that the server has used, from /proc: hundredths, so measure long enough.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
