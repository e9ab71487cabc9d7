//! Independent servers, started on a port that is free: Postfix's smtp-sink and aiosmtpd.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::{Running, comes, run};
use super::program;

/// A server at work; it ends when dropped.
pub(crate) struct Server {
    running: Running,
    pub(crate) at: SocketAddr,
}

impl Server {
    /// Starts it; the command says where it listens.
    pub(crate) fn start(command: impl Fn(SocketAddr) -> Command) -> Self {
        at_a_free_port(|at| {
            let mut command = command(at);
            let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = Self { running: Running::start(quiet), at };
            let mut ended = false;
            let greets = comes(Duration::from_secs(30), || {
                ended = server.running.has_ended();
                ended || server.greeting().is_some()
            });
            (greets && !ended).then_some(server)
        })
    }

    /// What it says to a client that connects.
    pub(crate) fn greeting(&self) -> Option<String> {
        let stream = TcpStream::connect(self.at).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).ok()?;
        (!line.is_empty()).then_some(line)
    }
}

/// Starts a server at a port that is free, and says `None` where another process has taken it meanwhile: then another
/// port is tried.
pub(crate) fn at_a_free_port<T>(start: impl Fn(SocketAddr) -> Option<T>) -> T {
    (0..5).find_map(|_| start(free())).expect("it listens on no port that was free")
}

/// A place where no server listens.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Postfix's smtp-sink with these options; `None` where it is missing.
pub(crate) fn smtp_sink(options: &[&str]) -> Option<Server> {
    let program = program::want("smtp-sink", "on Debian it comes with postfix; or .ci/run peers")?;
    Some(Server::start(|at| {
        let mut command = Command::new(&program);
        if nix::unistd::geteuid().is_root() {
            // It wants to be a user with fewer rights.
            command.args(["-u", "nobody"]);
        }
        command.args(options).args([&at.to_string(), "1024"]);
        command
    }))
}

/// aiosmtpd with these options; `None` where it is missing.
pub(crate) fn aiosmtpd(options: &[&str]) -> Option<Server> {
    let python = python_with_aiosmtpd()?;
    Some(Server::start(|at| {
        let mut command = Command::new(&python);
        command.args(["-m", "aiosmtpd", "-n", "-l", &at.to_string()]).args(options);
        command
    }))
}

/// The Python of the virtual environment that is for these tests, or any that has aiosmtpd.
pub(crate) fn python_with_aiosmtpd() -> Option<PathBuf> {
    let ours = program::installed().join("venv/bin/python3");
    let has_it = |python: &PathBuf| {
        let mut import = Command::new(python);
        python.is_file() && run(import.args(["-c", "import aiosmtpd"]), Duration::from_secs(30)).status.success()
    };
    let found = [Some(ours), program::find("python3")].into_iter().flatten().find(has_it);
    if found.is_none() {
        let how = "python3 -m venv target/peers/venv && target/peers/venv/bin/pip install aiosmtpd; or .ci/run peers";
        program::skip("there is no aiosmtpd", how);
    }
    found
}

#[test]
fn other_servers_start_and_greet() {
    for server in [smtp_sink(&[]), aiosmtpd(&[])].into_iter().flatten() {
        let greeting = server.greeting().unwrap();
        assert!(greeting.starts_with("220 "), "{greeting}");
        let at = server.at;
        drop(server);
        assert!(TcpStream::connect(at).is_err(), "it is gone with its guard");
    }
}
