//! The second front end: mailin-embedded, an SMTP server that nobody here wrote, and the same visit behind it.
//!
//! A thread for every connection, from a fixed pool; whatever takes time makes its thread wait. What the server cannot
//! do, and so a provider cannot do behind it, is in [`CANNOT`].

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use mailin_embedded::response::OK;
use mailin_embedded::{Action, Handler, Response, Server};

use super::farm::{Door, Farm};
use super::visit::{Address, Reaction, Visit};
use crate::smtp::{Reply, Stage};
use crate::time::Span;
use crate::units::ProviderId;

/// What differs behind this front end, for whoever chooses it.
pub const CANNOT: &str = "\
mailin-embedded always greets with 220: whoever is refused at connect hears it at EHLO, and a client that says nothing
counts as no connection; nobody is seen to talk early. It knows neither SIZE, PIPELINING nor ENHANCEDSTATUSCODES,
refuses `MAIL FROM:<>` and parameters other than BODY, and is asked for no STARTTLS. It cannot close without a word (421
instead), writes replies of several lines as one, keeps its clients' transactions open after RSET until the next MAIL,
reads lines without a limit, serves as many clients at a time as it has threads, and never stops before the process
does.";

/// Serves a provider on a listener, so many clients at a time. It never ends: the thread is left to itself, and ends
/// with the process.
///
/// # Errors
/// The system has no thread left.
pub fn serve(farm: Arc<Farm>, site: ProviderId, listener: TcpListener, clients: u32) -> io::Result<()> {
    let policy = &farm.policies()[site.index()];
    let (name, host) = (format!("mailin-{}", policy.name), policy.mx.first().cloned().unwrap_or_default());
    let mut server = Server::new(Desk { farm, site, visit: None, size: 0, in_message: false });
    server.with_name(host).with_num_threads(clients.max(1)).with_tcp_listener(listener);
    // It returns only where the listener has no address, and then there is nothing to serve.
    thread::Builder::new().name(name).spawn(move || drop(server.serve())).map(drop)
}

/// The side of the provider. One for all that have not been greeted, and a copy for each that has.
struct Desk {
    farm: Arc<Farm>,
    site: ProviderId,
    /// The client, once it has said EHLO: before that nobody is asked.
    visit: Option<Visit>,
    /// Bytes of the message that is on its way.
    size: u64,
    in_message: bool,
}

impl Clone for Desk {
    fn clone(&self) -> Self {
        Self { farm: Arc::clone(&self.farm), site: self.site, visit: None, size: 0, in_message: false }
    }
}

impl Desk {
    /// The client at this address, when it says EHLO for the first time: what became of it at the door.
    fn greet(&mut self, ip: IpAddr) -> Response {
        let (client, door) = self.farm.knock(self.site, ip);
        let open = match door {
            Door::Open => true,
            Door::Wait(called) => called.blocking_recv().is_ok(),
            Door::Ignored => false,
        };
        if !open {
            return goodbye();
        }
        let mut visit = Visit::new(Arc::clone(&self.farm), self.site, ip, client);
        let reaction = visit.connect();
        self.visit = Some(visit);
        let mut response = self.react(reaction);
        if response.is_error {
            // It belongs to the greeting: there is no session.
            response.action = Action::Close;
        }
        response
    }

    /// Asks the provider. Without a client there is nobody to ask about: mailin sends it away before it comes to that.
    fn ask(&mut self, question: impl FnOnce(&mut Visit) -> Reaction) -> Response {
        match self.visit.as_mut().map(question) {
            Some(reaction) => self.react(reaction),
            None => goodbye(),
        }
    }

    fn react(&self, mut reaction: Reaction) -> Response {
        self.wait(std::mem::take(reaction.after()));
        match reaction {
            Reaction::Accept { .. } => OK,
            Reaction::Refuse { reply, close, .. } => refusal(&reply, close),
            Reaction::Drop { .. } => goodbye(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a thread of the server's own, with nothing else to do")]
    fn wait(&self, span: Span) {
        if !span.is_zero() {
            thread::sleep(self.farm.clock().speed().on_the_wall(span));
        }
    }
}

impl Handler for Desk {
    fn helo(&mut self, ip: IpAddr, _: &str) -> Response {
        if self.visit.is_none() {
            let greeted = self.greet(ip);
            if greeted.is_error {
                return greeted;
            }
        }
        self.ask(|visit| {
            visit.reset();
            visit.ehlo()
        })
    }

    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        self.ask(|visit| {
            // Nobody is told of RSET.
            visit.reset();
            visit.mail(address(from), 0)
        })
    }

    fn rcpt(&mut self, to: &str) -> Response {
        self.ask(|visit| visit.rcpt(address(to)))
    }

    fn data_start(&mut self, _: &str, _: &str, _: bool, _: &[String]) -> Response {
        let response = self.ask(Visit::data);
        (self.size, self.in_message) = (0, !response.is_error);
        response
    }

    fn data(&mut self, piece: &[u8]) -> io::Result<()> {
        self.size += piece.len() as u64;
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let size = self.size;
        self.in_message = false;
        let service = self.visit.as_mut().map_or(Span::ZERO, |visit| visit.received(size));
        self.wait(service);
        let mut response = self.ask(|visit| visit.end_of_data(size));
        // mailin takes an error here for one inside the message, and would read what comes next as more of it.
        response.is_error = false;
        response
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let (true, Some(visit)) = (self.in_message, &mut self.visit) {
            visit.lost(Stage::EndOfData);
        }
    }
}

/// The provider's refusal on one line: the server has no other. It closes exactly where the provider does, whatever
/// the code.
fn refusal(reply: &Reply, close: bool) -> Response {
    let text = reply.text.replace('\n', " ");
    let text = reply.enhanced.map_or_else(|| text.clone(), |enhanced| format!("{enhanced} {text}"));
    let mut response = Response::custom(reply.code.get(), text);
    response.action = if close { Action::Close } else { Action::Reply };
    response
}

/// What is said where a provider says nothing.
fn goodbye() -> Response {
    Response::custom(421, "closing the connection".to_owned())
}

fn address(text: &str) -> Address<'_> {
    let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
    Address { local, domain }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::super::clock::{Clock, Speed};
    use super::super::farm::Plan;
    use super::*;
    use crate::provider::tests::policy;
    use crate::provider::{
        Amount, Answer, Ceiling, Counts, Limit, Listener, Meter, Policy, Provenance, Rule, Scope, Standing, Test,
        Window,
    };
    use crate::units::{ClientId, Fraction, ReplyId};

    const SITE: ProviderId = ProviderId(0);

    fn farm(change: impl FnOnce(&mut Policy)) -> Arc<Farm> {
        let mut policy = policy(Vec::new());
        policy.replies[0] = Reply {
            code: 421.try_into().unwrap(),
            enhanced: Some("4.7.0".parse().unwrap()),
            text: "[{ip}] too much\ncome back".to_owned(),
        };
        change(&mut policy);
        let (clients, senders) = (Vec::new(), Vec::new());
        let plan = Plan { policies: vec![policy], seed: 1, unknowns: 1, day_starts: Span::ZERO, clients, senders };
        Farm::new(plan, Clock::start(Speed::REAL))
    }

    /// A rule that refuses everything with reply number `reply`.
    fn never(at: Stage, reply: u16, close: bool) -> Rule {
        Rule {
            name: "never".to_owned(),
            at,
            test: Test::Always,
            answer: Answer::Reply { reply: ReplyId(reply), close },
            hold: None,
            cost: Fraction::NONE,
            enabled: true,
            provenance: Provenance::default(),
        }
    }

    fn one_connection() -> Rule {
        let ceiling = Ceiling { by_tier: vec![Amount::Exactly(1)], load: Vec::new() };
        let (meter, scope, window) = (Meter::OpenConnections, Scope::ClientIp, Window::Gauge);
        let limit = Limit { meter, scope, window, counts: Counts::Acceptances, ceiling, standing: Standing::ClientIp };
        Rule { test: Test::Limit(limit), ..never(Stage::Connect, 0, true) }
    }

    struct Client(BufReader<TcpStream>);

    impl Client {
        /// Connects, and leaves the greeting behind.
        fn of(farm: &Arc<Farm>) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let at = listener.local_addr().unwrap();
            serve(Arc::clone(farm), SITE, listener, 4).unwrap();
            Self::at(at)
        }

        fn at(at: std::net::SocketAddr) -> Self {
            let stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            let mut client = Self(BufReader::new(stream));
            assert_eq!(client.hears(), "220 mx.test.example ESMTP");
            client
        }

        fn another(&self) -> Self {
            Self::at(self.0.get_ref().peer_addr().unwrap())
        }

        fn hears(&mut self) -> String {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        }

        fn says(&mut self, line: &str) -> String {
            self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
            self.hears()
        }

        fn is_sent_away(&mut self) -> bool {
            self.0.read(&mut [0]).is_ok_and(|n| n == 0)
        }
    }

    fn counts(farm: &Farm) -> (u64, u64, u64, u64) {
        let books = farm.books();
        let books = books.ledger.client(ClientId(0)).unwrap();
        (books.connections, books.accepted, books.deferred, books.rejected)
    }

    const TO_THE_DOT: [(&str, &str); 5] = [
        ("HELO client.example", "250 OK"),
        ("MAIL FROM:<news@sender.example>", "250 OK"),
        ("RCPT TO:<ann@test.example>", "250 OK"),
        ("RCPT TO:<bob@test.example>", "250 OK"),
        ("DATA", "354 Start mail input; end with <CRLF>.<CRLF>"),
    ];

    fn to_the_dot(client: &mut Client) {
        for (line, reply) in TO_THE_DOT {
            assert_eq!(client.says(line), reply, "{line}");
        }
    }

    #[test]
    fn a_message_is_accepted_and_counted() {
        let farm = farm(|_| {});
        let mut client = Client::of(&farm);
        to_the_dot(&mut client);
        assert_eq!(client.says("Subject: hello\r\n\r\n..\r\n."), "250 OK");
        assert_eq!(client.says("MAIL FROM:<news@sender.example>"), "250 OK");
        assert_eq!(client.says("RCPT TO:<451.ann@test.example>"), "451 as you asked");
        assert_eq!(client.says("RCPT TO:<550-5.1.1.ann@test.example>"), "550 5.1.1 as you asked");
        assert_eq!(counts(&farm), (1, 2, 1, 1));
        assert_eq!(farm.look(SITE).open, 1);
        assert_eq!(client.says("QUIT"), "221 Goodbye");
        assert!(client.is_sent_away());
    }

    #[test]
    fn whoever_is_refused_at_connect_hears_it_at_ehlo() {
        let farm = farm(|policy| policy.rules = vec![one_connection()]);
        let mut first = Client::of(&farm);
        assert_eq!(first.says("EHLO client.example"), "250-server offers extensions:");
        assert_eq!(first.hears(), "250 8BITMIME");
        let mut second = first.another();
        assert_eq!(second.says("EHLO client.example"), "421 4.7.0 [127.0.0.1] too much come back");
        assert!(second.is_sent_away());
        assert_eq!(counts(&farm), (2, 0, 1, 0));
        // Whoever was let in may say it again, and has not connected again.
        assert_eq!(first.says("HELO client.example"), "250 OK");
        assert_eq!(counts(&farm).0, 2);
    }

    #[test]
    fn a_refusal_after_the_dot_is_the_end_of_the_message() {
        let farm = farm(|policy| policy.rules = vec![never(Stage::EndOfData, 1, false)]);
        let mut client = Client::of(&farm);
        to_the_dot(&mut client);
        assert_eq!(client.says("text\r\n."), "450 no");
        assert_eq!(client.says("MAIL FROM:<news@sender.example>"), "250 OK", "a command, and not more of the message");
        assert_eq!(counts(&farm), (1, 0, 2, 0));
    }

    #[test]
    fn the_connection_is_closed_where_the_provider_closes_it() {
        let farm = farm(|policy| policy.rules = vec![never(Stage::EndOfData, 2, true)]);
        let mut client = Client::of(&farm);
        to_the_dot(&mut client);
        assert_eq!(client.says("text\r\n."), "550 no");
        assert!(client.is_sent_away());
        let mut client = client.another();
        client.says("HELO client.example");
        client.says("MAIL FROM:<news@sender.example>");
        assert_eq!(client.says("RCPT TO:<drop.ann@test.example>"), "421 closing the connection");
        assert!(client.is_sent_away());
    }

    #[test]
    fn a_message_that_breaks_off_is_written_down_and_nobody_stays_behind() {
        let farm = farm(|policy| policy.listener = Some(Listener { workers: 1, backlog: 1 }));
        let mut client = Client::of(&farm);
        to_the_dot(&mut client);
        let mut next = client.another();
        next.0.get_mut().write_all(b"HELO next.example\r\n").unwrap();
        drop(client);
        assert_eq!(next.hears(), "250 OK", "the place of the one that went");
        assert_eq!(farm.look(SITE).open, 1);
        let (trial, _) = farm.record("live", 1).unwrap();
        assert_eq!(trial.cells[0].totals.injected, 2, "two recipients, still queued");
    }

    #[test]
    fn a_name_without_a_domain_is_one_all_the_same() {
        assert_eq!(address("postmaster"), Address { local: "postmaster", domain: "" });
        assert_eq!(address("\"a@b\"@c.example"), Address { local: "\"a@b\"", domain: "c.example" });
    }
}
