//! The checkers see what is wrong: logs of true trials, broken in one place each.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use mxlab::record::Trial;
use mxlab::rng::Seed;
use mxlab::scenario::Scenario;
use mxlab::sender::Outcome;
use mxlab::smtp::Stage;
use mxlab::time::Time;
use mxlab::units::{ConnId, ProviderId, SessionId};
use mxlab::workload::generate;

use super::log::{Entry, Judged, Log, LoggedEvent};
use super::{connections, observed_trial, read, recipients, windows};

/// A trial under one limit, and every event of it.
struct Case {
    scenario: Scenario,
    trial: Trial,
    log: Log,
}

/// Forty messages over four connections to a provider with this rule, tried again every twenty seconds.
fn case(rule: &str) -> Case {
    let profile = format!(
        "name = \"p\"\ntitle = \"P\"\ndomains = [\"p.example\"]\nmx = [\"mx.p.example\"]\n\
         [service]\nper-message = \"1s\"\nper-recipient = \"0s\"\n[reply.later]\ncode = 451\ntext = \"later\"\n\
         [rule.limit]\nanswer = {{ reply = \"later\" }}\n{rule}"
    );
    let text = "duration = \"2h\"\n[[provider]]\nprofile = \"p.toml\"\n[[source]]\nip = \"192.0.2.1\"\n\
        [[stream]]\narrivals = { at-once = { recipients = 40 } }\n\
        [[strategy]]\nname = \"four\"\nconcurrency = { fixed = 4 }\nretry = { list = [\"20s\"] }\n\
        session = { messages-per-connection = 5 }\n";
    let scenario = read(text, &BTreeMap::from([("p.toml".to_owned(), profile)]));
    let mail = generate(&scenario.workload, Seed(1)).unwrap();
    let (trial, log) = observed_trial(&scenario, &scenario.strategies[0], 1, &mail, &AtomicBool::new(false));
    assert_eq!(trial.cells[0].totals.delivered, 40);
    assert!(trial.cells[0].totals.deferred > 0, "{rule} refuses nothing");
    Case { scenario, trial, log }
}

impl Case {
    /// What the checkers say of the log after `breaks` broke it; nothing of the log as it was.
    fn broken(&self, breaks: impl Fn(&mut Vec<Entry>)) -> Vec<String> {
        let say = |log: &Log| {
            let told = [
                connections::check(log),
                windows::check(&self.scenario, log).map(|_| ()),
                recipients::check(log, &self.trial, 40, false),
            ];
            told.into_iter().filter_map(Result::err).collect::<Vec<_>>()
        };
        assert_eq!(say(&self.log), [""; 0]);
        let mut log = self.log.clone();
        breaks(&mut log.entries);
        say(&log)
    }

    /// A checker says so of the broken log.
    fn must_say(&self, what: &str, breaks: impl Fn(&mut Vec<Entry>)) {
        let said = self.broken(breaks);
        assert!(said.iter().any(|said| said.contains(what)), "no checker says `{what}`: {said:?}");
    }
}

/// Every kind of limit, all of them low.
const LIMITS: [&str; 9] = [
    "per = \"client-ip\"\nat = \"connect\"\ncount = \"open-connections\"\nwindow = \"gauge\"\nlimit = 2",
    "per = \"client-ip\"\nat = \"mail\"\ncount = \"open-transactions\"\nwindow = \"gauge\"\nlimit = 2",
    "per = \"client-ip\"\nat = \"mail\"\ncount = \"messages\"\nwindow = { fixed = \"1min\" }\nlimit = 6",
    "per = \"client-ip\"\nat = \"mail\"\ncount = \"messages\"\nwindow = { fixed = { length = \"1min\", aligned = \"first\" } }\nlimit = 6",
    "per = \"client-ip\"\nat = \"rcpt\"\ncount = \"recipients\"\nwindow = { sliding = \"1min\" }\nlimit = 6",
    "per = \"client-ip\"\nat = \"mail\"\ncount = \"messages\"\nwindow = { token-bucket = { per = \"1min\", burst = 4 } }\nlimit = 6",
    "per = \"client-ip\"\nat = \"mail\"\ncount = \"messages\"\nwindow = { average = \"1min\" }\nlimit = 6",
    "per = \"client-ip\"\nat = \"connect\"\ncount = \"connections\"\nwindow = { sliding = \"1min\" }\nlimit = 2",
    "at = \"mail\"\ncount = \"messages\"\nwindow = \"session\"\nlimit = 2",
];

/// The commands of a log, to be changed.
fn judged(entries: &mut [Entry]) -> impl Iterator<Item = &mut Judged> {
    entries
        .iter_mut()
        .filter_map(|entry| if let LoggedEvent::Judged(_, judged) = &mut entry.event { Some(judged) } else { None })
}

/// Where the first event of a kind stands.
fn place(entries: &[Entry], is: impl Fn(&LoggedEvent) -> bool) -> usize {
    entries.iter().position(|entry| is(&entry.event)).unwrap()
}

#[test]
fn limits_that_are_exceeded_are_found() {
    for rule in LIMITS {
        let case = case(rule);
        let gauge = rule.contains("gauge");
        let ceilings = |entries: &mut Vec<Entry>, change: fn(u32) -> u32| {
            for judged in judged(entries) {
                for standing in judged.rules.iter_mut().flat_map(|(before, after)| [before, after]) {
                    standing.ceiling = standing.ceiling.map(change);
                }
            }
        };
        case.must_say(if gauge { "places are taken" } else { "lets through" }, |log| ceilings(log, |limit| limit / 2));
        case.must_say(if gauge { "refused with" } else { "refuses what fits" }, |log| {
            ceilings(log, |limit| limit * 20);
        });
        if !gauge && !rule.contains("\"session\"") {
            case.must_say("lets through", |log| {
                for entry in log {
                    entry.at = Time::from_micros(entry.at.as_micros() / 10);
                }
            });
        }
    }
}

#[test]
fn places_that_are_not_given_back_are_found() {
    case(LIMITS[0])
        .must_say("places are taken", |log| log.retain(|entry| !matches!(entry.event, LoggedEvent::Closed(..))));
}

#[test]
fn what_happens_on_a_session_that_is_closed_is_found() {
    let case = case(LIMITS[2]);
    // The first session that is closed, and an event about it after that.
    let then = |event: fn(ProviderId, SessionId, &[Entry]) -> LoggedEvent| {
        move |log: &mut Vec<Entry>| {
            let closed = place(log, |event| matches!(event, LoggedEvent::Closed(..)));
            let Entry { at, event: LoggedEvent::Closed(site, session, _) } = log[closed].clone() else {
                unreachable!()
            };
            let event = event(site, session, log);
            log.insert(closed + 1, Entry { at, event });
        }
    };
    case.must_say("is closed, but it is not open", then(|site, session, _| LoggedEvent::Closed(site, session, 3)));
    case.must_say(
        "gives up a message, but it is not open",
        then(|site, session, _| LoggedEvent::Aborted(site, session)),
    );
    case.must_say(
        "mail, but it is not open",
        then(|site, session, log| {
            let of = |event: &LoggedEvent| matches!(event, LoggedEvent::Judged(_, judged) if is_mail(judged, session));
            let LoggedEvent::Judged(_, judged) = log[place(log, of)].event.clone() else { unreachable!() };
            LoggedEvent::Judged(site, judged)
        }),
    );
    case.must_say("sessions are open", |log| {
        let last = log.iter().rposition(|entry| matches!(entry.event, LoggedEvent::Closed(..))).unwrap();
        let LoggedEvent::Closed(_, _, open) = &mut log[last].event else { unreachable!() };
        *open += 1;
    });
    case.must_say("begins, but it is open", |log| {
        let begins = place(log, |event| matches!(event, LoggedEvent::Judged(_, judged) if judged.session.is_some()));
        log.insert(begins, log[begins].clone());
    });
}

fn is_mail(judged: &Judged, session: SessionId) -> bool {
    judged.stage == Stage::Mail && judged.session == Some(session)
}

#[test]
fn what_happens_on_a_connection_that_is_closed_is_found() {
    let case = case(LIMITS[2]);
    case.must_say("time goes back", |log| log.last_mut().unwrap().at = Time::ZERO);
    // The first connection that is closed by QUIT, and an event about it after that.
    let then = |event: fn(ConnId, &[Entry]) -> LoggedEvent| {
        move |log: &mut Vec<Entry>| {
            let quit = place(log, |event| matches!(event, LoggedEvent::Quit(_)));
            let Entry { at, event: LoggedEvent::Quit(conn) } = log[quit].clone() else { unreachable!() };
            let event = event(conn, log);
            log.insert(quit + 1, Entry { at, event });
        }
    };
    case.must_say("is closed, but it is not open", then(|conn, _| LoggedEvent::Quit(conn)));
    case.must_say("answered and closed, but it is not open", then(|conn, _| LoggedEvent::Replied(conn, true)));
    case.must_say("answered and stays, but it is not open", then(|conn, _| LoggedEvent::Replied(conn, false)));
    case.must_say("idle for long enough, but it is not open", then(|conn, _| LoggedEvent::Expired(conn)));
    case.must_say(
        "given a message, but it is not open",
        then(|conn, log| {
            log[place(log, |event| matches!(event, LoggedEvent::Transact(of, _) if *of == conn))].event.clone()
        }),
    );
    case.must_say("is opened, but it is open", |log| {
        let connect = place(log, |event| matches!(event, LoggedEvent::Connect(..)));
        log.insert(connect, log[connect].clone());
    });
    case.must_say("while it is Busy", |log| {
        let transact = place(log, |event| matches!(event, LoggedEvent::Transact(..)));
        log.insert(transact, log[transact].clone());
    });
    case.must_say("sessions on", |log| {
        // The sender thinks that it is closed, and the provider is not told.
        let quit = place(log, |event| matches!(event, LoggedEvent::Quit(_)));
        let Entry { at, event: LoggedEvent::Quit(conn) } = log[quit].clone() else { unreachable!() };
        log[quit] = Entry { at, event: LoggedEvent::Replied(conn, true) };
    });
}

#[test]
fn recipients_that_are_not_conserved_are_found() {
    let case = case(LIMITS[2]);
    let settled = |event: &LoggedEvent| matches!(event, LoggedEvent::Settled(_));
    case.must_say("is Ended", |log| log.push(log[place(log, settled)].clone()));
    case.must_say("cannot become", |log| {
        let deferred = |event: &LoggedEvent| match event {
            LoggedEvent::Settled(settled) => settled.outcome == Outcome::Deferred,
            _ => false,
        };
        log.remove(place(log, deferred));
    });
    case.must_say("is Outside", |log| {
        log.remove(place(log, |event| matches!(event, LoggedEvent::Injected(_))));
    });
    case.must_say("providers took", |log| {
        let dot =
            |event: &LoggedEvent| matches!(event, LoggedEvent::Judged(_, judged) if judged.stage == Stage::EndOfData);
        log.remove(place(log, dot));
    });
    case.must_say("queued, not", |log| {
        let last = log.iter().rposition(|entry| matches!(entry.event, LoggedEvent::Settled(_))).unwrap();
        log.remove(last);
    });
}
