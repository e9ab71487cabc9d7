//! The driver against mailin-embedded as a server of its own, with no provider of mxlab behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use mailin_embedded::response::OK;
use mailin_embedded::{Action, Handler, Response, Server, SslConfig};
use mxlab::live::LiveTrial;
use mxlab::live::tls::{ClientTls, StartTls};
use mxlab::rng::Seed;
use mxlab::workload::generate;

use super::arrived::{Arrived, each_has_one, number};
use super::{Campaign, awkward_bodies, drive_to};

/// The server's reply to a recipient, at the first attempt or later; `None` accepts it.
type Rule = fn(number: usize, first: bool) -> Option<(u16, &'static str)>;

/// The server's side of a session, which the server clones for every connection.
#[derive(Clone)]
struct Inbox {
    received: Arc<Mutex<ReceivedMail>>,
    rule: Rule,
    /// Messages that it takes on one connection before it says 421.
    messages_max: u32,
    messages: u32,
    message: Arrived,
}

/// What the server has received and replied.
#[derive(Default)]
struct ReceivedMail {
    arrived: Vec<Arrived>,
    greeted: BTreeMap<IpAddr, u64>,
    named: BTreeSet<usize>,
    replies: BTreeMap<String, u64>,
}

impl Inbox {
    fn new(rule: Rule, messages_max: u32) -> Self {
        Self { received: Arc::default(), rule, messages_max, messages: 0, message: Arrived::default() }
    }

    /// Listens until the process ends.
    #[expect(clippy::disallowed_methods, reason = "a server with threads of its own")]
    fn open(&self, ssl: SslConfig) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let mut server = Server::new(self.clone());
        server.with_name("mx.elsewhere.example").with_num_threads(16).with_tcp_listener(listener);
        server.with_ssl(ssl).unwrap();
        thread::spawn(move || drop(server.serve()));
        at
    }

    fn received(&self) -> MutexGuard<'_, ReceivedMail> {
        self.received.lock().unwrap()
    }

    fn say(&self, code: u16, text: &str) -> Response {
        *self.received().replies.entry(format!("{code} {text}")).or_default() += 1;
        Response::custom(code, text.to_owned())
    }
}

impl Handler for Inbox {
    fn helo(&mut self, ip: IpAddr, _: &str) -> Response {
        *self.received().greeted.entry(ip).or_default() += 1;
        OK
    }

    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        if self.messages == self.messages_max {
            let mut response = self.say(421, "4.7.0 Enough for one connection");
            response.action = Action::Close;
            return response;
        }
        self.message = Arrived { from: from.to_owned(), ..Arrived::default() };
        OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        let first = self.received().named.insert(number(to));
        if let Some((code, text)) = (self.rule)(number(to), first) {
            return self.say(code, text);
        }
        self.message.to.push(to.to_owned());
        OK
    }

    fn data(&mut self, line: &[u8]) -> io::Result<()> {
        self.message.text.extend_from_slice(line);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.messages += 1;
        let message = std::mem::take(&mut self.message);
        self.received().arrived.push(message);
        OK
    }
}

/// A certificate and its key, as files.
fn certificate(folder: &Path) -> SslConfig {
    let made = rcgen::generate_simple_self_signed(["mx.elsewhere.example".to_owned()]).unwrap();
    let file = |name: &str, pem: String| {
        let path = folder.join(name);
        fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert_path, key_path) = (file("cert", made.cert.pem()), file("key", made.signing_key.serialize_pem()));
    SslConfig::SelfSigned { cert_path, key_path }
}

/// The refusals that the driver has recorded, by their texts.
fn recorded_refusals(live: &LiveTrial) -> BTreeMap<String, u64> {
    let replies = &live.trial.cells[0].replies;
    replies.iter().map(|reply| (reply.text.clone(), reply.count)).collect()
}

#[tokio::test]
async fn every_message_arrives_once_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    for with_tls in [false, true] {
        let inbox = Inbox::new(|_, _| None, u32::MAX);
        let ssl = if with_tls { certificate(folder.path()) } else { SslConfig::None };
        let campaign = Campaign { recipients: 400, sources: 3, recipients_per_message: 4, ..Campaign::default() };
        let connector = || ClientTls::accepting_any_certificate().unwrap();
        let tls = if with_tls { StartTls::Must(connector()) } else { StartTls::Never };
        let live = drive_to(&campaign, inbox.open(ssl), tls).await;
        let totals = live.trial.cells[0].totals;
        assert_eq!((totals.delivered, totals.attempts, totals.failed), (400, 400, 0), "{totals:?}");
        assert_eq!(recorded_refusals(&live), BTreeMap::new());
        let received = inbox.received();
        each_has_one(&received.arrived, &generate(&campaign.scenario().workload, Seed(1)).unwrap(), &BTreeSet::new());
        assert_eq!(received.arrived.len() as u64, totals.transactions);
        assert!(received.arrived.iter().any(|message| message.to.len() > 1), "several recipients a message");
        // Under TLS every client says EHLO a second time.
        let greeted: u64 = received.greeted.values().sum();
        assert_eq!(greeted, totals.connections * if with_tls { 2 } else { 1 });
        assert!(totals.connections < totals.transactions, "several messages a connection");
        assert_eq!(received.greeted.len(), 3, "each source from its own address: {:?}", received.greeted);
    }
}

#[test]
fn bodies_with_dots_and_long_lines_arrive_unchanged() {
    let inbox = Inbox::new(|_, _| None, u32::MAX);
    awkward_bodies::deliver(inbox.open(SslConfig::None));
    awkward_bodies::arrived(&inbox.received().arrived);
}

/// A policy that is in no profile: every third address is deferred once, every fiftieth is unknown.
fn cautious_policy(number: usize, first: bool) -> Option<(u16, &'static str)> {
    match () {
        () if number % 50 == 7 => Some((550, "5.1.1 Nobody goes by that number")),
        () if number.is_multiple_of(3) && first => Some((451, "4.7.1 Come a second time and I believe you")),
        () => None,
    }
}

#[tokio::test]
async fn the_server_s_replies_are_recorded() {
    let inbox = Inbox::new(cautious_policy, u32::MAX);
    let campaign = Campaign { recipients: 300, sources: 2, recipients_per_message: 5, ..Campaign::default() };
    let live = drive_to(&campaign, inbox.open(SslConfig::None), StartTls::Never).await;
    let unknown: BTreeSet<usize> = (0..300).filter(|number| number % 50 == 7).collect();
    let twice = (0..300).filter(|number| number % 3 == 0 && !unknown.contains(number)).count() as u64;
    let totals = live.trial.cells[0].totals;
    let counts = (totals.delivered, totals.bounced, totals.deferred, totals.attempts, totals.queued);
    assert_eq!(counts, (294, 6, twice, 300 + twice, 0), "{totals:?}");
    let received = inbox.received();
    each_has_one(&received.arrived, &generate(&campaign.scenario().workload, Seed(1)).unwrap(), &unknown);
    assert_eq!(recorded_refusals(&live), received.replies, "in its own words, as often as it said them");
    assert_eq!(received.replies.len(), 2);
}

#[tokio::test]
async fn a_421_between_messages_loses_no_message() {
    let inbox = Inbox::new(|_, _| None, 7);
    let campaign = Campaign { recipients: 200, sources: 2, ..Campaign::default() };
    let live = drive_to(&campaign, inbox.open(SslConfig::None), StartTls::Never).await;
    let totals = live.trial.cells[0].totals;
    assert_eq!((totals.delivered, totals.queued, totals.failed), (200, 0, 0), "{totals:?}");
    let received = inbox.received();
    each_has_one(&received.arrived, &generate(&campaign.scenario().workload, Seed(1)).unwrap(), &BTreeSet::new());
    assert!(totals.deferred > 10, "it was said often enough: {totals:?}");
    assert_eq!(recorded_refusals(&live), received.replies);
}
