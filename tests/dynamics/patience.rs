//! What going on costs that a provider has told to slow down, and what slowing down does not cost.

use mxlab::provider::History;
use mxlab::time::Span;

use super::facts::{ALL, BY_NAME_ALONE, THINNER};
use super::sender::{CLEAN, POLITE, Rates, Sender, Tally, history};

/// No end of it.
const NEVER: u32 = u32::MAX;

/// So many hours of hammering with a whole queue.
fn hammer(sender: &mut Sender, hours: u32, queue: u32) -> Vec<Tally> {
    (0..hours).map(|_| sender.hour(queue, CLEAN, NEVER)).collect()
}

/// Fact 13: two or three an hour go through at Yahoo for ever; at Microsoft nothing at all does, for days.
#[test]
fn who_goes_on_hammering_gets_a_trickle_at_yahoo_and_nothing_at_microsoft() {
    let mut yahoo = Sender::new("yahoo", &History::NONE);
    let days: Vec<u32> =
        hammer(&mut yahoo, 10 * 24, 2_000).chunks(24).map(|day| day.iter().map(|hour| hour.accepted).sum()).collect();
    let last = &days[5..];
    let an_hour = f64::from(last.iter().sum::<u32>()) / (24.0 * last.len() as f64);
    assert!(an_hour > 0.0 && an_hour < 6.0, "{an_hour} an hour: {days:?}");
    let mut microsoft = Sender::new("microsoft", &History::NONE);
    let hours = hammer(&mut microsoft, 10 * 24, 2_000);
    assert_eq!(hours[48..].iter().map(|hour| hour.accepted).sum::<u32>(), 0, "nothing for days");
    assert_eq!(microsoft.last_code, 550, "and a block in the end");
}

/// Fact 14 (calibrated): a day or two of rest, and the ladder is a step lower.
#[test]
fn rest_steps_down_the_ladder_at_charter() {
    let held_for = |sender: &mut Sender| {
        let mut before = sender.now;
        while sender.held_until().is_none() {
            before = sender.now;
            sender.hour(500, CLEAN, NEVER);
        }
        let hold = sender.held_until().expect("held").since(before);
        sender.now = sender.held_until().expect("held");
        hold
    };
    let mut sender = Sender::new("charter", &History::NONE);
    let first: Vec<Span> = (0..3).map(|_| held_for(&mut sender)).collect();
    assert!(first.is_sorted(), "{first:?}");
    assert!(first[2] > Span::HOUR.times(20));
    sender.rest(24);
    let after_rest = held_for(&mut sender);
    assert!(after_rest < Span::HOUR.times(3), "one step lower after a day of quiet: {after_rest}");
}

/// Fact 15: a few probes an hour are never punished, and the box ends when it said.
#[test]
fn who_probes_politely_is_let_out_on_time() {
    for profile in ["charter", "yahoo", "microsoft"] {
        for probes in [1, 5, 15] {
            let mut sender = Sender::new(profile, &History::NONE);
            while sender.held_until().is_none() {
                sender.hour(1_000, CLEAN, NEVER);
            }
            let until = sender.held_until().expect("held");
            while sender.now < until {
                sender.hour(probes, CLEAN, NEVER);
                assert!(sender.held_until().is_none_or(|later| later <= until), "{profile}: {probes} probes an hour");
            }
        }
    }
}

/// Fact 15: where going on renews a box, a hundred attempts an hour keep it shut.
#[test]
fn who_tries_a_hundred_times_an_hour_stays_out_at_microsoft() {
    let mut sender = Sender::new("microsoft", &History::NONE);
    while sender.held_until().is_none() {
        sender.hour(1_000, CLEAN, NEVER);
    }
    for _ in 0..30 {
        sender.hour(100, CLEAN, NEVER);
    }
    assert!(sender.held_until().is_some(), "still shut after thirty hours");
}

/// What a provider bears with is a share of what it takes from a sender: a large one that is known may be refused
/// thousands of times an hour, and with a hundred connections is shut out all the same, within minutes.
#[test]
fn a_large_sender_that_hammers_is_shut_out_within_minutes() {
    for profile in ["charter", "yahoo", "microsoft"] {
        let mut sender = Sender::new(profile, &history(0.93, 100_000));
        // Five hundred a second: a fifth of a second each, on a hundred connections.
        let (gap, start) = (Span::from_millis(2), sender.now);
        while sender.held_until().is_none() && sender.now.since(start) < Span::HOUR {
            sender.steadily(1_000, gap, CLEAN);
        }
        let minutes = sender.now.since(start).as_secs_f64() / 60.0;
        assert!(minutes < 20.0, "{profile}: {minutes:.1} minutes");
    }
}

/// The same mail for three days, from a sender that slows down and from one that hammers, under every history.
#[test]
fn slowing_down_never_does_worse_than_hammering() {
    for profile in ALL.into_iter().chain(THINNER).chain([BY_NAME_ALONE]) {
        for past in [History::NONE, history(0.5, 5_000), history(0.9, 5_000)] {
            for mail in [500, 5_000, 20_000] {
                let run = |patience: u32| {
                    let mut sender = Sender::new(profile, &past);
                    let (mut queue, mut sum, mut scores) = (mail, Tally::default(), vec![]);
                    for _ in 0..72 {
                        let tally = sender.hour(queue, Rates { unknown: 0.0, ..CLEAN }, patience);
                        queue -= (tally.accepted + tally.lost).min(queue);
                        sum.accepted += tally.accepted;
                        sum.lost += tally.lost;
                        scores.push((queue, sender.score()));
                    }
                    (sum, scores)
                };
                let ((polite, scores), (hammering, hammered)) = (run(POLITE), run(NEVER));
                // Up to the hour when the polite one is through: a name heals no further without mail.
                let last = scores.iter().position(|(queue, _)| *queue == 0).unwrap_or(scores.len() - 1);
                let (score, hammered) = (scores[last].1, hammered[last].1);
                let what = format!("{profile}, {past:?}, {mail}: {polite:?} {score:.3}, {hammering:?} {hammered:.3}");
                assert!(polite.accepted >= hammering.accepted && polite.lost <= hammering.lost, "{what}");
                assert!(score >= hammered - 0.01, "{what}");
            }
        }
    }
}
