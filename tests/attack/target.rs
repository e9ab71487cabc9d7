//! A cluster to be attacked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mxlab::diagnostic::Document;
use mxlab::live::{Clock, MxCluster, MxClusterConfig, MxHost, MxServer, ServerOptions, Speed, tls};
use mxlab::provider::Policy;
use mxlab::provider::profile::{built_in, parse};
use mxlab::record::Cell;
use mxlab::time::Span;
use mxlab::units::ProviderId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// How long a test waits for anything at all before it fails.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A cluster and its one host.
pub(crate) struct Target {
    pub(crate) cluster: Arc<MxCluster>,
    pub(crate) at: SocketAddr,
    server: MxServer,
}

impl Target {
    /// The profile `open`, which refuses nothing: all that is refused here is refused by the wire.
    pub(crate) fn open(connections_max: usize) -> Self {
        Self::with(connections_max, Span::from_secs(300))
    }

    /// The same, and clients have so long for a command.
    pub(crate) fn with(connections_max: usize, command_timeout: Span) -> Self {
        Self::of(&parse(&built_in("open").unwrap()).unwrap(), connections_max, command_timeout)
    }

    /// The profile `open`, and these rules and replies.
    pub(crate) fn stricter(rules: &str) -> Self {
        let profile = Document::new("stricter", format!("{}\n{rules}", built_in("open").unwrap().text));
        Self::of(&parse(&profile).unwrap_or_else(|wrong| panic!("{wrong:?}")), 100, Span::from_secs(300))
    }

    fn of(policy: &Policy, connections_max: usize, command_timeout: Span) -> Self {
        let config = MxClusterConfig::new(vec![policy.clone()], 1);
        let cluster = MxCluster::new(config, Clock::start(Speed::REAL));
        let address = "127.0.0.1:0".parse().unwrap();
        let hosts = [MxHost { site: ProviderId(0), name: "mx.test".to_owned(), address }];
        let acceptor = tls::ServerTls::self_signed(&["mx.test".to_owned()], &[]).unwrap();
        let options =
            ServerOptions { connections_max, tls: Some(acceptor), command_timeout, ..ServerOptions::default() };
        let server = MxServer::start(&cluster, &hosts, options).unwrap();
        let at = server.hosts()[0].address;
        Self { cluster, at, server }
    }

    pub(crate) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.at).await.unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// A client that behaves is served; then all is over, and the books balance. So many messages were accepted.
    pub(crate) async fn recovers(self, before: u64) {
        self.recovered(before).await;
    }

    /// The same; what the books say.
    pub(crate) async fn recovered(self, before: u64) -> Cell {
        self.behaves().await;
        self.empties().await;
        self.server.stop(LONG).await;
        let (mut trial, _) = self.cluster.record("clients", 1).expect("the books balance");
        let books = trial.cells.remove(0);
        assert_eq!(books.totals.delivered, before + 1);
        books
    }

    /// Waits until nobody is connected.
    pub(crate) async fn empties(&self) {
        let nobody = async {
            while self.cluster.sample(ProviderId(0)).open > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, nobody).await.expect("everybody is gone in the end");
    }

    /// A message by somebody who behaves.
    pub(crate) async fn behaves(&self) {
        let message = "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n";
        let mut client = self.client().await;
        client.hears("220").await;
        client.send(message).await;
        client.hears("354").await;
        client.send("Subject: x\r\n\r\nwell\r\n.\r\nQUIT\r\n").await;
        client.hears("221").await;
    }
}

/// Somebody who speaks.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    /// Says something; whoever hung up hears nothing.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Waits for a line that begins so; fails if the server closes before.
    pub(crate) async fn hears(&mut self, start: &str) -> String {
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

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let read = tokio::time::timeout(LONG, self.stream.read_to_end(&mut all)).await;
        // A reset is an end too.
        let _ = read.expect("the server closes");
        String::from_utf8_lossy(&all).into_owned()
    }
}
