//! `mxlab send` to independent servers: what they have got and what they said must be what its record says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mxlab::record::{Cell, Record};
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::workload::{Mail, generate};
use serde::Deserialize;
use tempfile::TempDir;

use super::arrived::{Arrived, each_has_one};
use super::awkward_bodies;
use super::postfix::Postfix;
use super::process::succeed;
use super::servers::{self, Server};

/// A campaign in a folder of its own.
struct Campaign {
    home: TempDir,
    scenario: Scenario,
}

impl Campaign {
    /// So many recipients, so many of them to a message, from three addresses and over four connections from each.
    fn new(recipients: u32, to_a_message: u32) -> Self {
        let text = format!(
            "duration = \"30d\"\n[[provider]]\nprofile = \"open\"\n[[source]]\nip = \"192.0.2.1\"\ncount = 3\n[[stream]]\n\
             arrivals = {{ at-once = {{ recipients = {recipients} }} }}\nsize = {{ uniform = [\"200B\", \"20kB\"] }}\n\
             recipients-per-message = {to_a_message}\n[[strategy]]\npreset = \"fixed\"\nconcurrency = {{ fixed = 4 }}\n\
             session = {{ messages-per-connection = 10 }}\nretry = {{ list = [\"1m\"], give-up = \"2d\" }}\n"
        );
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("campaign.toml"), &text).unwrap();
        let scenario = super::scenario_text::scenario("campaign", &text, &[]);
        Self { home, scenario }
    }

    /// What is to be sent.
    fn mail(&self) -> Mail {
        generate(&self.scenario.workload, Seed(1)).unwrap()
    }

    /// Sends it as a person does, a minute in a second; what the record says of it.
    fn send(&self, server: &Server, options: &[&str]) -> Cell {
        self.send_to(server.at, options)
    }

    fn send_to(&self, at: SocketAddr, options: &[&str]) -> Cell {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mxlab"));
        command.args(["send", "campaign.toml", "--to", &at.to_string(), "--seeds", "1", "--speed", "60"]);
        command.args(["--out", "out", "--quiet"]).args(options).current_dir(&self.home);
        succeed(&mut command, Duration::from_mins(2));
        let record = fs::read_to_string(self.home.path().join("out/record.json")).unwrap();
        let mut record: Record = serde_json::from_str(&record).unwrap();
        record.trials.remove(0).cells.remove(0)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A certificate and its key, as files.
    fn certificate(&self) -> [String; 2] {
        let made = rcgen::generate_simple_self_signed(["mx.elsewhere.example".to_owned()]).unwrap();
        [("cert", made.cert.pem()), ("key", made.signing_key.serialize_pem())].map(|(name, pem)| {
            fs::write(self.file(name), pem).unwrap();
            self.file(name).to_str().unwrap().to_owned()
        })
    }

    /// Postfix's smtp-sink, and the folder where it leaves what it gets.
    fn sink(&self) -> Option<(Server, PathBuf)> {
        let dump = self.file("dump");
        fs::create_dir(&dump).unwrap();
        // It is another one by then.
        for folder in [self.home.path(), &dump] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let server = servers::smtp_sink(&["-d", dump.join("m.").to_str().unwrap()])?;
        Some((server, dump))
    }
}

/// What was heard that was no yes, by its words.
fn heard(cell: &Cell) -> BTreeMap<String, u64> {
    cell.replies.iter().map(|reply| (reply.text.clone(), reply.count)).collect()
}

/// Every recipient is where it belongs: so many delivered, bounced and still queued.
fn all_accounted_for(cell: &Cell, delivered: u64, bounced: u64) {
    let totals = cell.totals;
    let sums = (totals.injected, totals.delivered, totals.bounced, totals.expired, totals.queued);
    assert_eq!(sums, (delivered + bounced, delivered, bounced, 0, 0), "{totals:?}");
    assert_eq!(totals.attempts, delivered + bounced + totals.deferred + totals.failed, "{totals:?}");
}

/// The messages in a folder of smtp-sink's.
fn dumped(folder: &Path) -> Vec<Arrived> {
    fs::read_dir(folder).unwrap().map(|file| read(&file.unwrap().path())).collect()
}

/// A message as smtp-sink leaves it: its own headers, the message with the line ends of Unix, an empty line.
fn read(file: &Path) -> Arrived {
    let text = fs::read_to_string(file).unwrap();
    let (head, rest) = text.split_once("Received: ").unwrap();
    let path = |line: &str, name: &str| {
        let path = line.strip_prefix(name)?.trim_start().strip_prefix('<')?;
        path.split('>').next().map(str::to_owned)
    };
    let received_lines = 3;
    let body: Vec<&str> = rest.split_inclusive('\n').skip(received_lines).collect();
    let (_, body) = body.split_last().unwrap();
    Arrived {
        from: head.lines().find_map(|line| path(line, "X-Mail-Args:")).unwrap(),
        to: head.lines().filter_map(|line| path(line, "X-Rcpt-Args:")).collect(),
        text: body.concat().replace('\n', "\r\n").into_bytes(),
    }
}

#[test]
fn smtp_sink_gets_every_message_once_and_unchanged() {
    let campaign = Campaign::new(600, 4);
    let Some((server, dump)) = campaign.sink() else { return };
    let cell = campaign.send(&server, &["--tls-optional", "--chunking"]);
    all_accounted_for(&cell, 600, 0);
    assert_eq!(heard(&cell), BTreeMap::new());
    let arrived = dumped(&dump);
    assert_eq!(arrived.len() as u64, cell.totals.transactions);
    assert!(cell.totals.connections < cell.totals.transactions, "several messages a connection");
    each_has_one(&arrived, &campaign.mail(), &BTreeSet::new());
}

/// Postfix itself, with all that it offers: groups of commands, chunks, TLS. It passes on what it takes, under a header
/// of its own, to a sink that leaves it as it came.
#[test]
fn postfix_takes_bdat_under_tls_and_its_refusals_are_recorded() {
    let campaign = Campaign::new(400, 4);
    let Some((sink, dump)) = campaign.sink() else { return };
    let [cert, key] = campaign.certificate();
    let (absent, _) = by_its_rules(400);
    let unknown = |number: &usize| format!("{{r{number}@open.example = 550 5.1.1 That is nobody}}");
    let unknown = absent.iter().map(unknown).collect::<Vec<_>>().join(", ");
    let settings = [
        format!("smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}"),
        format!("smtpd_recipient_restrictions = check_recipient_access inline:{{{unknown}}}"),
        "smtpd_recipient_limit = 3".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let at = servers::free();
    let Some(postfix) = Postfix::start_at(at, sink.at, &settings) else { return };
    let cell = campaign.send_to(at, &["--tls", "--chunking"]);
    postfix.settle();
    let log = postfix.stop();
    all_accounted_for(&cell, 400 - absent.len() as u64, absent.len() as u64);
    let mut heard = heard(&cell);
    // The fourth of four is one too many, unless one of the three before it was unknown.
    let too_many = 100 - absent.iter().filter(|number| *number % 4 < 3).count() as u64;
    assert_eq!(heard.remove("452 4.5.3 Error: too many recipients"), Some(too_many));
    assert_eq!((cell.totals.deferred, cell.totals.failed), (too_many, 0));
    let rejected = log.lines().filter_map(|line| line.split_once(" reject: RCPT from ")?.1.split_once("]: "));
    let rejected = rejected.map(|(_, said)| (said.split("; from=").next().unwrap().to_owned(), 1));
    assert_eq!(heard, rejected.collect(), "in the words of its log");
    assert_eq!(heard.len(), absent.len());
    let arrived: Vec<Arrived> = dumped(&dump).into_iter().map(without_received).collect();
    each_has_one(&arrived, &campaign.mail(), &absent);
    // What Postfix has counted of each connection.
    let sums = log.lines().filter_map(|line| line.split_once(" disconnect from ")).map(|(_, sums)| sums);
    let ours = sums.filter(|sums| sums.contains("[127.24."));
    // The look before the start says nothing.
    let (looks, ended): (Vec<&str>, Vec<&str>) = ours.partition(|sums| sums.ends_with(" commands=0/0"));
    assert_eq!(looks.len(), 1);
    assert_eq!(ended.len() as u64, cell.totals.connections);
    assert!(ended.iter().all(|sums| sums.contains(" starttls=1 ") && !sums.contains(" data=")), "{ended:?}");
    assert!(ended.iter().any(|sums| sums.contains(" bdat=")), "{ended:?}");
}

/// A message without the header that a server on its way has put before it.
fn without_received(mut message: Arrived) -> Arrived {
    let text = String::from_utf8(message.text).unwrap();
    let lines: Vec<&str> = text.split_inclusive("\r\n").collect();
    assert!(lines[0].starts_with("Received: "), "{}", lines[0]);
    let own = lines.iter().skip(1).position(|line| !line.starts_with(['\t', ' '])).unwrap() + 1;
    message.text = lines[own..].concat().into_bytes();
    message
}

/// What smtp-sink refuses it refuses always: everything is given up in the end, after as many attempts as it said so.
#[test]
fn refusals_of_smtp_sink_are_recorded() {
    let campaign = Campaign::new(60, 1);
    let words = ["-B", "552 5.2.2 The sink is full", "-f", "RCPT"];
    let Some(server) = servers::smtp_sink(&words) else { return };
    let cell = campaign.send(&server, &[]);
    all_accounted_for(&cell, 0, 60);
    assert_eq!(heard(&cell), BTreeMap::from([("552 5.2.2 The sink is full".to_owned(), 60)]));
}

/// aiosmtpd with a handler of its own, and the log it keeps.
struct Receiver {
    server: Server,
    log: PathBuf,
}

/// A line of the log.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Greeted { client: String, tls: bool },
    Refused { said: String },
    Taken { sender: String, to: Vec<String>, text: String, tls: bool },
}

impl Receiver {
    fn start(campaign: &Campaign, options: &[&str]) -> Option<Self> {
        let (python, log) = (servers::python_with_aiosmtpd()?, campaign.file("log"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/scripts/receiver.py");
        let server = Server::start(|at| {
            let mut command = Command::new(&python);
            command.arg(&script).args([at.ip().to_string(), at.port().to_string()]).arg(&log).args(options);
            command
        });
        Some(Self { server, log })
    }

    fn lines(&self) -> Vec<Line> {
        let text = fs::read_to_string(&self.log).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What the lines of a log come to.
#[derive(Default)]
struct ReceivedLog {
    arrived: Vec<Arrived>,
    said: BTreeMap<String, u64>,
    clients: BTreeSet<String>,
    /// Greetings and messages, in the clear and under TLS.
    greeted: [u64; 2],
    taken: [u64; 2],
}

impl ReceivedLog {
    fn of(lines: Vec<Line>) -> Self {
        let mut log = Self::default();
        for line in lines {
            match line {
                Line::Greeted { client, tls } => {
                    log.clients.insert(client);
                    log.greeted[usize::from(tls)] += 1;
                }
                Line::Refused { said } => *log.said.entry(said).or_default() += 1,
                Line::Taken { sender, to, text, tls } => {
                    log.taken[usize::from(tls)] += 1;
                    log.arrived.push(Arrived { from: sender, to, text: STANDARD.decode(text).unwrap() });
                }
            }
        }
        log
    }
}

/// The campaign's recipients that the script takes for unknown, and how many of the others it wants twice.
fn by_its_rules(recipients: usize) -> (BTreeSet<usize>, u64) {
    let absent: BTreeSet<usize> = (0..recipients).filter(|number| number % 50 == 7).collect();
    let twice = (0..recipients).filter(|number| number.is_multiple_of(3) && !absent.contains(number)).count();
    (absent, twice as u64)
}

#[test]
fn aiosmtpd_with_and_without_tls() {
    for with_tls in [false, true] {
        let campaign = Campaign::new(400, 4);
        let [cert, key] = campaign.certificate();
        let secured = ["--tls", &cert, &key];
        let options = if with_tls { secured.as_slice() } else { &[] };
        let Some(receiver) = Receiver::start(&campaign, options) else { return };
        let cell = campaign.send(&receiver.server, &["--tls-optional", "--chunking"]);
        let log = ReceivedLog::of(receiver.lines());
        let (absent, twice) = by_its_rules(400);
        all_accounted_for(&cell, 400 - absent.len() as u64, absent.len() as u64);
        assert_eq!((cell.totals.deferred, cell.totals.failed), (twice, 0));
        each_has_one(&log.arrived, &campaign.mail(), &absent);
        assert_eq!(heard(&cell), log.said, "in its own words, as often as it said them");
        assert_eq!(log.said.len(), 2);
        assert_eq!(log.clients.len(), 3, "each source from its own address: {:?}", log.clients);
        let connections = cell.totals.connections;
        assert_eq!(log.greeted, if with_tls { [connections; 2] } else { [connections, 0] });
        assert_eq!(log.taken[usize::from(!with_tls)], 0, "mail where it does not belong");
    }
}

#[test]
fn bodies_with_dots_and_long_lines_arrive_unchanged() {
    let campaign = Campaign::new(1, 1);
    let Some((sink, dump)) = campaign.sink() else { return };
    awkward_bodies::deliver(sink.at);
    awkward_bodies::arrived(&dumped(&dump));
    let Some(receiver) = Receiver::start(&campaign, &[]) else { return };
    awkward_bodies::deliver(receiver.server.at);
    awkward_bodies::arrived(&ReceivedLog::of(receiver.lines()).arrived);
}

#[test]
fn a_421_of_aiosmtpd_between_messages_loses_none() {
    let campaign = Campaign::new(200, 1);
    let Some(receiver) = Receiver::start(&campaign, &["--enough", "4"]) else { return };
    let cell = campaign.send(&receiver.server, &[]);
    let log = ReceivedLog::of(receiver.lines());
    let (absent, twice) = by_its_rules(200);
    all_accounted_for(&cell, 200 - absent.len() as u64, absent.len() as u64);
    each_has_one(&log.arrived, &campaign.mail(), &absent);
    assert_eq!(heard(&cell), log.said);
    assert!(cell.totals.deferred > twice + 10, "421 was said often enough: {:?}", log.said);
    assert_eq!(log.greeted, [cell.totals.connections, 0]);
}
