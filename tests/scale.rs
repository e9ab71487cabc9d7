//! Many sites and many sources in one trial: what it takes grows with the mail, not with sites times sources.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "support/scenario.rs"]
mod scenario_text;

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use allocation_counter::measure;
use mxlab::provider::profile::{built_in, parse};
use mxlab::provider::{Client, Envelope, History, LocalPartLength, Mailbox, Provider, Recipient};
use mxlab::record::Trial;
use mxlab::rng::{Seed, Seeds};
use mxlab::scenario::Scenario;
use mxlab::sim::trial;
use mxlab::time::{Span, Time};
use mxlab::trial::TrialInput;
use mxlab::units::{ClientId, DomainId, NetworkId, SenderDomainId};
use mxlab::workload::generate;

/// A campaign of so many recipients from so many sources, spread evenly over so many sites that limit nothing.
fn campaign(sites: usize, sources: usize, recipients: u32, strategy: &str) -> Scenario {
    let mut text = "duration = \"24h\"\n".to_owned();
    for site in 0..sites {
        _ = writeln!(
            text,
            "[[provider]]\nprofile = \"open\"\nname = \"p{site}\"\ndomains = {{ \"p{site}.example\" = 1 }}"
        );
    }
    _ = write!(
        text,
        r#"
[[source]]
ip = "198.18.0.1"
count = {sources}
[[stream]]
arrivals = {{ at-once = {{ recipients = {recipients} }} }}
[[strategy]]
{strategy}
"#
    );
    scenario_text::scenario("scale.toml", &text, &[])
}

fn run(scenario: &Scenario) -> Trial {
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let input = TrialInput { scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail: &mail };
    trial(input, &AtomicBool::new(false)).unwrap().unwrap()
}

fn delivered(trial: &Trial) -> u64 {
    trial.cells.iter().map(|cell| cell.totals.delivered).sum()
}

/// From a hundred sources to thirty sites, 60,000 connections are wanted, and 20,000 opened.
#[test]
fn events_grow_with_the_mail_and_not_with_sites_times_sources() {
    for preset in ["backoff", "aimd"] {
        let strategy = format!("preset = \"{preset}\"\nsession = {{ messages-per-connection = 1 }}");
        let events = |sites, sources| {
            let trial = run(&campaign(sites, sources, 60_000, &strategy));
            assert_eq!(delivered(&trial), 60_000);
            // Windows that grow never want so many.
            let capped = (preset, sources) == ("backoff", 100);
            assert_eq!(trial.capped_us > 0, capped, "{preset} from {sources} sources: {}", trial.capped_us);
            trial.events as f64 / 60_000.0
        };
        let (few, many) = (events(10, 30), events(30, 100));
        assert!((0.9..1.1).contains(&(many / few)), "{preset}: {few:.2} and {many:.2} events a recipient");
    }
}

/// What a recipient may cost where thousands of queues wait for 20,000 connections.
#[test]
fn many_queues_cost_at_most_40_bytes_a_recipient() {
    const RECIPIENTS: u32 = 2_000_000;
    let scenario = campaign(30, 100, RECIPIENTS, "preset = \"backoff\"");
    let mut sent = 0;
    let asked = measure(|| sent = delivered(&run(&scenario)));
    assert_eq!(sent, u64::from(RECIPIENTS));
    let bytes = asked.bytes_max as f64 / f64::from(RECIPIENTS);
    assert!(bytes <= 40.0, "{bytes:.2} bytes a recipient");
}

/// A hundred thousand client IPs, each of which writes as ten sender domains of its own, within a day.
#[test]
fn a_million_sender_domains_fit_into_a_gibibyte() {
    const CLIENTS: u32 = 100_000;
    const SENDERS: u32 = 10 * CLIENTS;
    const A_MOMENT: Span = Span::from_micros(Span::DAY.as_micros() / SENDERS as u64);
    for profile in ["charter", "gmail"] {
        let policy = parse(&built_in(profile).unwrap()).unwrap();
        let mut accepted = 0;
        let asked = measure(|| {
            let mut provider = Provider::new(policy, Seeds { chance: Seed(1), unknowns: Seed(1) }, Span::ZERO);
            for n in 0..SENDERS {
                let now = Time::ZERO + A_MOMENT.times(u64::from(n));
                if n < CLIENTS {
                    let network = NetworkId(n / 256);
                    provider.meet_client(now, Client { network, listed: false, ptr: true, history: History::NONE });
                }
                let sender = provider.meet_sender(now, &History::NONE);
                accepted += u32::from(delivers(&mut provider, now, ClientId(n % CLIENTS), sender));
            }
        });
        assert!(accepted > SENDERS / 2, "{profile}: {accepted}");
        let mebibytes = asked.bytes_max >> 20;
        assert!(mebibytes < 1_024, "{profile}: {mebibytes} MiB");
    }
}

/// Whether a message passes.
fn delivers(provider: &mut Provider, now: Time, client: ClientId, sender_domain: SenderDomainId) -> bool {
    let (Some(session), _) = provider.connect(now, client) else { return false };
    let sender_local_part = LocalPartLength::Octets(4);
    let envelope = Envelope {
        sender_domain,
        sender_local_part,
        size: 1_000,
        dns: true,
        spf: true,
        dkim: true,
        dmarc: true,
        spam: false,
    };
    let id = u64::from(sender_domain.0);
    let mailbox = Some(Mailbox::Exists);
    let recipient = Recipient { id, domain: DomainId(0), mailbox, local_octets: 4, engaged: None };
    let passes = provider.mail(now, session, envelope).accepted()
        && provider.rcpt(now, session, recipient).accepted()
        && provider.end_of_data(now, session).accepted();
    provider.close(session);
    passes
}
