//! From mail streams to the table of all recipients.
//!
//! Every mail stream draws from streams of chance of its own, one for each thing that is drawn (arrivals, recipients
//! per message, sizes, domains, list, content), and draws as often for every recipient whatever comes out. So a change
//! in one place moves nothing in another: a larger share of unknown recipients leaves times, sizes and domains alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use rand::RngExt;
use rand_distr::{Distribution, Exp1, StandardNormal};

use super::arrivals::{Planned, Timetable};
use super::model::{ListQuality, ListedMailbox, Mail, MailStream, Priority, RecipientRow, Size, Workload};
use crate::rng::{Seed, Stream};
use crate::time::{Moments, Time};
use crate::units::{DomainId, Fraction, MailStreamId};

/// Why a workload cannot be made into a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A recipient's number has 32 bits.
    #[error("the workload has more than {} recipients, more than a trial can number", Mail::RECIPIENTS_MAX)]
    TooManyRecipients,
}

/// The table of all recipients of `workload` under `seed`: sorted by intended time, then by mail stream.
///
/// # Errors
///
/// Where there are more recipients than a trial can number.
pub fn generate(workload: &Workload, seed: Seed) -> Result<Mail, GenerateError> {
    let capacity = capacity(workload)?;
    let mut intended = Moments::with_capacity(capacity);
    let mut rows = Vec::with_capacity(capacity);
    let mut writers: Vec<Writer<'_>> = (0u8..=u8::MAX)
        .zip(&workload.streams)
        .map(|(id, stream)| Writer::new(stream, seed, MailStreamId(id)))
        .collect();
    let mut next: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::with_capacity(writers.len());
    next.extend(writers.iter().enumerate().filter_map(|(n, writer)| Some(Reverse((writer.due()?, n)))));
    while let Some(mut first) = next.peek_mut() {
        let Reverse((at, n)) = *first;
        writers[n].write(&mut rows);
        if rows.len() > Mail::RECIPIENTS_MAX as usize {
            return Err(GenerateError::TooManyRecipients);
        }
        intended.fill(rows.len(), at);
        match writers[n].due() {
            Some(due) => *first = Reverse((due, n)),
            None => drop(PeekMut::pop(first)),
        }
    }
    settle_mailboxes(&mut rows, workload, seed);
    Ok(Mail { intended: intended.into(), rows: rows.into() })
}

/// Room for the table: what is expected, and a little more where chance decides.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^32, checked above")]
fn capacity(workload: &Workload) -> Result<usize, GenerateError> {
    let expected: f64 = workload.streams.iter().map(MailStream::expected_recipients).sum();
    if expected > f64::from(Mail::RECIPIENTS_MAX) {
        return Err(GenerateError::TooManyRecipients);
    }
    Ok((expected + 4.0 * expected.sqrt()) as usize)
}

/// Writes the rows of one mail stream, a message at a time.
struct Writer<'a> {
    stream: &'a MailStream,
    id: MailStreamId,
    timetable: Timetable<'a>,
    due: Option<Planned<'a>>,
    /// The size of all messages, where they are all alike.
    size: Option<u32>,
    weights: Vec<f64>,
    /// The recipients' domains of the message in hand; kept for its room.
    domains: Vec<DomainId>,
    chance: Chance,
}

/// One stream of chance for each thing that is drawn.
struct Chance {
    sizes: Stream,
    domains: Stream,
    list: Stream,
    content: Stream,
}

impl<'a> Writer<'a> {
    fn new(stream: &'a MailStream, seed: Seed, id: MailStreamId) -> Self {
        let n = u64::from(id.0);
        let mut timetable = Timetable::new(stream, seed, n);
        let due = timetable.next();
        let sum = |sum: &mut f64, (_, weight): &(DomainId, f64)| {
            *sum += weight;
            Some(*sum)
        };
        let chance = Chance {
            sizes: seed.stream("sizes", n),
            domains: seed.stream("domains", n),
            list: seed.stream("list", n),
            content: seed.stream("content", n),
        };
        let weights = stream.domains.iter().scan(0.0, sum).collect();
        let size = if let Size::Constant(bytes) = stream.size { Some(whole(bytes.0 as f64)) } else { None };
        Self { stream, id, timetable, due, size, weights, domains: Vec::new(), chance }
    }

    /// When the next message should go out.
    fn due(&self) -> Option<Time> {
        self.due.as_ref().map(|planned| planned.at)
    }

    /// Writes the next message's recipients.
    fn write(&mut self, rows: &mut Vec<RecipientRow>) {
        let Some(planned) = self.due.take() else { return };
        self.due = self.timetable.next();
        let drawn = self.size.unwrap_or_else(|| size(&self.stream.size, &mut self.chance.sizes));
        let size = planned.row.and_then(|row| row.size).map_or(drawn, |bytes| whole(bytes.0 as f64));
        let mut message = 0;
        // A stream without spam draws nothing here: no other code draws from this stream.
        let spam = self.stream.list.spam;
        if spam > Fraction::NONE && self.chance.content.random::<f64>() < spam.get() {
            message |= RecipientRow::SPAM;
        }
        self.domains.clear();
        match planned.row {
            Some(row) => self.domains.extend_from_slice(&row.domains),
            None => (0..planned.recipients).for_each(|_| {
                let domain = pick(&self.stream.domains, &self.weights, &mut self.chance.domains);
                self.domains.extend(domain);
            }),
        }
        if self.domains.len() > 1 {
            self.domains.sort_unstable();
        }
        for &domain in &self.domains {
            let (mailbox, complaint) = (self.chance.list.random::<f64>(), self.chance.list.random::<f64>());
            let flags = message | recipient(&self.stream.list, self.stream.priority, mailbox, complaint);
            rows.push(RecipientRow { size, domain, stream: self.id, flags });
            message |= RecipientRow::SAME_MESSAGE;
        }
    }
}

/// A domain by its weight; `sums` are the running sums of the weights. Of one domain nothing is drawn: no other
/// code draws from this stream.
fn pick(domains: &[(DomainId, f64)], sums: &[f64], rng: &mut Stream) -> Option<DomainId> {
    if let [(only, _)] = domains {
        return Some(*only);
    }
    let wanted = rng.random::<f64>() * sums.last()?;
    let place = sums.partition_point(|sum| *sum <= wanted).min(domains.len() - 1);
    Some(domains[place].0)
}

/// The seed under which recipients are given addresses.
pub fn addresses(seed: Seed) -> Seed {
    seed.named("addresses")
}

/// Which of so many addresses at its domain a recipient of the table is. The same number at the same domain, the same
/// mailbox; `addresses` is the seed of [`addresses`].
pub fn address(addresses: Seed, recipient: usize, row: RecipientRow, most: u32) -> u64 {
    let number = addresses.draw(recipient as u64, u64::from(row.stream.0)) % u64::from(most);
    u64::from(row.domain.0) << 32 | number
}

/// Where a list has fewer addresses than it gets messages, everything that belongs to a mailbox must be the same each
/// time: it is drawn again, addressed by the mailbox.
fn settle_mailboxes(rows: &mut [RecipientRow], workload: &Workload, seed: Seed) {
    if workload.streams.iter().all(|stream| stream.list.addresses.is_none()) {
        return;
    }
    let (numbers, mailboxes, complaints) = (addresses(seed), seed.named("mailboxes"), seed.named("complains"));
    for (place, row) in rows.iter_mut().enumerate() {
        let stream = &workload.streams[row.stream.index()];
        let Some(most) = stream.list.addresses else { continue };
        let mailbox = mailboxes.share(address(numbers, place, *row, most), u64::from(row.stream.0));
        let message = row.flags & (RecipientRow::SAME_MESSAGE | RecipientRow::SPAM);
        let complaint = complaints.share(place as u64, 0);
        row.flags = message | recipient(&stream.list, stream.priority, mailbox, complaint);
    }
}

/// The flags of one recipient from two draws. The engaged are found at the far end of the first draw, the others at its
/// near end: a recipient who reads mail exists.
fn recipient(list: &ListQuality, priority: Priority, drawn: f64, complaint: f64) -> u8 {
    let unknown = list.unknown.get();
    let full = unknown + list.full.get();
    let trap = full + list.traps.get();
    let mailbox = match drawn {
        u if u < unknown => ListedMailbox::Unknown,
        u if u < full => ListedMailbox::Full,
        u if u < trap => ListedMailbox::Trap,
        _ => ListedMailbox::Exists,
    };
    let mut flags = mailbox as u8;
    let engaged = mailbox == ListedMailbox::Exists && drawn >= 1.0 - list.engaged.get();
    if engaged {
        flags |= RecipientRow::ENGAGED;
    } else if mailbox == ListedMailbox::Exists && complaint < list.complaints.get() {
        flags |= RecipientRow::COMPLAINS;
    }
    if priority == Priority::First || (priority == Priority::EngagedFirst && engaged) {
        flags |= RecipientRow::FIRST;
    }
    flags
}

/// The size of one message.
fn size(size: &Size, rng: &mut Stream) -> u32 {
    whole(match *size {
        Size::Constant(bytes) => bytes.0 as f64,
        Size::Uniform(low, high) => rng.random_range(low.0..=high.0) as f64,
        Size::LogNormal { median, sigma } => {
            let x: f64 = StandardNormal.sample(rng);
            median.0 as f64 * (x * sigma).exp()
        }
        Size::Pareto { minimum, shape } => {
            // The logarithm of a Pareto variable over its minimum is exponential.
            let x: f64 = Exp1.sample(rng);
            minimum.0 as f64 * (x / shape).exp()
        }
    })
}

/// Whole bytes, between 1 and [`Size::LARGEST`].
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1 GiB just before")]
fn whole(bytes: f64) -> u32 {
    bytes.round().clamp(1.0, f64::from(Size::LARGEST)) as u32
}
