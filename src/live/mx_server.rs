//! MX hosts that listen: sockets, and a task for every connection that comes in.
//!
//! Everything is bounded: so many connections at a time, and further ones wait; when the process is out of file
//! descriptors, accepting pauses and open connections live on.

use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cluster::MxCluster;
use super::hosted_sessions::SocketPair;
use super::listener::{self, MxListener};
use super::own_failure::{OwnFailureCounter, own_failure};
use super::own_faults::OwnFaultPoint;
use super::policy_handler::PolicyHandler;
use super::policy_session::PolicySession;
use super::rendered_verdict::RenderedVerdict;
use super::server_options::{ServerOptions, junk_commands_max};
use super::shared_state::{Admission, NewConnection};
use super::smtp_connection::{self, ConnectionConfig};
use crate::provider::Policy;
use crate::record::{OwnFailure, OwnFailures};
use crate::smtp::ServerConfig;
use crate::units::{ClientId, HostId, ProviderId};

/// An MX host: a provider's name, and the address at which it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// The provider it belongs to.
    pub site: ProviderId,
    /// Its name, in the DNS and in its greeting.
    pub name: String,
    /// Its address. Of a host that is to listen, port 0 is any free port.
    pub address: SocketAddr,
}

/// A host cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {name}: {error}{}", hint(error))]
pub struct ListenError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// The host's name.
    pub name: String,
    /// What the system says.
    pub error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it, or choose another port",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another, such as 2525",
        io::ErrorKind::AddrNotAvailable => {
            "; this machine has no such address (on Linux all of 127.0.0.0/8 is there, elsewhere only 127.0.0.1)"
        }
        _ => "",
    }
}

/// MX hosts at work.
#[derive(Debug)]
pub struct MxServer {
    hosts: Vec<MxHost>,
    own_failures: OwnFailureCounter,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl MxServer {
    /// Begins to listen on all of these hosts.
    ///
    /// # Errors
    /// One of them cannot listen; then none does.
    pub fn start(cluster: &Arc<MxCluster>, hosts: &[MxHost], options: ServerOptions) -> Result<Self, ListenError> {
        let listeners = hosts.iter().map(listen).collect::<Result<Vec<_>, _>>()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let permits = Arc::new(Semaphore::new(options.connections_max));
        let options = Arc::new(options);
        let own_failures = OwnFailureCounter::default();
        let mut listening: Vec<MxHost> = Vec::new();
        for (listener, MxHost { site, name, .. }) in listeners.into_iter().zip(hosts) {
            let policy = &cluster.policies[site.index()];
            let others = listening.iter().filter(|other| other.site == *site).count();
            listening.push(MxHost { site: *site, name: name.clone(), address: listener.local_addr() });
            let acceptor = Arc::new(HostAcceptor {
                cluster: cluster.clone(),
                site: *site,
                host: HostId::from_index(others % usize::from(policy.hosts)),
                permits: permits.clone(),
                config: Arc::new(options.config(name, policy)),
                options: options.clone(),
                own_failures: own_failures.clone(),
                stop: stop.clone(),
                tasks: tasks.clone(),
            });
            tasks.spawn(acceptor.accept_loop(listener));
        }
        Ok(Self { hosts: listening, own_failures, stop, tasks })
    }

    /// The hosts, with the addresses at which they listen.
    pub fn hosts(&self) -> &[MxHost] {
        &self.hosts
    }

    /// How often this machine was short of something: connections had to wait in the kernel, or were lost.
    pub fn own_failures(&self) -> OwnFailures {
        self.own_failures.counts()
    }

    /// Takes no more connections, sends 421 on the open ones and waits until they have ended, for `grace` at most. What
    /// this machine was short of until then.
    pub async fn stop(self, grace: Duration) -> OwnFailures {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(grace, self.tasks.wait()).await;
        self.own_failures.counts()
    }
}

fn listen(host: &MxHost) -> Result<MxListener, ListenError> {
    let MxHost { address, name, .. } = host;
    MxListener::bind(*address).map_err(|error| ListenError { address: *address, name: name.clone(), error })
}

/// Accepts the connections of one host.
struct HostAcceptor {
    cluster: Arc<MxCluster>,
    site: ProviderId,
    /// Which of the provider's hosts it is: those that listen are counted round.
    host: HostId,
    /// One for each connection that may be open, over all hosts.
    permits: Arc<Semaphore>,
    config: Arc<ServerConfig>,
    options: Arc<ServerOptions>,
    own_failures: OwnFailureCounter,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A connection that has not been greeted.
struct PendingConnection {
    stream: StdTcpStream,
    pair: SocketPair,
    client: ClientId,
    /// Held as long as the connection lasts.
    permit: Option<OwnedSemaphorePermit>,
}

/// How long accepting pauses when there are no file descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Wall-clock time that a connection may last, whatever the client does.
const CONNECTION_MAX: Duration = Duration::from_hours(4);

impl HostAcceptor {
    async fn accept_loop(self: Arc<Self>, listener: MxListener) {
        let mut stopped = pin!(self.stop.cancelled());
        loop {
            let next = async {
                self.options.own_faults.check(OwnFaultPoint::Accept)?;
                let (stream, client) = listener.accept().await?;
                Ok((stream, SocketPair { client, host: listener.local_addr() }, self.place().await))
            };
            let accepted = tokio::select! {
                biased;
                () = &mut stopped => return,
                next = next => next,
            };
            match accepted {
                Ok((stream, pair, permit)) => self.on_connection(stream, pair, permit),
                // The connection was gone before it was taken.
                Err(error) if is_of_connection(&error) => {}
                // Out of file descriptors or memory, until other connections end.
                Err(error) => {
                    self.count(&error);
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    /// A place for a connection, as soon as there is one.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Some(permit);
        }
        self.options.short_of.inspect(|what| self.own_failures.add(*what));
        // The semaphore is never closed.
        self.permits.clone().acquire_owned().await.ok()
    }

    /// Counts what this machine was short of when it was asked for a socket.
    fn count(&self, error: &io::Error) {
        self.own_failures.add(own_failure(error).unwrap_or(OwnFailure::Memory));
    }

    /// Registers a connection with the runtime. From then on it is in the provider's hands.
    fn take(&self, stream: StdTcpStream, pair: SocketPair) -> Option<TcpStream> {
        let stream = TcpStream::from_std(stream).inspect_err(|error| self.count(error)).ok()?;
        self.cluster.hosted.take(pair);
        Some(stream)
    }

    fn on_connection(self: &Arc<Self>, stream: StdTcpStream, pair: SocketPair, permit: Option<OwnedSemaphorePermit>) {
        let NewConnection { client, admission } = self.cluster.on_connect(self.site, pair.client.ip().to_canonical());
        let pending = PendingConnection { stream, pair, client, permit };
        match admission {
            Admission::Served => self.start_session(pending),
            Admission::Queued(turn) => {
                let acceptor = self.clone();
                self.tasks.spawn(async move {
                    if let Some(pending) = acceptor.wait_in_backlog(pending, turn).await {
                        acceptor.start_session(pending);
                    }
                });
            }
            Admission::Ignored => {
                // The kernel's handshake cannot be taken back: to the client this is a greeting that never comes.
                let acceptor = self.clone();
                self.tasks.spawn(async move {
                    let Some(stream) = acceptor.take(pending.stream, pending.pair) else { return };
                    tokio::select! { () = wait_for_hangup(&stream) => {}, () = acceptor.stop.cancelled() => {} }
                    drop(pending.permit);
                });
            }
        }
    }

    /// Waits for a connection's turn in the provider's backlog; `None` if the client hangs up before.
    async fn wait_in_backlog(
        &self,
        pending: PendingConnection,
        mut turn: oneshot::Receiver<()>,
    ) -> Option<PendingConnection> {
        let stream = self.take(pending.stream, pending.pair)?;
        let has_turn = tokio::select! {
            turn = &mut turn => turn.is_ok(),
            () = wait_for_hangup(&stream) => false,
            () = self.stop.cancelled() => false,
        };
        match stream.into_std() {
            Ok(stream) if has_turn => return Some(PendingConnection { stream, ..pending }),
            _ => turn.close(),
        }
        // It may have got its turn in the very moment in which it hung up, and gives it back.
        if has_turn || turn.try_recv().is_ok() {
            self.cluster.lock().on_disconnect(self.site);
        }
        None
    }

    /// Greets a connection. One that is refused at once is answered here: there may be many of those, and a task with
    /// all that it could wait for would cost as much again.
    fn start_session(self: &Arc<Self>, pending: PendingConnection) {
        let PendingConnection { stream, pair, client, permit } = pending;
        let ip = pair.client.ip().to_canonical();
        let mut session = PolicySession::new(self.cluster.clone(), (self.site, self.host), ip, client);
        let greeting = session.connect();
        if let Some(reply) = smtp_connection::immediate_refusal(&self.config, &greeting) {
            self.cluster.hosted.take(pair);
            // A client that is gone needs no reply.
            if let Err(error) = listener::refuse_and_close(&stream, &reply)
                && let Some(what) = own_failure(&error)
            {
                self.own_failures.add(what);
                self.cluster.hosted.break_off(pair, what);
            }
            return;
        }
        let acceptor = self.clone();
        self.tasks.spawn(async move {
            if let Some(stream) = acceptor.take(stream, pair) {
                acceptor.serve(stream, pair, session, greeting).await;
            }
            drop(permit);
        });
    }

    /// Serves a connection whose greeting is decided to its end.
    async fn serve(&self, stream: TcpStream, pair: SocketPair, session: PolicySession, greeting: RenderedVerdict) {
        // Replies are small, and the client waits for them.
        let _ = stream.set_nodelay(true);
        let (server_config, idle_limit) = {
            let mut state = self.cluster.lock();
            let provider = state.provider(self.site);
            (current_config(&self.config, provider.policy()), provider.idle_limit())
        };
        let config = ConnectionConfig {
            clock: self.cluster.clock,
            command_timeout: idle_limit.unwrap_or(self.options.command_timeout),
            tls: self.options.tls.as_ref(),
            own_faults: &self.options.own_faults,
            stop: &self.stop,
        };
        let store = self.options.message_store.as_ref();
        let handler = PolicyHandler::new(session, pair, greeting, server_config.clone(), store);
        let connection = smtp_connection::serve(stream, server_config, handler, config);
        // A connection that ended with an error has ended all the same; what this machine has done to it is counted.
        if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_MAX, connection).await
            && let Some(what) = own_failure(&error)
        {
            self.own_failures.add(what);
        }
    }
}

/// The same configuration with what the provider's rules say now of sizes and idle commands: they may have changed.
fn current_config(config: &Arc<ServerConfig>, policy: &Policy) -> Arc<ServerConfig> {
    let size_advertised = policy.size_max().map(|size| size.0);
    let junk_commands_max = junk_commands_max(policy);
    if config.size_advertised == size_advertised && config.junk_commands_max == junk_commands_max {
        config.clone()
    } else {
        Arc::new(ServerConfig { size_advertised, junk_commands_max, ..(**config).clone() })
    }
}

/// Waits until the client hangs up. What it sends meanwhile stays in the kernel.
async fn wait_for_hangup(stream: &TcpStream) {
    let mut one = [0];
    loop {
        match stream.peek(&mut one).await {
            Ok(0) | Err(_) => return,
            // With bytes to read, the socket stays ready: its end can only be polled for.
            Ok(_) => tokio::time::sleep(HANGUP_POLL).await,
        }
        if stream.ready(Interest::READABLE).await.is_ok_and(Ready::is_read_closed) {
            return;
        }
    }
}

/// How often a client that talks without having been greeted is polled.
const HANGUP_POLL: Duration = Duration::from_millis(200);

/// Whether an error of `accept` is about the one connection (Linux passes pending network errors on, see accept(2)).
fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::diagnostic::Document;
    use crate::live::clock::{Clock, Speed};
    use crate::live::cluster::MxClusterConfig;
    use crate::provider::{LimitValue, PolicyChange, RuleKind, Scope, TierValue, Window, profile};
    use crate::time::Span;
    use crate::units::RuleId;

    const SITE: ProviderId = ProviderId(0);

    /// The replies of a host to a whole session.
    async fn replies(server: &MxServer, session: &str) -> String {
        let mut stream = TcpStream::connect(server.hosts()[0].address).await.unwrap();
        stream.write_all(session.as_bytes()).await.unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).await.unwrap();
        replies
    }

    /// A provider with a limit on everything that a client can do besides sending mail.
    const STRICT: &str = r#"
name = "strict"
title = "Strict"
domains = ["strict.example"]
mx = ["mx.strict.example"]

[reply.enough]
code = 421
enhanced = "4.7.0"
text = "{mx} enough of that"

[reply.too-large]
code = 552
text = "too large for us"

[rule.idle]
at = "ehlo"
check = { idle = "1s" }
answer = { reply = "enough" }

[rule.idle-commands]
at = "ehlo"
count = "idle-commands"
window = "session"
limit = 120
answer = { reply = "enough" }

[rule.auth-failures]
at = "ehlo"
per = "client-ip"
count = "auth-failures"
window = { fixed = "1h" }
limit = 2
answer = { reply = "enough" }
hold = { ladder = ["1h"], at = "connect" }

[rule.size]
at = "mail"
check = { size = "1kB" }
answer = { reply = "too-large" }
"#;

    fn serve_strict() -> MxServer {
        let policy = profile::parse(&Document::new("strict.toml", STRICT)).unwrap();
        let cluster = MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL));
        let host = MxHost { site: SITE, name: "mx.example".to_owned(), address: "127.0.0.1:0".parse().unwrap() };
        MxServer::start(&cluster, &[host], ServerOptions::default()).unwrap()
    }

    const ENOUGH: &str = "421 4.7.0 mx.strict.example enough of that\r\n";

    #[tokio::test]
    async fn a_client_that_says_nothing_is_told_so_in_the_providers_words() {
        let server = serve_strict();
        let said = replies(&server, "EHLO a.example\r\n").await;
        assert!(said.ends_with(ENOUGH), "{said}");
        server.stop(Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn commands_that_do_nothing_are_counted_by_the_providers_rule_alone() {
        let server = serve_strict();
        // A RSET in a transaction does something, as does the first EHLO.
        let idle = ["NOOP", "HELP", "VRFY ann", "RSET", "EHLO a.example"].map(|command| format!("{command}\r\n"));
        let session =
            |rounds| format!("EHLO a.example\r\nMAIL FROM:<>\r\nRSET\r\n{}QUIT\r\n", idle.concat().repeat(rounds));
        let patient = replies(&server, &session(24)).await;
        assert!(patient.ends_with("221 2.0.0 Bye\r\n"), "120 of them: {patient}");
        let said = replies(&server, &session(25)).await;
        assert!(said.ends_with(ENOUGH), "{said}");
        server.stop(Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn wrong_passwords_are_refused_and_counted() {
        let server = serve_strict();
        // "\0ann\0wrong" and "\0ann\0right".
        let (wrong, right) = ("AUTH PLAIN AGFubgB3cm9uZw==\r\n", "AUTH PLAIN AGFubgByaWdodA==\r\n");
        let said = replies(&server, &format!("EHLO a.example\r\n{wrong}{right}QUIT\r\n")).await;
        assert!(said.contains("\r\n535 5.7.8 ") && said.contains("\r\n235 2.7.0 "), "{said}");
        let said = replies(&server, &format!("EHLO a.example\r\n{wrong}{wrong}QUIT\r\n")).await;
        assert!(said.contains("\r\n535 5.7.8 ") && said.ends_with(ENOUGH), "{said}");
        assert_eq!(replies(&server, "QUIT\r\n").await, ENOUGH, "held at connect");
        server.stop(Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn a_message_is_measured_whatever_mail_says_of_it() {
        let server = serve_strict();
        let body = "x".repeat(60) + "\r\n";
        let message = |size: &str| {
            let data = body.repeat(20);
            format!("EHLO a\r\nMAIL FROM:<>{size}\r\nRCPT TO:<b@strict.example>\r\nDATA\r\n{data}.\r\nQUIT\r\n")
        };
        let silent = replies(&server, &message("")).await;
        assert!(silent.contains("-SIZE 1000\r\n") && silent.contains("\r\n354 "), "{silent}");
        assert!(silent.contains("\r\n552 too large for us\r\n221"), "after the dot: {silent}");
        server.stop(Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn the_size_of_ehlo_follows_policy_changes() {
        let policy = profile::parse(&profile::built_in("charter").unwrap()).unwrap();
        let rule = policy.rules.iter().position(|rule| rule.name == "size").unwrap();
        let cluster = MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL));
        let host = MxHost { site: SITE, name: "mx.example".to_owned(), address: "127.0.0.1:0".parse().unwrap() };
        let server = MxServer::start(&cluster, &[host], ServerOptions::default()).unwrap();
        let session = "EHLO a.example\r\nMAIL FROM:<a@a.example> SIZE=20000001\r\nQUIT\r\n";
        let strict = replies(&server, session).await;
        assert!(strict.contains("-SIZE 20000000\r\n"), "{strict}");
        assert!(strict.contains("\r\n552 Message size exceeds allowed maximum"), "in the provider's words: {strict}");
        cluster.change_policy(SITE, &PolicyChange::Enabled(RuleId::from_index(rule), false));
        let lenient = replies(&server, session).await;
        assert!(lenient.contains("-SIZE 1073741824\r\n") && !lenient.contains("552"), "{lenient}");
        server.stop(Duration::from_secs(10)).await;
    }

    /// One message of a client that logs in with this name (AUTH PLAIN), from MAIL to the end.
    fn message_by(initial_response: &str) -> String {
        format!(
            "EHLO a.example\r\nAUTH PLAIN {initial_response}\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nQUIT\r\n"
        )
    }

    #[tokio::test]
    async fn who_logs_in_is_counted_by_the_account() {
        let policy = profile::parse(&profile::built_in("exchange-tenant").unwrap()).unwrap();
        let rule = policy.rules.iter().position(|rule| rule.name == "message-rate").unwrap();
        // No minute of the clock ends between two messages.
        let mut policies = vec![policy];
        if let RuleKind::Limit(limit) = &mut policies[0].rules[rule].kind {
            limit.window = Window::Sliding { length: Span::DAY };
            limit.value = LimitValue::by_tier(vec![TierValue::Exactly(1)]);
        }
        let cluster = MxCluster::new(MxClusterConfig::new(policies, 1), Clock::start(Speed::REAL));
        let host = MxHost { site: SITE, name: "mx.example".to_owned(), address: "127.0.0.1:0".parse().unwrap() };
        let server = MxServer::start(&cluster, &[host], ServerOptions::default()).unwrap();
        // The names `me` and `you`, each with the password `x`.
        let (me, you) = (message_by("AG1lAHg="), message_by("AHlvdQB4"));
        for (session, passes) in [(&me, true), (&you, true), (&me, false), (&you, false)] {
            let said = replies(&server, session).await;
            assert_eq!(said.contains("421 4.4.2"), !passes, "{said}");
        }
        server.stop(Duration::from_secs(10)).await;
    }

    /// Two hosts of a provider that has two: what is open at one takes no place at the other.
    #[tokio::test]
    async fn each_listener_is_a_host_of_its_own() {
        let mut policy = profile::parse(&profile::built_in("microsoft").unwrap()).unwrap();
        policy.rules.retain(|rule| rule.name == "connections");
        policy.hosts = 2;
        if let RuleKind::Limit(limit) = &mut policy.rules[0].kind {
            limit.scope = Scope::ClientIpAndHost;
            limit.value = LimitValue::by_tier(vec![TierValue::Exactly(1); policy.tiers.len()]);
        }
        let cluster = MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL));
        let host = MxHost { site: SITE, name: "mx.example".to_owned(), address: "127.0.0.1:0".parse().unwrap() };
        let server = MxServer::start(&cluster, &[host.clone(), host], ServerOptions::default()).unwrap();
        let mut told = Vec::new();
        let mut open = Vec::new();
        for place in [0, 1, 0] {
            let mut stream = TcpStream::connect(server.hosts()[place].address).await.unwrap();
            let mut reply = [0; 2048];
            _ = stream.read(&mut reply).await.unwrap();
            for line in ["EHLO a.example\r\n", "MAIL FROM:<a@a.example>\r\n"] {
                stream.write_all(line.as_bytes()).await.unwrap();
                reply.fill(0);
                _ = stream.read(&mut reply).await.unwrap();
            }
            told.push(reply[..3].to_vec());
            open.push(stream);
        }
        assert_eq!(told, [b"250", b"250", b"451"]);
        drop(open);
        server.stop(Duration::from_secs(10)).await;
    }
}
