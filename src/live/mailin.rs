//! The second front end: mailin-embedded, an independent SMTP server, with the same `PolicySession` behind it.
//!
//! Every connection has a thread, from a fixed pool, and delays make it sleep. What the server cannot do, and so a
//! provider cannot do behind it, is in [`CANNOT`].

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use mailin_embedded::response::OK;
use mailin_embedded::{Action, Handler, Response, Server};

use super::cluster::MxCluster;
use super::policy_session::{EnvelopeAddress, PolicySession};
use super::rendered_verdict::RenderedVerdict;
use super::shared_state::{Admission, NewConnection};
use crate::smtp::{Code, Reply, Stage};
use crate::time::Span;
use crate::units::{HostId, ProviderId};

/// How this front end differs from mxlab's own, for its users.
pub const CANNOT: &str = "\
mailin-embedded always greets with 220: whoever is refused at connect hears it at EHLO, and a client that says nothing
counts as no connection; nobody is seen to talk early. It knows neither SIZE, PIPELINING nor ENHANCEDSTATUSCODES,
refuses `MAIL FROM:<>` and parameters other than BODY, and is asked for no STARTTLS. It cannot close without a word (421
instead), writes replies of several lines as one, keeps its clients' transactions open after RSET until the next MAIL,
reads lines without a limit, serves as many clients at a time as it has threads, and never stops before the process
does. What it refuses by itself is no event, and what this machine is short of (file descriptors, memory, threads) it
keeps to itself: nothing of that is counted, and the exit code does not tell of it.";

/// Serves a provider on a listener, so many clients at a time. It never ends before the process does.
///
/// # Errors
/// The system has no thread left.
pub fn serve(cluster: Arc<MxCluster>, site: ProviderId, listener: TcpListener, clients: u32) -> io::Result<()> {
    let policy = &cluster.policies()[site.index()];
    let (name, host) = (format!("mailin-{}", policy.name), policy.mx.first().cloned().unwrap_or_default());
    let mut server = Server::new(MailinHandler { cluster, site, session: None, size: 0, receiving: false });
    server.with_name(host).with_num_threads(clients.max(1)).with_tcp_listener(listener);
    // It returns only if the listener has no address, and then there is nothing to serve.
    thread::Builder::new().name(name).spawn(move || drop(server.serve())).map(drop)
}

/// Answers clients by the provider's policy. The server clones it for every connection.
struct MailinHandler {
    cluster: Arc<MxCluster>,
    site: ProviderId,
    /// The session of a client that has said EHLO.
    session: Option<PolicySession>,
    /// Bytes of the message so far.
    size: u64,
    receiving: bool,
}

impl Clone for MailinHandler {
    fn clone(&self) -> Self {
        Self { cluster: Arc::clone(&self.cluster), site: self.site, session: None, size: 0, receiving: false }
    }
}

impl MailinHandler {
    /// The client's first EHLO: it connects to the provider now.
    fn start_session(&mut self, ip: IpAddr) -> Response {
        let NewConnection { client, admission } = self.cluster.on_connect(self.site, ip);
        let open = match admission {
            Admission::Served => true,
            Admission::Queued(woken) => woken.blocking_recv().is_ok(),
            Admission::Ignored => false,
        };
        if !open {
            return close_reply();
        }
        let mut session = PolicySession::new(Arc::clone(&self.cluster), (self.site, HostId(0)), ip, client);
        let response = session.connect();
        self.session = Some(session);
        let mut response = self.respond(response);
        if response.is_error {
            // It takes the place of the greeting: there is no session.
            response.action = Action::Close;
        }
        response
    }

    /// Asks the session. Without one the server answers commands by itself, and does not get here.
    fn ask(&mut self, question: impl FnOnce(&mut PolicySession) -> RenderedVerdict) -> Response {
        match self.session.as_mut().map(question) {
            Some(response) => self.respond(response),
            None => close_reply(),
        }
    }

    fn respond(&self, mut response: RenderedVerdict) -> Response {
        self.wait(std::mem::take(response.delay_mut()));
        match response {
            RenderedVerdict::Accept { .. } => OK,
            RenderedVerdict::Refuse { reply, close, .. } => refusal(&reply, close),
            RenderedVerdict::Drop { .. } => close_reply(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a thread of the server's own, with nothing else to do")]
    fn wait(&self, span: Span) {
        if !span.is_zero() {
            thread::sleep(self.cluster.clock().speed().wall_duration(span));
        }
    }
}

impl Handler for MailinHandler {
    fn helo(&mut self, ip: IpAddr, name: &str) -> Response {
        if self.session.is_none() {
            let greeted = self.start_session(ip);
            if greeted.is_error {
                return greeted;
            }
        }
        self.ask(|session| {
            session.reset();
            session.ehlo(name)
        })
    }

    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        self.ask(|session| {
            // The server does not tell its handler of RSET.
            session.reset();
            session.mail(address(from), 0)
        })
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.ask(|session| session.rcpt(address(to)))
    }

    fn data_start(&mut self, _: &str, _: &str, _: bool, _: &[String]) -> Response {
        let response = self.ask(PolicySession::data);
        (self.size, self.receiving) = (0, !response.is_error);
        response
    }

    fn data(&mut self, piece: &[u8]) -> io::Result<()> {
        self.size += piece.len() as u64;
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let size = self.size;
        self.receiving = false;
        let service = self.session.as_mut().map_or(Span::ZERO, |session| session.message_received(size));
        self.wait(service);
        let mut response = self.ask(|session| session.end_of_data(size, acceptance));
        // mailin takes an error here for one inside the message, and would read the next commands as more of it.
        response.is_error = false;
        response
    }
}

impl Drop for MailinHandler {
    fn drop(&mut self) {
        if let (true, Some(session)) = (self.receiving, &mut self.session) {
            session.on_connection_lost(Stage::EndOfData);
        }
    }
}

/// A provider's refusal on one line, as the server has no longer ones. It closes exactly where the provider does,
/// whatever the code.
fn refusal(reply: &Reply, close: bool) -> Response {
    let text = reply.text.replace('\n', " ");
    let text = reply.enhanced.map_or_else(|| text.clone(), |enhanced| format!("{enhanced} {text}"));
    let mut response = Response::custom(reply.code.get(), text);
    response.action = if close { Action::Close } else { Action::Reply };
    response
}

/// What the server makes of `OK`.
fn acceptance() -> Reply {
    Reply { code: Code::literal(250), enhanced: None, text: "OK".to_owned() }
}

/// The reply where a provider would close without one.
fn close_reply() -> Response {
    Response::custom(421, "closing the connection".to_owned())
}

fn address(text: &str) -> EnvelopeAddress<'_> {
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    EnvelopeAddress { local, domain }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::super::clock::{Clock, Speed};
    use super::super::cluster::MxClusterConfig;
    use super::*;
    use crate::provider::tests::policy;
    use crate::provider::{
        Attribution, Check, Counted, Limit, LimitValue, ListenerCapacity, Meter, Policy, ReputationOf, Rule,
        RuleAction, RuleKind, Scope, TierValue, Window,
    };
    use crate::units::{ClientId, ReplyId};

    const SITE: ProviderId = ProviderId(0);

    fn cluster(change: impl FnOnce(&mut Policy)) -> Arc<MxCluster> {
        let mut policy = policy(Vec::new());
        policy.replies[0] = Reply {
            code: 421.try_into().unwrap(),
            enhanced: Some("4.7.0".parse().unwrap()),
            text: "[{ip}] too much\ncome back".to_owned(),
        };
        change(&mut policy);
        MxCluster::new(MxClusterConfig::new(vec![policy], 1), Clock::start(Speed::REAL))
    }

    /// A rule that refuses everything with reply number `reply`.
    fn never(at: Stage, reply: u16, close: bool) -> Rule {
        Rule {
            name: "never".to_owned(),
            at,
            kind: RuleKind::Check(Check::Always),
            action: RuleAction::Reply { reply: ReplyId(reply), close },
            hold: None,
            enabled: true,
            attribution: Attribution::default(),
        }
    }

    fn one_connection() -> Rule {
        let value = LimitValue::by_tier(vec![TierValue::Exactly(1)]);
        let (meter, scope, window) = (Meter::OpenConnections, Scope::ClientIp, Window::Gauge);
        let limit =
            Limit { meter, scope, window, counted: Counted::Acceptances, value, reputation_of: ReputationOf::ClientIp };
        Rule { kind: RuleKind::Limit(limit), ..never(Stage::Connect, 0, true) }
    }

    struct Client(BufReader<TcpStream>);

    impl Client {
        /// Connects, and reads the greeting.
        fn of(cluster: &Arc<MxCluster>) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let at = listener.local_addr().unwrap();
            serve(Arc::clone(cluster), SITE, listener, 4).unwrap();
            Self::at(at)
        }

        fn at(at: std::net::SocketAddr) -> Self {
            let stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            let mut client = Self(BufReader::new(stream));
            assert_eq!(client.expect_reply(), "220 mx.test.example ESMTP");
            client
        }

        fn another(&self) -> Self {
            Self::at(self.0.get_ref().peer_addr().unwrap())
        }

        fn expect_reply(&mut self) -> String {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }

        fn says(&mut self, line: &str) -> String {
            self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
            self.expect_reply()
        }

        fn is_closed(&mut self) -> bool {
            self.0.read(&mut [0]).is_ok_and(|n| n == 0)
        }
    }

    fn counts(cluster: &MxCluster) -> (u64, u64, u64, u64) {
        let state = cluster.lock();
        let state = state.statistics.client(ClientId(0)).unwrap();
        (state.connections, state.accepted, state.deferred, state.rejected)
    }

    const TO_DATA: [(&str, &str); 5] = [
        ("HELO client.example", "250 OK"),
        ("MAIL FROM:<news@sender.example>", "250 OK"),
        ("RCPT TO:<ann@test.example>", "250 OK"),
        ("RCPT TO:<bob@test.example>", "250 OK"),
        ("DATA", "354 Start mail input; end with <CRLF>.<CRLF>"),
    ];

    fn send_up_to_data(client: &mut Client) {
        for (line, reply) in TO_DATA {
            assert_eq!(client.says(line), reply, "{line}");
        }
    }

    #[test]
    fn a_message_is_accepted_and_counted() {
        let cluster = cluster(|_| {});
        let mut client = Client::of(&cluster);
        send_up_to_data(&mut client);
        assert_eq!(client.says("Subject: hello\r\n\r\n..\r\n."), "250 OK");
        assert_eq!(client.says("MAIL FROM:<news@sender.example>"), "250 OK");
        assert_eq!(client.says("RCPT TO:<451.ann@test.example>"), "451 as you asked");
        assert_eq!(client.says("RCPT TO:<550-5.1.1.ann@test.example>"), "550 5.1.1 as you asked");
        assert_eq!(counts(&cluster), (1, 2, 1, 1));
        assert_eq!(cluster.sample(SITE).open, 1);
        assert_eq!(client.says("QUIT"), "221 Goodbye");
        assert!(client.is_closed());
    }

    #[test]
    fn a_refusal_at_connect_is_sent_at_ehlo() {
        let cluster = cluster(|policy| policy.rules = vec![one_connection()]);
        let mut first = Client::of(&cluster);
        assert_eq!(first.says("EHLO client.example"), "250-server offers extensions:");
        assert_eq!(first.expect_reply(), "250 8BITMIME");
        let mut second = first.another();
        assert_eq!(second.says("EHLO client.example"), "421 4.7.0 [127.0.0.1] too much come back");
        assert!(second.is_closed());
        assert_eq!(counts(&cluster), (2, 0, 0, 0), "no recipient was named");
        // A client that was let in may say EHLO again without connecting again.
        assert_eq!(first.says("HELO client.example"), "250 OK");
        assert_eq!(counts(&cluster).0, 2);
    }

    #[test]
    fn a_refusal_at_end_of_data_ends_the_message() {
        let cluster = cluster(|policy| policy.rules = vec![never(Stage::EndOfData, 1, false)]);
        let mut client = Client::of(&cluster);
        send_up_to_data(&mut client);
        assert_eq!(client.says("text\r\n."), "450 no");
        assert_eq!(client.says("MAIL FROM:<news@sender.example>"), "250 OK", "a command, and not more of the message");
        assert_eq!(counts(&cluster), (1, 0, 2, 0));
    }

    #[test]
    fn the_connection_is_closed_where_the_provider_closes_it() {
        let cluster = cluster(|policy| policy.rules = vec![never(Stage::EndOfData, 2, true)]);
        let mut client = Client::of(&cluster);
        send_up_to_data(&mut client);
        assert_eq!(client.says("text\r\n."), "550 no");
        assert!(client.is_closed());
        let mut client = client.another();
        client.says("HELO client.example");
        client.says("MAIL FROM:<news@sender.example>");
        assert_eq!(client.says("RCPT TO:<drop.ann@test.example>"), "421 closing the connection");
        assert!(client.is_closed());
    }

    #[test]
    fn a_message_that_breaks_off_is_recorded_and_frees_its_place() {
        let cluster = cluster(|policy| policy.listener = Some(ListenerCapacity { workers: 1, backlog: 1 }));
        let mut client = Client::of(&cluster);
        send_up_to_data(&mut client);
        let mut next = client.another();
        next.0.get_mut().write_all(b"HELO next.example\r\n").unwrap();
        drop(client);
        assert_eq!(next.expect_reply(), "250 OK", "the place of the one that went");
        assert_eq!(cluster.sample(SITE).open, 1);
        let trial = cluster.record("live", 1).unwrap().trial;
        assert_eq!(trial.cells[0].totals.injected, 2, "two recipients, still queued");
    }

    #[test]
    fn addresses_may_lack_a_domain() {
        assert_eq!(address("postmaster"), EnvelopeAddress { local: "postmaster", domain: "" });
        assert_eq!(address("\"a@b\"@c.example"), EnvelopeAddress { local: "\"a@b\"", domain: "c.example" });
    }
}
