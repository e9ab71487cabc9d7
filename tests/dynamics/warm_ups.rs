//! Fact 8: warm-ups that are published are taken, with a good list, on their day.

use mxlab::provider::History;

use super::sender::{CLEAN, Rates, Sender};

/// Messages a day.
struct Schedule {
    name: &'static str,
    days: fn() -> Vec<u32>,
}

/// What is sent to all providers together, from one IP.
const PUBLISHED: [Schedule; 3] = [
    // Messages an hour, from github:sendgrid/docs@546d19d, IP_Management/ip_warmup_schedule.md; up to 146,000 a day.
    Schedule {
        name: "SendGrid automated",
        days: || {
            let an_hour =
                [20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098];
            an_hour.map(|messages| messages * 24).to_vec()
        },
    },
    // help.mailtrap.io/article/98-ip-warmup.
    Schedule {
        name: "Mailtrap automated",
        days: || {
            vec![
                300, 390, 510, 660, 860, 1_100, 1_400, 1_900, 2_400, 3_200, 4_100, 5_400, 7_000, 9_100, 11_800, 15_400,
                20_000, 26_000, 33_700, 43_900, 57_000,
            ]
        },
    },
    // github:braze-inc/braze-docs@0a0d9c4, email_setup/ip_warming.md.
    Schedule {
        name: "Braze conservative",
        days: || [50, 100, 500, 1_000, 2_000, 4_000, 8_000].into_iter().flat_map(|day| [day; 3]).collect(),
    },
];

/// The providers that an IP is warmed up for.
const TAKES_PART: [&str; 9] =
    ["gmail", "yahoo", "microsoft", "charter", "comcast", "gmx", "free", "cox", "exchange-online"];

/// A good list.
const GOOD: Rates = Rates { unknown: 0.0, ..CLEAN };

const RAMP_DAYS: i32 = 9;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of messages")]
const fn whole(messages: f64) -> u32 {
    messages as u32
}

/// What of a schedule is taken on its day, as a share.
fn taken(profile: &str, schedule: &Schedule) -> f64 {
    let mut sender = Sender::new(profile, &History::NONE);
    let (mut sent, mut accepted) = (0, 0);
    for messages in (schedule.days)() {
        let tally = sender.day(messages, GOOD);
        assert_eq!(tally.lost, 0, "{profile}, {}", schedule.name);
        sent += messages;
        accepted += tally.accepted;
    }
    f64::from(accepted) / f64::from(sent)
}

/// Fact 8 (calibrated): at least 95 % on their day, also where one provider takes all of it.
#[test]
fn published_warm_ups_are_taken_on_their_day() {
    for profile in TAKES_PART {
        for schedule in &PUBLISHED {
            let taken = taken(profile, schedule);
            eprintln!("fact 8: {profile}, {}: {taken:.3}", schedule.name);
            assert!(taken >= 0.95, "{profile}, {}: {taken:.3}", schedule.name);
        }
    }
}

/// What of each day of a ramp is taken on its day, from half of what a stranger may send.
fn ramp(profile: &str, factor: f64) -> Vec<f64> {
    let mut sender = Sender::new(profile, &History::NONE);
    let first = sender.allowance() / 2.0;
    let day = |day: i32| {
        let messages = whole(first * factor.powi(day));
        f64::from(sender.day(messages, GOOD).accepted) / f64::from(messages)
    };
    (0..RAMP_DAYS).map(day).collect()
}

/// Half as much again every day is taken; three times as much a day, which is three times as steep (1.4³ is 2.7), is
/// pushed back. Where only hours are limited (Charter, Comcast, GMX, Free, Cox) that takes longest: mail that comes
/// evenly over the day may be nearly five times ahead of its history before it is too much for an hour.
#[test]
fn a_ramp_three_times_as_steep_is_pushed_back() {
    for profile in TAKES_PART {
        let (gentle, steep) = (ramp(profile, 1.5), ramp(profile, 3.0));
        assert!(gentle.iter().all(|share| *share >= 0.9), "{profile}: {gentle:.2?}");
        eprintln!("three times a day: {profile} {steep:.2?}");
        let last = steep.last().copied().unwrap_or_default();
        assert!(last < 0.6, "{profile}: {steep:.2?}");
    }
}
