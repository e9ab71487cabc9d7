//! What the workload promises: exact counts, order, shares, rates, and that nothing moves what it has no part in.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/scenario.rs"]
mod scenario_text;

use std::sync::Arc;

use mxlab::dist::Dist;
use mxlab::rng::Seed;
use mxlab::sender::Injection;
use mxlab::time::{Span, Time};
use mxlab::trial::TrialInput;
use mxlab::units::{Bytes, DomainId, Fraction, MailStreamId, SenderDomainId, SourceId};
use mxlab::workload::{
    self, Arrivals, Authentication, GenerateError, ListQuality, ListedMailbox, Mail, MailStream, PoissonStage,
    Priority, RecipientRow, Size, TraceRow, Workload,
};
use proptest::prelude::*;

#[test]
fn a_campaign_goes_out_at_once_and_all_of_it() {
    let at = Time::from_micros(5);
    let mail = one(MailStream { recipients_per_message: (3, 7), ..stream(Arrivals::AtOnce { recipients: 1_000, at }) });
    assert_eq!(mail.len(), 1_000);
    assert!(mail.intended.iter().all(|time| time == at));
    let sizes = messages(&mail);
    assert!(sizes[..sizes.len() - 1].iter().all(|n| (3..=7).contains(n)), "{sizes:?}");
    assert!((3..=7).all(|n| sizes.contains(&n)));
}

#[test]
fn a_mailbox_that_gets_mail_again_is_the_same_mailbox() {
    let arrivals = Arrivals::AtOnce { recipients: 5_000, at: Time::ZERO };
    let mut stream = stream(arrivals);
    stream.list.addresses = Some(100);
    stream.list.unknown = Fraction::new(0.5).unwrap();
    let mail = one(stream);
    let mut known = std::collections::BTreeMap::new();
    for (place, row) in mail.rows.iter().enumerate() {
        let address = workload::address(workload::addresses(Seed(1)), place, *row, 100);
        let mailbox = known.entry(address).or_insert_with(|| row.mailbox());
        assert_eq!(*mailbox, row.mailbox(), "address {address}");
    }
    let unknown = known.values().filter(|mailbox| **mailbox == ListedMailbox::Unknown).count();
    assert!((known.len() * 3 / 10..known.len() * 7 / 10).contains(&unknown), "{unknown} of {}", known.len());
}

#[test]
fn nothing_to_send_is_an_empty_table() {
    assert!(one(stream(Arrivals::AtOnce { recipients: 0, at: Time::ZERO })).is_empty());
    assert!(one(stream(Arrivals::Poisson { stages: Vec::new() })).is_empty());
}

#[test]
fn poisson_arrivals_have_their_rate_and_their_variance() {
    let stage = |from: u64, until: u64, per_second| PoissonStage {
        from: Time::ZERO + Span::from_secs(from),
        until: Time::ZERO + Span::from_secs(until),
        per_second,
    };
    let stages = vec![stage(0, 1_000, 20.0), stage(1_000, 2_000, 0.0), stage(3_000, 4_000, 5.0)];
    let mail = one(stream(Arrivals::Poisson { stages }));
    let counts = |width: u64, seconds: std::ops::Range<u64>| -> Vec<f64> {
        let mut counts = vec![0.0; usize::try_from((seconds.end - seconds.start) / width).unwrap()];
        for time in mail.intended.iter().map(|time| time.as_micros() / 1_000_000) {
            if seconds.contains(&time) {
                counts[usize::try_from((time - seconds.start) / width).unwrap()] += 1.0;
            }
        }
        counts
    };
    let sum = |seconds| counts(1, seconds).iter().sum::<f64>();
    // Five standard deviations.
    assert!((sum(0..1_000) - 20_000.0).abs() < 5.0 * 20_000.0_f64.sqrt());
    assert!((sum(3_000..4_000) - 5_000.0).abs() < 5.0 * 5_000.0_f64.sqrt());
    assert!((sum(0..4_000) - mail.len() as f64).abs() < 0.5);
    assert!(sum(1_000..3_000) < 0.5);
    // Of a Poisson variable, the variance is the mean.
    let second = counts(1, 0..1_000);
    let variance = second.iter().map(|n| (n - 20.0).powi(2)).sum::<f64>() / 1_000.0;
    assert!((variance / 20.0 - 1.0).abs() < 0.25, "{variance}");
}

#[test]
fn a_daily_curve_has_its_weights() {
    let mut hours = [0.0; 24];
    (hours[9], hours[10], hours[20]) = (1.0, 2.0, 1.0);
    let day_starts = Span::HOUR.times(6);
    let arrivals = Arrivals::Diurnal { recipients: 80_000, over: Span::DAY.times(2), hours, day_starts };
    let mail = one(stream(arrivals));
    assert_eq!(mail.len(), 80_000);
    let mut by_hour = [0u32; 48];
    for time in mail.intended.iter() {
        by_hour[usize::try_from(time.as_micros() / Span::HOUR.as_micros()).unwrap()] += 1;
    }
    for (hour, count) in by_hour.iter().enumerate() {
        let share = hours[(hour + 6) % 24] / 8.0;
        let deviation = (80_000.0 * share * (1.0 - share)).sqrt();
        assert!((f64::from(*count) - 80_000.0 * share).abs() <= 5.0 * deviation, "hour {hour}: {count}");
    }
}

#[test]
fn a_trace_is_sent_as_it_stands() {
    let row = |secs, domains: &[u16], size| TraceRow {
        at: Time::ZERO + Span::from_secs(secs),
        domains: domains.iter().copied().map(DomainId).collect(),
        size,
    };
    let rows: Arc<[TraceRow]> = [row(1, &[2, 0, 2], Some(Bytes(512))), row(2, &[1], None)].into();
    let mail = one(stream(Arrivals::Trace { path: "trace.csv".into(), rows }));
    let seen: Vec<_> =
        mail.rows.iter().map(|row| (row.domain.0, row.size, row.is(RecipientRow::SAME_MESSAGE))).collect();
    assert_eq!(seen, [(0, 512, false), (2, 512, true), (2, 512, true), (1, 75_000, false)]);
    assert_eq!(mail.intended.at(3), Time::ZERO + Span::from_secs(2));
}

#[test]
fn the_list_has_its_shares() {
    let n = 200_000;
    let list = ListQuality {
        unknown: share(0.05),
        full: share(0.02),
        traps: share(0.001),
        engaged: share(0.3),
        complaints: share(0.01),
        spam: share(0.1),
        ..clean()
    };
    let campaign = Arrivals::AtOnce { recipients: n, at: Time::ZERO };
    let mail = one(MailStream { list, priority: Priority::EngagedFirst, ..stream(campaign) });
    let near = |share: f64, which: &dyn Fn(RecipientRow) -> bool| {
        let count = mail.rows.iter().filter(|row| which(**row)).count() as f64;
        let deviation = (f64::from(n) * share * (1.0 - share)).sqrt();
        assert!((count - f64::from(n) * share).abs() < 5.0 * deviation, "{count} of {n} where the share is {share}");
    };
    near(0.05, &|row| row.mailbox() == ListedMailbox::Unknown);
    near(0.02, &|row| row.mailbox() == ListedMailbox::Full);
    near(0.001, &|row| row.mailbox() == ListedMailbox::Trap);
    near(0.3, &|row| row.is(RecipientRow::ENGAGED));
    near(0.1, &|row| row.is(RecipientRow::SPAM));
    near((1.0 - 0.071 - 0.3) * 0.01, &|row| row.is(RecipientRow::COMPLAINS));
    for row in mail.rows.iter() {
        assert!(
            !row.is(RecipientRow::ENGAGED)
                || (row.mailbox() == ListedMailbox::Exists && !row.is(RecipientRow::COMPLAINS))
        );
        assert!(!row.is(RecipientRow::COMPLAINS) || row.mailbox() == ListedMailbox::Exists);
        assert_eq!(row.is(RecipientRow::FIRST), row.is(RecipientRow::ENGAGED));
    }
}

#[test]
fn domains_have_their_weights_and_those_of_weight_nothing_get_nothing() {
    let domains = vec![(DomainId(7), 0.0), (DomainId(3), 3.0), (DomainId(1), 1.0), (DomainId(0), 0.0)];
    let campaign = Arrivals::AtOnce { recipients: 40_000, at: Time::ZERO };
    let mail = one(MailStream { domains, recipients_per_message: (10, 10), ..stream(campaign) });
    let count = |id| mail.rows.iter().filter(|row| row.domain == DomainId(id)).count();
    assert_eq!((count(7), count(0)), (0, 0));
    assert!(count(3).abs_diff(30_000) < 5 * 87, "{}", count(3));
}

#[test]
fn sizes_have_their_distribution_and_their_bounds() {
    let sizes = |size| {
        let campaign = Arrivals::AtOnce { recipients: 20_000, at: Time::ZERO };
        let mut sizes: Vec<u32> = one(MailStream { size, ..stream(campaign) }).rows.iter().map(|r| r.size).collect();
        sizes.sort_unstable();
        sizes
    };
    let log_normal = sizes(Size::LogNormal { median: Bytes(50_000), sigma: 1.0 });
    assert!(log_normal[10_000].abs_diff(50_000) < 2_500, "{}", log_normal[10_000]);
    let pareto = sizes(Size::Pareto { minimum: Bytes(1_000), shape: 1.0 });
    assert!(pareto[0] >= 1_000 && pareto[10_000].abs_diff(2_000) < 100, "{}", pareto[10_000]);
    let uniform = sizes(Size::Uniform(Bytes(0), Bytes(3)));
    assert_eq!((uniform[0], uniform[19_999]), (1, 3));
    let huge = sizes(Size::Pareto { minimum: Bytes(u64::MAX), shape: 0.01 });
    assert_eq!((huge[0], huge[19_999]), (Size::LARGEST, Size::LARGEST));
}

#[test]
fn more_recipients_than_can_be_numbered_are_refused() {
    let campaign = |recipients| stream(Arrivals::AtOnce { recipients, at: Time::ZERO });
    let many = workload(vec![campaign(u32::MAX), campaign(9)]);
    assert_eq!(workload::generate(&many, Seed(1)).unwrap_err(), GenerateError::TooManyRecipients);
}

#[test]
fn a_worse_list_moves_neither_times_nor_sizes_nor_domains() {
    let size = Size::LogNormal { median: Bytes(10_000), sigma: 1.0 };
    let good = MailStream { size, ..stream(poisson(50.0)) };
    let bad = MailStream { list: ListQuality { unknown: share(0.5), spam: share(0.5), ..clean() }, ..good.clone() };
    let (good, bad) = (one(good), one(bad));
    assert_eq!(good.intended, bad.intended);
    let facts = |mail: &Mail| mail.rows.iter().map(|row| (row.size, row.domain)).collect::<Vec<_>>();
    assert_eq!(facts(&good), facts(&bad));
    assert_ne!(good.rows, bad.rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_table_is_sorted_and_its_messages_stand_together(
        streams in prop::collection::vec(any_stream(), 1..4),
        seed in any::<u64>(),
    ) {
        let mail = generate(&workload(streams.clone()), Seed(seed));
        prop_assert_eq!(mail.intended.len(), mail.rows.len());
        prop_assert!(mail.intended.iter().is_sorted());
        for (i, row) in mail.rows.iter().enumerate().filter(|(_, row)| row.is(RecipientRow::SAME_MESSAGE)) {
            let before = mail.rows[i - 1];
            prop_assert_eq!((row.stream, row.size), (before.stream, before.size));
            prop_assert_eq!(mail.intended.at(i), mail.intended.at(i - 1));
            prop_assert!(before.domain <= row.domain);
        }
        for (id, stream) in (0..).zip(&streams) {
            if let Arrivals::AtOnce { recipients, .. } | Arrivals::Diurnal { recipients, .. } = stream.arrivals {
                prop_assert_eq!(of_stream(&mail, id).len(), recipients as usize);
            }
            if let Arrivals::Diurnal { over, .. } = stream.arrivals {
                prop_assert!(of_stream(&mail, id).iter().all(|(time, _)| *time <= Time::ZERO + over));
            }
        }
    }

    #[test]
    fn mail_is_handed_over_as_it_stands_in_the_table(
        first in any_stream(),
        second in any_stream(),
        engaged in prop_oneof![Just(0.0), 0.0..1.0],
        seed in any::<u64>(),
    ) {
        let list = ListQuality { engaged: share(engaged), ..first.list };
        let first = MailStream { list, priority: Priority::EngagedFirst, ..first };
        let mail = generate(&workload(vec![first, second]), Seed(seed));
        let mut expected: Vec<(Time, u32, u16, RecipientRow)> = Vec::new();
        for (place, row) in (0..).zip(mail.rows.iter().copied()) {
            match expected.last_mut() {
                Some((_, _, count, begun))
                    if row.is(RecipientRow::SAME_MESSAGE)
                        && (row.domain, row.is(RecipientRow::FIRST)) == (begun.domain, begun.is(RecipientRow::FIRST)) =>
                {
                    *count += 1;
                }
                _ => expected.push((mail.intended.at(place as usize), place, 1, row)),
            }
        }
        let mut handed = Vec::new();
        for Injection { delivery, domain, stream, .. } in injections(&mail) {
            let row = mail.rows[delivery.first.index()];
            prop_assert_eq!((domain, stream, delivery.priority), (row.domain, row.stream, row.is(RecipientRow::FIRST)));
            handed.push((delivery.ready_at, delivery.first.0, delivery.count, row));
        }
        prop_assert_eq!(handed, expected);
    }

    #[test]
    fn the_same_seed_gives_the_same_mail(stream in any_stream(), seed in any::<u64>()) {
        let workload = workload(vec![stream]);
        let (a, b) = (generate(&workload, Seed(seed)), generate(&workload, Seed(seed)));
        prop_assert_eq!(a.intended, b.intended);
        prop_assert_eq!(a.rows, b.rows);
    }

    #[test]
    fn a_second_stream_leaves_the_first_alone(first in any_stream(), second in any_stream(), seed in any::<u64>()) {
        let alone = generate(&workload(vec![first.clone()]), Seed(seed));
        let together = generate(&workload(vec![first, second]), Seed(seed));
        prop_assert_eq!(of_stream(&alone, 0), of_stream(&together, 0));
    }
}

fn any_stream() -> impl Strategy<Value = MailStream> {
    let hours = prop::array::uniform24(prop_oneof![Just(0.0), 0.0..10.0]);
    let arrivals = prop_oneof![
        (0u32..500, 0u64..9).prop_map(|(recipients, at)| Arrivals::AtOnce { recipients, at: Time::from_micros(at) }),
        (0.0..50.0).prop_map(poisson),
        (0u32..500, 1u64..200_000, 0u64..86_400, hours).prop_map(|(recipients, over, starts, hours)| {
            let (over, day_starts) = (Span::from_secs(over), Span::from_secs(starts));
            Arrivals::Diurnal { recipients, over, hours, day_starts }
        }),
    ];
    let size = prop_oneof![
        (1u64..1_000_000).prop_map(|n| Size::Constant(Bytes(n))),
        (1u64..1_000, 0u64..1_000).prop_map(|(low, more)| Size::Uniform(Bytes(low), Bytes(low + more))),
        (0.0..5.0).prop_map(|sigma| Size::LogNormal { median: Bytes(75_000), sigma }),
    ];
    (arrivals, size, 1u32..5, 0u32..5, 0.0..0.5).prop_map(|(arrivals, size, low, more, unknown)| MailStream {
        size,
        recipients_per_message: (low, low + more),
        list: ListQuality { unknown: share(unknown), ..clean() },
        ..stream(arrivals)
    })
}

fn poisson(per_second: f64) -> Arrivals {
    let until = Time::ZERO + Span::from_secs(20);
    Arrivals::Poisson { stages: vec![PoissonStage { from: Time::ZERO, until, per_second }] }
}

fn stream(arrivals: Arrivals) -> MailStream {
    MailStream {
        name: "news".into(),
        arrivals,
        recipients_per_message: (1, 1),
        size: Size::Constant(Bytes(75_000)),
        domains: vec![(DomainId(0), 1.0), (DomainId(1), 2.0), (DomainId(2), 0.5)],
        list: clean(),
        authentication: Authentication { dns: true, spf: true, dkim: true, dmarc: true },
        sender_domain: SenderDomainId(0),
        sender_local_part: String::new(),
        sources: vec![SourceId(0)],
        priority: Priority::None,
    }
}

fn clean() -> ListQuality {
    ListQuality {
        addresses: None,
        unknown: Fraction::NONE,
        full: Fraction::NONE,
        traps: Fraction::NONE,
        engaged: Fraction::NONE,
        complaints: Fraction::NONE,
        complaint_delay: Dist::Constant(Span::HOUR),
        spam: Fraction::NONE,
    }
}

fn workload(streams: Vec<MailStream>) -> Workload {
    Workload { streams, sender_domains: vec!["example.com".into()] }
}

fn generate(workload: &Workload, seed: Seed) -> Mail {
    workload::generate(workload, seed).unwrap()
}

fn one(stream: MailStream) -> Mail {
    generate(&workload(vec![stream]), Seed(1))
}

fn share(value: f64) -> Fraction {
    Fraction::new(value).unwrap()
}

/// All that is handed to the sender, by the end of time.
fn injections(mail: &Mail) -> Vec<Injection> {
    let text = "duration = '1h'\n[[provider]]\nprofile = 'charter'\n[[source]]\nip = '192.0.2.1'\n[[strategy]]\n\
                preset = 'fixed'\n[[stream]]\narrivals = { at-once = { recipients = 1 } }\n";
    let mut scenario = scenario_text::scenario("test", text, &[]);
    scenario.domains = vec![scenario.domains[0].clone(); 3];
    let input = TrialInput { scenario: &scenario, strategy: &scenario.strategies[0], seed: 1, unknowns: 1, mail };
    let mut next = 0;
    std::iter::from_fn(|| {
        let injection = input.injection(next, Time::NEVER)?;
        next += usize::from(injection.delivery.count);
        Some(injection)
    })
    .collect()
}

/// The recipients of one mail stream.
fn of_stream(mail: &Mail, id: u8) -> Vec<(Time, RecipientRow)> {
    let all = mail.intended.iter().zip(mail.rows.iter().copied());
    all.filter(|(_, row)| row.stream == MailStreamId(id)).collect()
}

/// How many recipients each message has.
fn messages(mail: &Mail) -> Vec<u32> {
    let mut counts = Vec::new();
    for row in mail.rows.iter() {
        match counts.last_mut() {
            Some(count) if row.is(RecipientRow::SAME_MESSAGE) => *count += 1,
            _ => counts.push(1),
        }
    }
    counts
}
