//! Reputation, allowance and placement: what is known of real providers.

use mxlab::provider::{History, Placement, PolicyChange};
use mxlab::time::Span;
use mxlab::units::{Fraction, RuleId};

use super::sender::{CLEAN, Rates, Sender, Tally, history};

/// The four mailbox providers that the facts name.
pub(crate) const ALL: [&str; 4] = ["charter", "yahoo", "microsoft", "gmail"];

/// Those of which less is known, with the same dynamics.
pub(crate) const THINNER: [&str; 14] = [
    "exchange-online",
    "google-workspace",
    "comcast",
    "apple",
    "gmx",
    "free",
    "orange",
    "laposte",
    "sfr",
    "qq",
    "netease",
    "yahoo-japan",
    "att",
    "cox",
];

/// Volume does not matter there: who is known may send, and a stranger may not until the postmaster says so.
pub(crate) const BY_NAME_ALONE: &str = "t-online";

/// A regular sender in good standing.
fn regular(profile: &str, daily_volume: u32) -> Sender {
    Sender::new(profile, &history(0.93, daily_volume))
}

#[track_caller]
fn near(value: f64, expected: f64, by: f64, what: &str) {
    assert!((value - expected).abs() <= by, "{what}: {value:.3}, not {expected} ± {by}");
}

/// The bands that Gmail's Postmaster Tools name; the edges are ours.
fn band(score: f64) -> &'static str {
    match score {
        score if score >= 0.8 => "high",
        score if score >= 0.5 => "medium",
        score if score >= 0.2 => "low",
        _ => "bad",
    }
}

/// Fact 1: none of the known systems counts without a ratio.
#[test]
fn the_same_rates_give_the_same_reputation_whatever_the_volume() {
    for profile in ALL {
        let scores = [500, 5_000, 20_000].map(|volume| {
            let mut sender = regular(profile, volume);
            sender.days(15, volume, Rates { complaints: 0.001, ..CLEAN });
            sender.score()
        });
        near(scores[0], scores[1], 0.02, profile);
        near(scores[2], scores[1], 0.02, profile);
    }
}

/// Fact 2 (calibrated): Google's lines are 0.1 % and 0.3 %.
#[test]
fn complaints_count_by_their_rate() {
    let expected = [(0.0005, 0.93), (0.001, 0.84), (0.002, 0.63), (0.003, 0.45), (0.005, 0.24), (0.01, 0.08)];
    for profile in ["gmail", "yahoo"] {
        for (complaints, score) in expected {
            let mut sender = regular(profile, 5_000);
            sender.days(30, 5_000, Rates { complaints, ..CLEAN });
            near(sender.score(), score, 0.05, &format!("{profile} at {complaints}"));
        }
    }
}

/// Fact 3: harm from about 1 % unknown users (Adobe), refusal above 10 % (AOL).
#[test]
fn unknown_users_count_by_their_rate() {
    for (unknown, score) in [(0.005, 0.93), (0.01, 0.88), (0.05, 0.42), (0.1, 0.18)] {
        let mut sender = regular("yahoo", 5_000);
        sender.days(30, 5_000, Rates { unknown, ..CLEAN });
        near(sender.score(), score, 0.05, &format!("{unknown} unknown"));
    }
}

/// Fact 4: a trap weighs more than any complaint (`SpamCop` counts one five times).
#[test]
fn one_trap_in_two_thousand_costs_a_band() {
    for profile in ALL {
        let mut sender = regular(profile, 5_000);
        sender.days(20, 5_000, CLEAN);
        assert_eq!(band(sender.score()), "high", "{profile}");
        sender.days(20, 5_000, Rates { traps: 0.0005, ..CLEAN });
        assert_ne!(band(sender.score()), "high", "{profile}: {}", sender.score());
    }
}

/// Fact 5: systems want 10 to 100 messages before they judge.
#[test]
fn one_complaint_of_a_small_sender_changes_no_band() {
    for profile in ALL {
        let mut sender = Sender::new(profile, &History::NONE);
        let clean = Rates { complaints: 0.0, unknown: 0.0, ..CLEAN };
        sender.days(3, 20, clean);
        let before = band(sender.score());
        sender.day(20, Rates { complaints: 0.05, ..clean });
        for day in 0..7 {
            assert_eq!(band(sender.score()), before, "{profile}, day {day}");
            sender.day(20, clean);
        }
    }
}

/// Fact 6 (calibrated): newcomers wait for one to two weeks; day 0 takes no more than one or two per cent.
#[test]
fn a_newcomer_with_fifty_thousand_messages_waits_for_days() {
    for profile in ["yahoo", "microsoft"] {
        let mut sender = Sender::new(profile, &History::NONE);
        let (mut queue, mut days, mut first) = (50_000, 0, None);
        while queue > 0 && days < 30 {
            let mut accepted = 0;
            for _ in 0..24 {
                let tally = sender.hour(queue, CLEAN, super::sender::POLITE);
                assert_eq!(tally.lost, 0, "{profile}");
                accepted += tally.accepted;
                queue -= tally.accepted.min(queue);
            }
            // Those who do not exist are settled too.
            queue = if accepted == 0 && queue < 300 { 0 } else { queue };
            first.get_or_insert(accepted);
            days += 1;
        }
        assert!(first.is_some_and(|first| first <= 1_000), "{profile}: {first:?} on day 0");
        assert!((5..=15).contains(&days), "{profile}: drained after {days} days");
    }
}

/// Fact 7: a newcomer at 5,000 a day is deferred for one to two weeks, then no more.
#[test]
fn a_polite_newcomer_is_through_after_a_week_or_two() {
    for profile in ["yahoo", "microsoft"] {
        let mut sender = Sender::new(profile, &History::NONE);
        let (mut queue, mut cleared) = (0, None);
        for day in 1..=20 {
            queue += 5_000;
            for _ in 0..24 {
                let tally = sender.hour(queue, Rates { unknown: 0.0, ..CLEAN }, super::sender::POLITE);
                queue -= tally.accepted.min(queue);
            }
            if queue == 0 && cleared.is_none() {
                cleared = Some(day);
            }
        }
        assert!(cleared.is_some_and(|day| (7..=14).contains(&day)), "{profile}: {cleared:?}");
        assert_eq!(queue, 0, "{profile}: nothing waits at the end");
    }
}

/// Fact 9 (calibrated): one and a half times the volume passes, twice mostly, ten times for a fifth, and it does no
/// lasting harm if the mail is clean.
#[test]
fn a_spike_waits_and_does_no_harm() {
    for (spike, at_least, at_most) in [(7_500, 0.99, 1.0), (10_000, 0.9, 1.0), (15_000, 0.6, 0.8), (50_000, 0.15, 0.3)]
    {
        let mut sender = regular("gmail", 5_000);
        sender.days(3, 5_000, CLEAN);
        let tally = sender.day(spike, Rates { unknown: 0.0, ..CLEAN });
        let share = f64::from(tally.accepted) / f64::from(spike);
        assert!((at_least..=at_most).contains(&share), "{spike}: {share:.2} on the day");
        sender.days(2, 5_000, CLEAN);
        assert_eq!(band(sender.score()), "high", "{spike}");
    }
}

/// Fact 10: "most ISPs only store reputation data for 30 days" (Braze and others).
#[test]
fn volume_is_forgotten_in_a_month() {
    for profile in ALL {
        let stranger = Sender::new(profile, &History::NONE);
        let allowed = |idle: u64| {
            let mut sender = regular(profile, 100_000);
            sender.rest(24 * idle);
            sender.allowance()
        };
        let shares = [3, 7, 14, 31].map(|idle| allowed(idle) / allowed(0));
        assert!(shares[0] > 0.75 && shares[1] > 0.5 && shares[1] < shares[0], "{profile}: {shares:?}");
        assert!((0.25..=0.6).contains(&shares[2]), "{profile}: {shares:?}");
        assert!(allowed(31) <= stranger.allowance() * 1.001, "{profile}: a newcomer after a month");
    }
}

/// Fact 11: "rapidly" (wordtothewise.com).
#[test]
fn a_day_of_complaints_costs_a_band_and_three_cost_the_name() {
    for profile in ALL {
        let mut sender = regular(profile, 10_000);
        sender.day(10_000, Rates { complaints: 0.01, ..CLEAN });
        assert_ne!(band(sender.score()), "high", "{profile}");
        sender.days(2, 10_000, Rates { complaints: 0.01, ..CLEAN });
        assert_eq!(band(sender.score()), "bad", "{profile}: {}", sender.score());
    }
}

/// Fact 12 (calibrated): at Gmail it takes three to four weeks to see progress, and about another month to the top
/// (wordtothewise.com 2018-03).
#[test]
fn a_name_heals_in_weeks() {
    let mut sender = regular("gmail", 5_000);
    sender.days(10, 5_000, Rates { complaints: 0.01, ..CLEAN });
    let mut reached = [None; 3];
    for day in 1..=70 {
        sender.day(5_000, Rates { complaints: 0.0003, ..CLEAN });
        for (level, reached) in [0.2, 0.5, 0.8].iter().zip(&mut reached) {
            if sender.score() >= *level && reached.is_none() {
                *reached = Some(day);
            }
        }
    }
    let [out_of_bad, medium, high] = reached.map(|day| day.unwrap_or(99));
    assert!((7..=14).contains(&out_of_bad) && (21..=30).contains(&medium) && (42..=58).contains(&high), "{reached:?}");
}

/// Fact 16: after attempts at k times the limit, a strict receiver wants ln k periods of quiet (Exim's
/// `NewStuff`, 2005).
#[test]
fn a_strict_average_wants_quiet_by_the_logarithm_of_the_peak() {
    // A hundred in five minutes.
    const PERIOD: Span = Span::from_secs(300);
    const LIMIT: u32 = 100;
    let good = Rates { unknown: 0.0, ..CLEAN };
    let accepted_after = |k: u32, quiet: Span| {
        let mut sender = Sender::new("exim", &History::NONE);
        let strict = sender.provider.policy().rules.iter().position(|rule| rule.name == "rate-strict").expect("a rule");
        sender.provider.apply(sender.now, &PolicyChange::Enabled(RuleId::from_index(strict), true));
        // After twelve periods the average has reached the rate.
        sender.steadily(k * LIMIT * 12, Span::from_micros(PERIOD.as_micros() / u64::from(k * LIMIT)), good);
        sender.now += quiet;
        sender.hour(1, good, 1).accepted == 1
    };
    for k in [3, 10, 30] {
        let (mut refused, mut accepted) = (Span::ZERO, PERIOD.times(8));
        while accepted.as_micros() - refused.as_micros() > PERIOD.as_micros() / 200 {
            let middle = Span::from_micros(refused.as_micros().midpoint(accepted.as_micros()));
            *if accepted_after(k, middle) { &mut accepted } else { &mut refused } = middle;
        }
        let quiet = accepted.as_secs_f64() / PERIOD.as_secs_f64();
        eprintln!("fact 16: {quiet:.3} periods after {k} times the limit");
        near(quiet, f64::from(k).ln(), 0.05, &format!("periods of quiet after {k} times the limit"));
    }
}

/// Fact 18: in the defaults of Haraka and `IronPort` a newcomer gets 1/5 to 1/75 of the connections of a friend, and a
/// bad sender 1/2 to 1/5 of a newcomer's.
#[test]
fn strangers_get_less_than_friends_and_more_than_foes() {
    for profile in ["charter", "yahoo", "microsoft"] {
        let [bad, new, good] = [history(0.1, 1_000), History::NONE, history(0.95, 1_000)]
            .map(|history| f64::from(Sender::new(profile, &history).limit("connections").expect("a limit")));
        assert!((2.0..=5.0).contains(&(new / bad)), "{profile}: bad {bad}, new {new}");
        assert!((2.5..=75.0).contains(&(good / new)), "{profile}: new {new}, good {good}");
    }
    for profile in ALL.into_iter().chain(THINNER) {
        let [bad, new, good] = [history(0.1, 0), History::NONE, history(0.95, 10_000)]
            .map(|history| Sender::new(profile, &history).allowance());
        assert!((2.0..=5.0).contains(&(new / bad)) && good > 5.0 * new, "{profile}: {bad} {new} {good}");
    }
}

/// Hosts of bad or unknown reputation are refused (T-Online, quoted at spamresource.com 2020-06), and no warm-up helps.
#[test]
fn a_stranger_gets_nothing_at_t_online_until_the_postmaster_knows_it() {
    let mut stranger = Sender::new(BY_NAME_ALONE, &History::NONE);
    assert_eq!(stranger.days(10, 200, CLEAN).accepted, 0);
    stranger.known_to_the_postmaster();
    for day in 0..20 {
        let messages = [1, 20, 5_000][day % 3];
        assert!(stranger.day(messages, Rates { unknown: 0.0, ..CLEAN }).accepted + 1 >= messages, "day {day}");
    }
    stranger.days(10, 2_000, Rates { complaints: 0.02, ..CLEAN });
    assert_eq!(stranger.day(200, CLEAN).accepted, 0, "a bad one is refused again");
}

/// Published warm-ups pass (a factor of 1.4 a day, as `SendGrid` grows), and rates decide and not volume.
#[test]
fn a_clean_warm_up_passes_and_volume_costs_no_name() {
    for profile in THINNER {
        let mut sender = Sender::new(profile, &History::NONE);
        let floor = sender.allowance();
        let mut tally = Tally::default();
        let mut wanted = 0;
        for day in 0..8 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of messages")]
            let messages = (0.4 * floor * 1.4_f64.powi(day)) as u32;
            wanted += messages;
            tally.accepted += sender.day(messages, Rates { unknown: 0.0, ..CLEAN }).accepted;
        }
        // QQ counts by the minute too, and this sender brings the mail of an hour at once.
        let least = if profile == "qq" { 0.5 } else { 0.95 };
        assert!(f64::from(tally.accepted) >= least * f64::from(wanted), "{profile}: {} of {wanted}", tally.accepted);
        let scores = [500, 2_000].map(|volume| {
            let mut sender = regular(profile, volume);
            sender.days(15, volume, Rates { complaints: 0.001, ..CLEAN });
            sender.score()
        });
        near(scores[0], scores[1], 0.05, profile);
    }
}

/// Fact 19: new IPs of a domain with a good record inherit (Hotmail, 2012); tables of service providers begin with
/// thousands.
#[test]
fn a_good_domain_lends_a_new_ip_thousands() {
    let (ip, domain) = (History::NONE, history(0.93, 100_000));
    let alone = Sender::new("microsoft", &ip);
    let lent = Sender::with_domain("microsoft", &ip, &domain);
    let [alone, lent] = [alone, lent].map(|sender| sender.limit("message-rate-per-day").expect("a limit"));
    assert!(alone <= 600 && (5_000..=20_000).contains(&lent), "{alone} alone, {lent} with the domain");
}

/// Fact 20 (calibrated): inbox shares by Sender Score (Return Path).
#[test]
fn the_inbox_goes_by_the_score() {
    let overall = Placement { most: Fraction::clamped(0.99), half_at: Fraction::clamped(0.775), slope: 0.08 };
    for (score, share) in [(0.95, 0.89), (0.85, 0.72), (0.75, 0.43), (0.65, 0.17)] {
        near(overall.inbox_share(Fraction::clamped(score)).get(), share, 0.05, &format!("a score of {score}"));
    }
}

/// Fact 21: 7 opens of the last 10 against 2 of 10 (Adobe), more than 25 % good, fewer than 10 % bad (Braze).
#[test]
fn engaged_recipients_are_worth_a_band_at_gmail() {
    let [few, many] = [0.08, 0.25].map(|engaged| {
        let mut sender = Sender::new("gmail", &history(0.75, 5_000));
        sender.days(20, 5_000, Rates { complaints: 0.001, engaged, ..CLEAN });
        sender.score()
    });
    assert_eq!((band(few), band(many)), ("medium", "high"), "{few} {many}");
}

/// Fact 22: who shares an IP shares its name.
#[test]
fn a_bad_stream_harms_the_good_one_on_its_ip_by_its_share() {
    let mixed = |bad: f64| {
        let mut sender = regular("yahoo", 5_000);
        let complaints = CLEAN.complaints * (1.0 - bad) + 0.01 * bad;
        sender.days(20, 5_000, Rates { complaints, ..CLEAN });
        sender.score()
    };
    let scores = [0.0, 0.1, 0.3, 0.5].map(mixed);
    assert!(scores.is_sorted_by(|a, b| a > b) && scores[3] < 0.4, "{scores:?}");
}
