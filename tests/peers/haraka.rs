//! Haraka from npm with haraka-plugin-limit, and the Redis that the plugin counts in: both of this test alone, in a
//! folder that goes away.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::process::Running;
use super::program;
use super::servers::{at_a_free_port, free};

/// What it says once it listens and counts.
const READY: [&str; 2] = ["Listening on", "connected to redis:"];

/// A server at work; it ends when dropped.
pub(crate) struct Haraka {
    _server: Running,
    _redis: Running,
    _home: TempDir,
    pub(crate) at: SocketAddr,
}

impl Haraka {
    /// Starts one with these sections of `limit.ini`; `None` where there is none to start.
    pub(crate) fn start(limits: &str) -> Option<Self> {
        let node = program::want("node", "on Debian: apt-get install nodejs; or .ci/run peers")?;
        let redis = program::want("redis-server", "on Debian: apt-get install redis-server; or .ci/run peers")?;
        let haraka = program::installed().join("node_modules/Haraka");
        if !haraka.join("bin/haraka").is_file() {
            program::skip("there is no Haraka", "npm install Haraka haraka-plugin-limit; or .ci/run peers");
            return None;
        }
        Some(at_a_free_port(|at| Self::start_at(at, [&node, &redis, &haraka], limits)))
    }

    /// `None` where a port is taken.
    fn start_at(at: SocketAddr, [node, redis, haraka]: [&Path; 3], limits: &str) -> Option<Self> {
        let (home, counts_at) = (tempfile::tempdir().unwrap(), free());
        configure(home.path(), at, counts_at, haraka, limits);
        let mut counters = Command::new(redis);
        counters.args(["--bind", "127.0.0.1", "--port", &counts_at.port().to_string(), "--save", "", "--dir"]);
        counters.arg(home.path());
        let counters = counters.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut redis = Running::start(counters);
        let log = home.path().join("log");
        let mut server = Command::new(node);
        server.arg(haraka.join("bin/haraka")).arg("-c").arg(home.path());
        // queue/discard wants to be told twice.
        server.env("YES_REALLY_DO_DISCARD", "1").stdin(Stdio::null()).stderr(Stdio::null());
        let mut server = Running::start(server.stdout(fs::File::create(&log).unwrap()));
        // It listens before it has found Redis, and counts nothing until then.
        let counts = || fs::read_to_string(&log).is_ok_and(|log| READY.iter().all(|line| log.contains(line)));
        let is_up = server.comes_up(Duration::from_mins(1), counts) && !redis.has_ended();
        is_up.then_some(Self { _server: server, _redis: redis, _home: home, at })
    }
}

/// Writes the configuration of a server.
fn configure(home: &Path, at: SocketAddr, counts_at: SocketAddr, haraka: &Path, limits: &str) {
    let config = home.join("config");
    for folder in ["config", "plugins", "queue"] {
        fs::create_dir(home.join(folder)).unwrap();
    }
    // A concurrency without `enabled = false` is on, and loopback is let off the rates (`127=0`).
    let redis = format!("[redis]\nhost=127.0.0.1\nport={}\ndatabase=4\n", counts_at.port());
    let files = [
        ("smtp.ini", format!("listen={at}\nnodes=0\n")),
        ("me", "mx.haraka.example\n".to_owned()),
        ("host_list", "haraka.example\n".to_owned()),
        ("plugins", "limit\nrcpt_to.in_host_list\nqueue/discard\n".to_owned()),
        ("loglevel", "INFO\n".to_owned()),
        ("redis.ini", format!("[server]\nhost=127.0.0.1\nport={}\n", counts_at.port())),
        ("limit.ini", format!("tarpit_delay=3\n{redis}{limits}")),
    ];
    for (file, text) in files {
        fs::write(config.join(file), text).unwrap();
    }
    // Without its section on messages, which no default replaces, every connection fails.
    fs::copy(haraka.join("config/connection.ini"), config.join("connection.ini")).unwrap();
}
