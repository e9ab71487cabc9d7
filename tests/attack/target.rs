//! A cluster to attack.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mxlab::diagnostic::Document;
use mxlab::live::{
    Clock, MessageStore, MxCluster, MxClusterConfig, MxHost, MxServer, OwnFaults, ServerOptions, Speed, tls,
};
use mxlab::provider::Policy;
use mxlab::provider::profile::{built_in, parse};
use mxlab::record::Cell;
use mxlab::time::Span;
use mxlab::units::ProviderId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How long a test waits for anything before it fails.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A cluster and its one host.
pub(crate) struct AttackTarget {
    pub(crate) cluster: Arc<MxCluster>,
    pub(crate) at: SocketAddr,
    server: MxServer,
}

impl AttackTarget {
    /// The profile `open`, which refuses nothing: all refusals are the SMTP session's.
    pub(crate) fn open(connections_max: usize) -> Self {
        Self::with_timeout(connections_max, Span::from_secs(300))
    }

    /// The same, with a command timeout.
    pub(crate) fn with_timeout(connections_max: usize, command_timeout: Span) -> Self {
        Self::of(&open_policy(), ServerOptions { connections_max, command_timeout, ..ServerOptions::default() })
    }

    /// The same, where messages are kept.
    pub(crate) fn keeping(store: MessageStore) -> Self {
        Self::of(&open_policy(), ServerOptions { message_store: Some(store), ..ServerOptions::default() })
    }

    /// The profile `open` with additional rules and replies.
    pub(crate) fn with_rules(rules: &str) -> Self {
        let profile = Document::new("stricter", format!("{}\n{rules}", built_in("open").unwrap().text));
        let policy = parse(&profile).unwrap_or_else(|wrong| panic!("{wrong:?}"));
        Self::of(&policy, ServerOptions { connections_max: 100, ..ServerOptions::default() })
    }

    /// The same, on a machine with these faults.
    pub(crate) fn faulty(own_faults: OwnFaults) -> Self {
        Self::of(&open_policy(), ServerOptions { own_faults, ..ServerOptions::default() })
    }

    fn of(policy: &Policy, options: ServerOptions) -> Self {
        let config = MxClusterConfig::new(vec![policy.clone()], 1);
        let cluster = MxCluster::new(config, Clock::start(Speed::REAL));
        let address = "127.0.0.1:0".parse().unwrap();
        let hosts = [MxHost { site: ProviderId(0), name: "mx.test".to_owned(), address }];
        let acceptor = tls::ServerTls::self_signed(&["mx.test".to_owned()], &[]).unwrap();
        let server = MxServer::start(&cluster, &hosts, ServerOptions { tls: Some(acceptor), ..options }).unwrap();
        let at = server.hosts()[0].address;
        Self { cluster, at, server }
    }

    pub(crate) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.at).await.unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// Checks that a client that behaves is served, and that everything ends as `recovered_cell` says.
    pub(crate) async fn assert_recovers(self, before: u64) {
        self.recovered_cell(before).await;
    }

    /// Serves a client that behaves, waits for all sessions to end, and checks that recipients are conserved and that
    /// one message more than `before` was delivered. The cluster's record.
    pub(crate) async fn recovered_cell(self, before: u64) -> Cell {
        self.deliver_one().await;
        let cell = self.closed_cell().await;
        assert_eq!(cell.totals.delivered, before + 1);
        cell
    }

    /// Waits for all sessions to end, and checks that recipients are conserved. The cluster's record.
    pub(crate) async fn closed_cell(self) -> Cell {
        self.wait_until_empty().await;
        self.server.stop(LONG).await;
        let mut trial = self.cluster.record("clients", 1).expect("recipients are conserved").trial;
        trial.cells.remove(0)
    }

    /// Waits until no session is open.
    pub(crate) async fn wait_until_empty(&self) {
        let all_gone = async {
            while self.cluster.sample(ProviderId(0)).open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, all_gone).await.expect("every connection ends");
    }

    /// Delivers a message, as a client that behaves.
    pub(crate) async fn deliver_one(&self) {
        let message = "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";
        let mut client = self.client().await;
        client.expect_line("220").await;
        client.send(message).await;
        client.expect_line("354").await;
        client.send("Subject: x\r\n\r\nwell\r\n.\r\nQUIT\r\n").await;
        client.expect_line("221").await;
    }
}

fn open_policy() -> Policy {
    parse(&built_in("open").unwrap()).unwrap()
}

/// A client.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    /// Sends something; the server may have closed the connection.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads up to a line that begins so; fails if the server closes before.
    pub(crate) async fn expect_line(&mut self, start: &str) -> String {
        let heard = async {
            let mut all = String::new();
            loop {
                let mut line = String::new();
                let read = self.stream.read_line(&mut line).await.unwrap_or(0);
                all.push_str(&line);
                assert!(read > 0, "the server closed; before {start} it said:\n{all}");
                if line.starts_with(start) {
                    return line;
                }
            }
        };
        tokio::time::timeout(LONG, heard).await.unwrap_or_else(|_| panic!("no {start} is heard"))
    }

    /// Reads until the server closes.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut all = Vec::new();
        let read = tokio::time::timeout(LONG, self.stream.read_to_end(&mut all)).await;
        // A reset is an end too.
        let _ = read.expect("the server closes");
        String::from_utf8_lossy(&all).into_owned()
    }
}
