//! The driver against independent servers, and against some that misbehave: messages arrive once and whole, replies are
//! recorded, no message is lost, and none is waited for without end.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "driver/arrived.rs"]
mod arrived;
#[path = "driver/awkward_bodies.rs"]
mod awkward_bodies;
#[path = "driver/mailin.rs"]
mod mailin;
#[path = "driver/own_side.rs"]
mod own_side;
#[path = "support/scenario.rs"]
mod scenario_text;
#[path = "driver/violations.rs"]
mod violations;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mxlab::live::tls::StartTls;
use mxlab::live::{AllowedTargets, ClientOptions, Clock, DriverConfig, LiveTrial, Speed, drive, source_address};
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::trial::TrialInput;
use mxlab::workload::generate;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long a test waits before it fails.
const LONG: Duration = Duration::from_mins(1);

/// A scenario whose mail all goes to one server.
pub(crate) struct Campaign {
    pub(crate) recipients: u32,
    pub(crate) sources: u16,
    pub(crate) recipients_per_message: u32,
    /// Speed of the sender's clock; the servers have a second for a reply at least.
    pub(crate) speed: f64,
}

impl Default for Campaign {
    /// A second for a minute: retries come soon, and no server is too slow.
    fn default() -> Self {
        Self { recipients: 1, sources: 1, recipients_per_message: 1, speed: 60.0 }
    }
}

impl Campaign {
    pub(crate) fn scenario(&self) -> Scenario {
        let Self { recipients, sources, recipients_per_message, .. } = self;
        let text = format!(
            "duration = \"30d\"\n[[provider]]\nprofile = \"open\"\n[[source]]\nip = \"192.0.2.1\"\ncount = {sources}\n\
             [[stream]]\narrivals = {{ at-once = {{ recipients = {recipients} }} }}\nsize = {{ uniform = [\"200B\", \
             \"9kB\"] }}\nrecipients-per-message = {recipients_per_message}\n[[strategy]]\npreset = \"fixed\"\n\
             concurrency = {{ fixed = 4 }}\nsession = {{ messages-per-connection = 20 }}\n\
             retry = {{ list = [\"1m\"], give-up = \"2d\" }}\n"
        );
        scenario_text::scenario("driver", &text, &[])
    }
}

/// A client in the clear.
fn client_options() -> ClientOptions {
    ClientOptions::new("mxlab.test".parse().unwrap())
}

/// Drives a campaign to a server, each source from an address of its own.
pub(crate) async fn drive_to(campaign: &Campaign, server: SocketAddr, tls: StartTls) -> LiveTrial {
    let scenario = campaign.scenario();
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let config = DriverConfig {
        input: TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail },
        targets: vec![vec![server]],
        allowed: AllowedTargets::default(),
        doubtful: Vec::new(),
        sources: (0..campaign.sources).map(source_address).collect(),
        cluster: None,
        clock: Clock::start(Speed::new(campaign.speed).unwrap()),
        client_options: ClientOptions { tls, chunking: true, ..client_options() },
    };
    let never = CancellationToken::new();
    let live = tokio::time::timeout(LONG, drive(config, &never)).await;
    live.expect("it comes to an end").expect("the books balance")
}

/// Drives so many messages to a server, at sixty thousand times the speed of wall-clock time.
async fn drive_recipients(recipients: u32, server: SocketAddr) -> LiveTrial {
    drive_to(&Campaign { recipients, speed: 60_000.0, ..Campaign::default() }, server, StartTls::Never).await
}

/// A server that takes `messages` on a connection and then closes it without a reply.
async fn hangs_up(messages: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, messages));
        }
    });
    at
}

async fn take(stream: TcpStream, messages: usize) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 short of breath\r\n").await?;
    let (mut taken, mut line) = (0, String::new());
    while taken < messages {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4) {
            Some("DATA") => b"354 go on\r\n",
            Some("EHLO" | "MAIL" | "RCPT") => b"250 ok\r\n",
            _ if line == ".\r\n" => {
                taken += 1;
                b"250 taken\r\n"
            }
            _ => continue,
        };
        stream.write_all(reply).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_hangs_up_between_messages_loses_none() {
    for messages in [1, 2, 7] {
        let LiveTrial { trial, stopped, .. } = drive_recipients(400, hangs_up(messages).await).await;
        let totals = trial.cells[0].totals;
        assert!(!stopped && trial.settled_us.is_some(), "{totals:?}");
        assert_eq!((totals.delivered, totals.queued), (400, 0), "{totals:?}");
    }
}

#[tokio::test]
async fn refused_connections_are_retried_until_expiry() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap();
    drop(listener);
    let totals = drive_recipients(20, silent).await.trial.cells[0].totals;
    assert_eq!((totals.delivered, totals.expired), (0, 20), "{totals:?}");
    assert!(totals.connections_failed > 20, "{totals:?}");
}

#[tokio::test]
async fn forbidden_targets_are_not_sent_to() {
    let scenario = Campaign::default().scenario();
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let config = DriverConfig {
        input: TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail },
        targets: vec![vec!["192.0.2.1:25".parse().unwrap()]],
        allowed: AllowedTargets::default(),
        doubtful: Vec::new(),
        sources: vec![[127, 0, 0, 1].into()],
        cluster: None,
        clock: Clock::start(Speed::REAL),
        client_options: client_options(),
    };
    let refused = drive(config, &CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains("--allow-target"), "{refused}");
}
