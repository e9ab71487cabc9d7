//! A client's connection as the provider sees it, stage by stage: what both front ends ask, and nothing of the wire.

use std::net::IpAddr;
use std::sync::Arc;

use super::clock::Clock;
use super::farm::{Books, Farm};
use super::guests;
use super::ledger::{Blow, Note, Said, What};
use super::wish::{Answered, Flaws, Forced, Wish};
use crate::provider::{Addressee, Answer, Decision, Envelope, Policy, Verdict};
use crate::smtp::{Reply, Stage};
use crate::time::{Span, Time};
use crate::units::{ClientId, ProviderId, SessionId};

/// A connection. Dropped, it is over for the provider too.
#[derive(Debug)]
pub(super) struct Visit {
    farm: Arc<Farm>,
    guest: Guest,
}

/// Who visits, and what was said so far.
#[derive(Debug)]
struct Guest {
    site: ProviderId,
    ip: IpAddr,
    client: ClientId,
    session: Option<SessionId>,
    /// MAIL FROM of the transaction.
    sender: String,
    /// The recipient that is being named.
    named: String,
    /// The recipient that was accepted last: whom a reply to the message means.
    addressed: String,
    /// Accepted recipients of the transaction, by number.
    recipients: Vec<u64>,
    /// What is to happen to the transaction whatever the rules say.
    forced: Vec<Forced>,
}

/// What the client is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// Go on, after this time.
    Accept { after: Span },
    /// This refusal, placeholders filled, after this time.
    Refuse { reply: Reply, close: bool, after: Span },
    /// Nothing: the connection is closed after this time.
    Drop { after: Span },
}

impl Reaction {
    /// How much later than at once.
    pub(super) const fn after(&mut self) -> &mut Span {
        let (Self::Accept { after } | Self::Refuse { after, .. } | Self::Drop { after }) = self;
        after
    }

    /// Whether it comes later than at once.
    pub(super) const fn is_later(&self) -> bool {
        let (Self::Accept { after } | Self::Refuse { after, .. } | Self::Drop { after }) = self;
        !after.is_zero()
    }

    /// The same, this much later.
    pub(super) fn later(mut self, span: Span) -> Self {
        *self.after() += span;
        self
    }
}

/// An address as it came: local part and domain. The null path has neither, `<postmaster>` no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) local: &'a str,
    pub(super) domain: &'a str,
}

impl Address<'_> {
    fn write(self, text: &mut String) {
        text.clear();
        text.push_str(self.local);
        if !self.domain.is_empty() {
            text.push('@');
            text.push_str(self.domain);
        }
    }
}

impl Visit {
    /// Somebody has come through the door.
    pub(super) const fn new(farm: Arc<Farm>, site: ProviderId, ip: IpAddr, client: ClientId) -> Self {
        let guest = Guest {
            site,
            ip,
            client,
            session: None,
            sender: String::new(),
            named: String::new(),
            addressed: String::new(),
            recipients: Vec::new(),
            forced: Vec::new(),
        };
        Self { farm, guest }
    }

    /// The provider, as it was when the farm opened.
    pub(super) fn policy(&self) -> &Policy {
        &self.farm.policies[self.guest.site.index()]
    }

    /// The time.
    pub(super) fn clock(&self) -> &Clock {
        &self.farm.clock
    }

    /// The client speaks for somebody else from here on, who is greeted as if he had just connected.
    pub(super) fn becomes(&mut self, ip: IpAddr) -> Reaction {
        let Self { farm, guest } = self;
        let (mut books, now) = (farm.books(), farm.clock.now());
        guest.leave(&mut books, now);
        let client = books.introduce(ip);
        books.ledger.connects(now, guest.site, client);
        (guest.ip, guest.client) = (ip, client);
        drop(books);
        self.connect()
    }

    /// Before the greeting.
    pub(super) fn connect(&mut self) -> Reaction {
        let Self { farm, guest } = self;
        let (mut books, now) = (farm.books(), farm.clock.now());
        let provider = &mut books.sites[guest.site.index()].provider;
        let (session, verdict) = provider.connect(now, guest.client);
        let open = provider.open_sessions();
        guest.session = session;
        if session.is_some() {
            books.ledger.opened(now, guest.site, open);
            books.ledger.tell(&guest.note(now, What::Opened));
        }
        guest.react(&mut books, now, Stage::Connect, verdict)
    }

    /// It talks, and its greeting was put off.
    pub(super) fn talks_early(&mut self) -> Reaction {
        let Self { farm, guest } = self;
        let (mut books, now) = (farm.books(), farm.clock.now());
        let Some(session) = guest.session else { return Reaction::Drop { after: Span::ZERO } };
        let verdict = books.provider(guest.site).talks_early(now, session);
        let reaction = guest.react(&mut books, now, Stage::Connect, verdict);
        if !verdict.accepted() {
            guest.session = None;
            books.ledger.tell(&guest.note(now, What::Closed));
        }
        reaction
    }

    /// EHLO or HELO.
    pub(super) fn ehlo(&mut self) -> Reaction {
        self.at(Stage::Ehlo, |_, books, now, (site, session)| books.provider(site).ehlo(now, session))
    }

    /// MAIL. `size` is what the client announces.
    pub(super) fn mail(&mut self, from: Address<'_>, size: u64) -> Reaction {
        let flaws = Flaws::of(from.local);
        self.guest.forget_transaction();
        from.write(&mut self.guest.sender);
        self.guest.forced.extend(flaws.forced);
        self.guest.forced.extend(self.farm.books().next_order(self.guest.site));
        self.at(Stage::Mail, |_, books, now, (site, session)| {
            books.ledger.transacts(site);
            let envelope = Envelope {
                sender_domain: books.introduce_sender(from.domain, None, 0),
                size: u32::try_from(size).unwrap_or(u32::MAX),
                spf: !flaws.spf,
                dkim: !flaws.dkim,
                dmarc: !flaws.dmarc,
                spam: flaws.spam,
            };
            books.provider(site).mail(now, session, envelope)
        })
    }

    /// RCPT.
    pub(super) fn rcpt(&mut self, to: Address<'_>) -> Reaction {
        let wish = Wish::of(to.local);
        let id = guests::address(to.local, to.domain);
        to.write(&mut self.guest.named);
        let earlier = self.guest.forced.len();
        let only_this = wish.forced.as_ref().is_some_and(|forced| forced.at == Stage::Rcpt);
        self.guest.forced.extend(wish.forced);
        self.guest.recipients.push(id);
        let mut service = Span::ZERO;
        let reaction = self.at(Stage::Rcpt, |_, books, now, (site, session)| {
            let domain = books.guests.domain(to.domain);
            let verdict = books.provider(site).rcpt(now, session, Addressee { id, domain, mailbox: wish.mailbox });
            let per_recipient = books.provider(site).policy().service.per_recipient;
            service = per_recipient.sample(&mut books.chance);
            verdict
        });
        if only_this {
            self.guest.forced.truncate(earlier);
        }
        if matches!(reaction, Reaction::Accept { .. }) {
            std::mem::swap(&mut self.guest.addressed, &mut self.guest.named);
        } else {
            self.guest.recipients.pop();
        }
        self.guest.named.clear();
        reaction.later(service)
    }

    /// DATA, or the first BDAT.
    pub(super) fn data(&mut self) -> Reaction {
        self.at(Stage::Data, |_, books, now, (site, session)| books.provider(site).data(now, session))
    }

    /// The message is there, with so many bytes: how long the server takes over it before it is judged.
    pub(super) fn received(&mut self, size: u64) -> Span {
        let Self { farm, guest } = self;
        let mut books = farm.books();
        let provider = books.provider(guest.site);
        if let Some(session) = guest.session {
            provider.weigh(session, u32::try_from(size).unwrap_or(u32::MAX));
        }
        let per_message = provider.policy().service.per_message;
        per_message.sample(&mut books.chance)
    }

    /// The provider judges a message that it has received. Whatever it says, the transaction is over.
    pub(super) fn end_of_data(&mut self, size: u64) -> Reaction {
        let reaction = self.at(Stage::EndOfData, |guest, books, now, (site, session)| {
            let provider = books.provider(site);
            let mut verdict = provider.end_of_data(now, session);
            if verdict.accepted() {
                // What an accepted message does not reach would come back as a message of its own. Where it reaches
                // nobody, the reply says so at once.
                let missed = provider.undeliverable();
                match missed.first() {
                    Some((_, refusal)) if missed.len() == guest.recipients.len() => {
                        verdict.decision = Decision::Refuse(*refusal);
                    }
                    _ => guest.delivered(books, now, size),
                }
            }
            verdict
        });
        self.reset();
        reaction
    }

    /// The transaction is given up: RSET, a new EHLO; or it is over.
    pub(super) fn reset(&mut self) {
        self.guest.forget_transaction();
        if let Some(session) = self.guest.session {
            self.farm.books().provider(self.guest.site).abort(session);
        }
    }

    /// The session has refused something by itself, in these words.
    pub(super) fn faulted(&mut self, stage: Stage, reply: &Reply) {
        let Self { farm, guest } = self;
        guest.refused(&mut farm.books(), farm.clock.now(), stage, Said::Session(reply), Some(reply));
    }

    /// The connection broke off while a message was on its way.
    pub(super) fn lost(&mut self, stage: Stage) {
        let Self { farm, guest } = self;
        let now = farm.clock.now();
        let recipients = std::mem::take(&mut guest.recipients);
        farm.books().ledger.lost(now, guest.site, stage, &recipients);
    }

    /// What happens at a stage: what was asked for, or else what the provider says.
    fn at(
        &mut self,
        stage: Stage,
        ask: impl FnOnce(&Guest, &mut Books, Time, (ProviderId, SessionId)) -> Verdict,
    ) -> Reaction {
        let Self { farm, guest } = self;
        let (mut books, now) = (farm.books(), farm.clock.now());
        let Some(session) = guest.session else { return Reaction::Drop { after: Span::ZERO } };
        let place = guest.forced.iter().position(|forced| forced.at == stage);
        let slow = match place.map(|place| guest.forced.remove(place).answer) {
            None => Span::ZERO,
            Some(Answered::Slow(span)) => span,
            Some(Answered::Drop) => return guest.obey(&mut books, now, stage, None),
            Some(Answered::Reply(reply)) => return guest.obey(&mut books, now, stage, Some(&reply)),
        };
        let verdict = ask(guest, &mut books, now, (guest.site, session));
        guest.react(&mut books, now, stage, verdict).later(slow)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Self { farm, guest } = self;
        let now = farm.clock.now();
        let mut books = farm.books();
        guest.leave(&mut books, now);
        books.leave(guest.site);
    }
}

impl Guest {
    fn forget_transaction(&mut self) {
        self.recipients.clear();
        self.forced.clear();
        self.addressed.clear();
    }

    fn leave(&mut self, books: &mut Books, now: Time) {
        self.forget_transaction();
        if let Some(session) = self.session.take() {
            books.provider(self.site).close(session);
            books.ledger.tell(&self.note(now, What::Closed));
        }
    }

    /// Somebody ordered this reply, or none.
    fn obey(&self, books: &mut Books, now: Time, stage: Stage, reply: Option<&Reply>) -> Reaction {
        let said = Said::Order(reply);
        let Some(reply) = reply else {
            self.refused(books, now, stage, said, None);
            return Reaction::Drop { after: Span::ZERO };
        };
        books.replies += 1;
        let reply = self.filled(books.sites[self.site.index()].provider.policy(), books.replies, reply);
        self.refused(books, now, stage, said, Some(&reply));
        Reaction::Refuse { close: reply.code.get() == 421, reply, after: Span::ZERO }
    }

    /// The provider has spoken.
    fn react(&self, books: &mut Books, now: Time, stage: Stage, verdict: Verdict) -> Reaction {
        let Verdict { decision, tarpit: after } = verdict;
        let Decision::Refuse(refusal) = decision else { return Reaction::Accept { after } };
        let said = Said::Rule(refusal);
        let Answer::Reply { reply, close } = refusal.answer else {
            self.refused(books, now, stage, said, None);
            return Reaction::Drop { after };
        };
        books.replies += 1;
        let policy = books.sites[self.site.index()].provider.policy();
        let reply = self.filled(policy, books.replies, &policy.replies[reply.index()]);
        self.refused(books, now, stage, said, Some(&reply));
        Reaction::Refuse { reply, close, after }
    }

    /// Writes down a refusal and whom it met.
    fn refused(&self, books: &mut Books, now: Time, stage: Stage, said: Said<'_>, reply: Option<&Reply>) {
        // Whom the session refuses it does not name.
        let named = !matches!(said, Said::Session(_));
        let met = match stage {
            Stage::Rcpt if !named => &[],
            Stage::Rcpt => self.recipients.last().map_or(&[][..], std::slice::from_ref),
            _ => &self.recipients,
        };
        let Books { sites, ledger, .. } = books;
        let policy = sites[self.site.index()].provider.policy();
        ledger.refused(&Blow { now, site: self.site, client: self.client, stage, said, met }, policy);
        if !ledger.is_heard() {
            return;
        }
        let text = reply.map(Reply::to_string);
        let what = What::Refused {
            stage,
            rule: match said {
                Said::Rule(refusal) => Some(&policy.rules[refusal.rule.index()].name),
                Said::Order(_) | Said::Session(_) => None,
            },
            reply: text.as_deref(),
            from: (stage > Stage::Mail || stage == Stage::Mail && named).then_some(&self.sender),
            to: (stage == Stage::Rcpt && named).then_some(&self.named),
        };
        ledger.tell(&self.note(now, what));
    }

    fn delivered(&self, books: &mut Books, now: Time, size: u64) {
        let missed: Vec<_> = books.provider(self.site).undeliverable().to_vec();
        let Books { sites, ledger, .. } = books;
        let policy = sites[self.site.index()].provider.policy();
        for (place, refusal) in &missed {
            let met = self.recipients.get(*place as usize).map_or(&[][..], std::slice::from_ref);
            let (client, stage, said) = (self.client, Stage::EndOfData, Said::Rule(*refusal));
            ledger.refused(&Blow { now, site: self.site, client, stage, said, met }, policy);
        }
        let reached = (0..).zip(&self.recipients).filter(|(n, _)| !missed.iter().any(|(place, _)| place == n));
        ledger.accepted(now, self.site, self.client, reached.map(|(_, id)| *id));
        let what = What::Accepted { from: &self.sender, recipients: self.recipients.len() - missed.len(), size };
        ledger.tell(&self.note(now, what));
    }

    const fn note<'a>(&self, at: Time, what: What<'a>) -> Note<'a> {
        Note { at, site: self.site, ip: self.ip, what }
    }

    /// The reply with its placeholders filled; it is the provider's so many-th.
    fn filled(&self, policy: &Policy, number: u64, reply: &Reply) -> Reply {
        reply.filled(|name| match name {
            "ip" => Some(self.ip.to_string()),
            "mx" => policy.mx.first().cloned(),
            "rcpt" if self.named.is_empty() => Some(self.addressed.clone()),
            "rcpt" => Some(self.named.clone()),
            "sender" => Some(self.sender.clone()),
            // As a real one: another for every reply.
            "id" => Some(format!("{number:012x}")),
            "url" => policy.domains.first().map(|domain| format!("https://postmaster.{domain}/")),
            _ => None,
        })
    }
}
