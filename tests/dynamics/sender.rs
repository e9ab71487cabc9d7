//! A sender at the door of one provider: it brings mail hour by hour, and takes no for an answer or does not.

use mxlab::provider::profile::{built_in, parse};
use mxlab::provider::{
    Client, Decision, Envelope, History, LocalPartLength, Mailbox, PolicyChange, Provider, Recipient, Refusal,
    RuleAction,
};
use mxlab::rng::Seed;
use mxlab::time::{Span, Time};
use mxlab::units::{ClientId, DomainId, Fraction, NetworkId, RuleId, SenderDomainId};

/// What mail is like: shares of its recipients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Of those who find it in their inbox, how many complain.
    pub(crate) complaints: f64,
    /// How many do not exist.
    pub(crate) unknown: f64,
    /// How many are spam traps.
    pub(crate) traps: f64,
    /// How many read what they get.
    pub(crate) engaged: f64,
}

/// The mail of a good list.
pub(crate) const CLEAN: Rates = Rates { complaints: 0.0005, unknown: 0.005, traps: 0.0, engaged: 0.2 };

/// What came of mail.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// Messages that were accepted.
    pub(crate) accepted: u32,
    /// Attempts that were deferred.
    pub(crate) deferred: u32,
    /// Messages with a good recipient that were refused for good.
    pub(crate) lost: u32,
}

/// What an answer means to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Accepted,
    Deferred,
    /// The recipient does not exist.
    Unknown,
    Lost,
}

/// A sender and the provider that it writes to.
pub(crate) struct Sender {
    pub(crate) provider: Provider,
    client: ClientId,
    domain: SenderDomainId,
    /// The start of the next hour.
    pub(crate) now: Time,
    /// Shares of recipients that are owed: complaints, unknown ones, traps, engaged ones.
    owed: [f64; 4],
    recipients: u64,
    /// Of the last refusal, the code.
    pub(crate) last_code: u16,
}

/// A history of so many recipients a day at this score.
pub(crate) fn history(score: f64, daily_volume: u32) -> History {
    History { reputation: Fraction::new(score), daily_volume, age: None }
}

impl Sender {
    /// A sender with this behind its IP and its domain, at a built-in profile whose weather is fine.
    pub(crate) fn new(profile: &str, history: &History) -> Self {
        Self::with_domain(profile, history, history)
    }

    /// The same, where the domain has another history than the IP.
    pub(crate) fn with_domain(profile: &str, ip: &History, domain: &History) -> Self {
        let policy = parse(&built_in(profile).expect("a built-in profile")).expect("a right one");
        let weather = (0_u16..)
            .zip(&policy.rules)
            .filter(|(_, rule)| rule.name.contains("busy") || rule.name.contains("problem"));
        let weather: Vec<RuleId> = weather.map(|(place, _)| RuleId(place)).collect();
        let mut provider = Provider::new(policy, Seed(1).into(), Span::ZERO);
        for rule in weather {
            provider.apply(Time::ZERO, &PolicyChange::Enabled(rule, false));
        }
        let client =
            provider.meet_client(Time::ZERO, Client { network: NetworkId(0), listed: false, ptr: true, history: *ip });
        let domain = provider.meet_sender(Time::ZERO, domain);
        Self { provider, client, domain, now: Time::ZERO, owed: [0.0; 4], recipients: 0, last_code: 0 }
    }

    /// An administrator believes the IP to be a good sender's from now on.
    pub(crate) fn known_to_the_postmaster(&mut self) {
        self.provider.apply(self.now, &PolicyChange::Reputation(self.client, Fraction::new(0.6).expect("a share")));
    }

    /// The score of the IP.
    pub(crate) fn score(&self) -> f64 {
        self.provider.reputation(self.now, self.client).get()
    }

    /// What the IP may send today by its own history.
    pub(crate) fn allowance(&self) -> f64 {
        self.provider.allowance(self.now, self.client)
    }

    /// The rules that hold the IP, until when.
    pub(crate) fn held_until(&self) -> Option<Time> {
        self.provider.active_holds(self.now, self.client).into_iter().map(|(_, until)| until).max()
    }

    /// The middle of what the limit of a rule is for the IP now.
    pub(crate) fn limit(&self, rule: &str) -> Option<u32> {
        let place = self.provider.policy().rules.iter().position(|known| known.name == rule).expect("a rule");
        self.provider.limit(self.now, RuleId::from_index(place), self.client, Some(self.domain))
    }

    /// An hour in which `queue` messages are waiting, a tenth of a second apart, and the sender stops for the hour when
    /// it is refused `patience` times in a row.
    pub(crate) fn hour(&mut self, queue: u32, rates: Rates, patience: u32) -> Tally {
        let mut tally = Tally::default();
        let (start, mut refused_in_a_row) = (self.now, 0);
        // Sessions of twenty messages, a tenth of a second a message.
        let mut session = None;
        for n in 0..queue {
            if refused_in_a_row >= patience {
                break;
            }
            self.now = start + Span::from_millis(100).times(u64::from(n).min(35_000));
            let answer = self.message(&mut session, n, rates);
            match answer {
                Answer::Accepted => tally.accepted += 1,
                Answer::Deferred => tally.deferred += 1,
                Answer::Lost => tally.lost += 1,
                Answer::Unknown => {}
            }
            refused_in_a_row = if matches!(answer, Answer::Deferred | Answer::Lost) { refused_in_a_row + 1 } else { 0 };
        }
        if let Some(open) = session {
            self.provider.close(open);
        }
        self.now = start + Span::HOUR;
        tally
    }

    /// So many messages with this much time between them, each tried once.
    pub(crate) fn steadily(&mut self, messages: u32, gap: Span, rates: Rates) {
        for _ in 0..messages {
            let next = self.now + gap;
            self.hour(1, rates, 1);
            self.now = next;
        }
    }

    /// A day of `messages`, spread over its hours; what is not accepted in its hour waits for the next, and at the end
    /// of the day it is given up. Polite: it leaves the provider alone for the hour when it is refused a few times.
    pub(crate) fn day(&mut self, messages: u32, rates: Rates) -> Tally {
        let (mut sum, mut waiting) = (Tally::default(), 0);
        for hour in 0..24 {
            waiting += messages * (hour + 1) / 24 - messages * hour / 24;
            let tally = self.hour(waiting, rates, POLITE);
            waiting -= (tally.accepted + tally.lost).min(waiting);
            sum.accepted += tally.accepted;
            sum.deferred += tally.deferred;
            sum.lost += tally.lost;
        }
        sum
    }

    /// So many days like that; the last one's tally.
    pub(crate) fn days(&mut self, days: u32, messages: u32, rates: Rates) -> Tally {
        (0..days).fold(Tally::default(), |_, _| self.day(messages, rates))
    }

    /// Hours without mail.
    pub(crate) fn rest(&mut self, hours: u64) {
        self.now += Span::HOUR.times(hours);
    }

    fn message(&mut self, session: &mut Option<mxlab::units::SessionId>, n: u32, rates: Rates) -> Answer {
        if n.is_multiple_of(20)
            && let Some(open) = session.take()
        {
            self.provider.close(open);
        }
        let open = match *session {
            Some(open) => open,
            None => match self.provider.connect(self.now, self.client) {
                (Some(open), _) => *session.insert(open),
                (None, verdict) => return self.refused(verdict.decision),
            },
        };
        let envelope = Envelope {
            sender_domain: self.domain,
            sender_local_part: LocalPartLength::Octets(4),
            size: 1_000,
            dns: true,
            spf: true,
            dkim: true,
            dmarc: true,
            spam: false,
        };
        let verdict = self.provider.mail(self.now, open, envelope);
        if !verdict.accepted() {
            return self.after(session, verdict.decision);
        }
        let recipient = self.next_recipient(rates);
        let is_unknown = recipient.mailbox == Some(Mailbox::Unknown);
        let verdict = self.provider.rcpt(self.now, open, recipient);
        if !verdict.accepted() {
            self.provider.abort(open);
            return if is_unknown { Answer::Unknown } else { self.after(session, verdict.decision) };
        }
        let verdict = self.provider.end_of_data(self.now, open);
        if !verdict.accepted() {
            return if is_unknown { Answer::Unknown } else { self.after(session, verdict.decision) };
        }
        if self.provider.reaches_inbox(self.client, self.domain, recipient.id) && self.is_due(0, rates.complaints) {
            self.provider.complain(self.now, self.client, self.domain);
        }
        Answer::Accepted
    }

    fn next_recipient(&mut self, rates: Rates) -> Recipient {
        self.recipients += 1;
        let (unknown, trap) = (self.is_due(1, rates.unknown), self.is_due(2, rates.traps));
        let mailbox = match (unknown, trap) {
            (true, _) => Mailbox::Unknown,
            (_, true) => Mailbox::Trap,
            _ => Mailbox::Exists,
        };
        let engaged = Some(self.is_due(3, rates.engaged));
        Recipient { id: self.recipients, domain: DomainId(0), mailbox: Some(mailbox), local_octets: 3, engaged }
    }

    /// Whether one more of a kind is due that comes to such a share.
    fn is_due(&mut self, kind: usize, share: f64) -> bool {
        self.owed[kind] += share;
        let due = self.owed[kind] >= 1.0;
        self.owed[kind] -= f64::from(u8::from(due));
        due
    }

    /// A refusal within a session, which may end it.
    fn after(&mut self, session: &mut Option<mxlab::units::SessionId>, decision: Decision) -> Answer {
        if let (Decision::Refuse(refusal), Some(open)) = (decision, *session)
            && refusal.closes()
        {
            self.provider.close(open);
            *session = None;
        }
        self.refused(decision)
    }

    fn refused(&mut self, decision: Decision) -> Answer {
        let Decision::Refuse(Refusal { action: RuleAction::Reply { reply, .. }, .. }) = decision else {
            return Answer::Deferred;
        };
        self.last_code = self.provider.policy().replies[reply.index()].code.get();
        if self.last_code < 500 { Answer::Deferred } else { Answer::Lost }
    }
}

/// Refusals in a row after which a polite sender leaves a provider alone for the rest of the hour.
pub(crate) const POLITE: u32 = 5;
