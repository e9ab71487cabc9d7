//! What a trial runs: the sender, the providers and the mail of a scenario, as every world meets them.

use crate::provider::{Client, Envelope, History, LocalPartLength, Mailbox, Policy, PolicyChange, Provider, Recipient};
use crate::rng::{Seed, Seeds};
use crate::scenario::Scenario;
use crate::sender::{Delivery, Injection, SenderTask, Strategy};
use crate::time::Time;
use crate::units::{ProviderId, RecipientId};
use crate::workload::{ListedMailbox, Mail, RecipientRow, address};

/// What a trial runs: a scenario, one of its strategies, its seeds and the mail of the first.
#[derive(Clone, Copy, Debug)]
pub struct TrialInput<'a> {
    /// The providers, the sources, and what happens when.
    pub scenario: &'a Scenario,
    /// The strategy that is tried.
    pub strategy: &'a Strategy,
    /// The seed of chance.
    pub seed: u64,
    /// The seed of the unknown limits: the same in an ordinary trial.
    pub unknowns: u64,
    /// The mail that [`crate::workload::generate`] makes of the seed.
    pub mail: &'a Mail,
}

impl TrialInput<'_> {
    /// What the sender knows of its task.
    pub fn sender_task(&self) -> SenderTask {
        let Self { scenario, mail, .. } = self;
        SenderTask {
            intended: mail.intended.clone(),
            sources: scenario.sources.len(),
            sites: scenario.domains.iter().map(|domain| domain.provider).collect(),
            streams: scenario.workload.streams.iter().map(|stream| stream.sources.clone()).collect(),
            replies: scenario.providers.iter().map(|policy| policy.replies.clone()).collect(),
        }
    }

    /// The providers' numbers.
    pub fn sites(&self) -> impl Iterator<Item = ProviderId> + use<> {
        (0..).map(ProviderId).take(self.scenario.providers.len())
    }

    /// The seeds of chance and of the unknown limits.
    pub const fn seeds(&self) -> Seeds {
        Seeds { chance: Seed(self.seed), unknowns: Seed(self.unknowns) }
    }

    /// The sources as providers meet them, in the scenario's order.
    pub fn clients(&self) -> impl Iterator<Item = Client> {
        self.scenario.sources.iter().map(|source| Client {
            network: source.network,
            listed: source.listed,
            ptr: source.ptr,
            history: source.history,
        })
    }

    /// What lies behind each sender domain: what the scenario says, or that all sources have sent in its name before.
    pub fn sender_histories(&self) -> impl Iterator<Item = History> {
        let sources = self.scenario.sources.iter().map(|source| source.history);
        let of_sources = sources.reduce(|one, other| one.with(&other)).unwrap_or(History::NONE);
        self.scenario.sender_histories.iter().map(move |history| history.unwrap_or(of_sources))
    }

    /// A provider that has met every source and every sender domain of the scenario.
    pub fn provider(&self, policy: &Policy) -> Provider {
        let mut provider = Provider::new(policy.clone(), self.seeds(), self.scenario.day_starts);
        provider.reserve(self.scenario.sources.len(), self.scenario.sender_histories.len());
        for client in self.clients() {
            provider.meet_client(Time::ZERO, client);
        }
        for history in self.sender_histories() {
            provider.meet_sender(Time::ZERO, &history);
        }
        provider
    }

    /// Recipients with a mailbox that takes mail at some time of the trial, by provider.
    pub fn deliverable(&self) -> Vec<u64> {
        let sites = (0..self.scenario.providers.len()).map(ProviderId::from_index);
        let takes: Vec<[u64; 4]> = sites
            .map(|site| ListedMailbox::ALL.map(|listed| u64::from(self.ever_accepts(site, mailbox(listed)))))
            .collect();
        let mut deliverable = vec![0_u64; self.scenario.providers.len()];
        for row in self.mail.rows.iter() {
            let site = self.site(*row).index();
            deliverable[site] += takes[site][row.mailbox() as usize];
        }
        deliverable
    }

    /// Whether a provider takes mail for such a mailbox, at the start or after some change of the timeline.
    fn ever_accepts(&self, site: ProviderId, mailbox: Mailbox) -> bool {
        let mut policy = self.scenario.providers[site.index()].clone();
        let mut accepts = policy.accepts_mail_for(mailbox);
        for change in self.scenario.timeline.iter().filter(|change| change.provider == site) {
            if let PolicyChange::Enabled(rule, enabled) = change.policy_change {
                policy.rules[rule.index()].enabled = enabled;
                accepts |= policy.accepts_mail_for(mailbox);
            }
        }
        accepts
    }

    /// The mail that begins with recipient number `first`, as it is handed to the sender; `None` if it is not to go out
    /// by `now`, or there is none.
    #[inline]
    pub fn injection(&self, first: usize, now: Time) -> Option<Injection> {
        let Mail { intended, rows } = self.mail;
        let ready_at = intended.get(first).filter(|at| *at <= now)?;
        let row = rows[first];
        let others = rows[first + 1..].iter().take(usize::from(u16::MAX) - 1);
        let count = 1 + others.take_while(|next| travels_with(row, **next)).count();
        let delivery = Delivery {
            ready_at,
            first: RecipientId::from_index(first),
            count: u16::try_from(count).expect("no more recipients are taken"),
            failures: 0,
            priority: row.is(RecipientRow::FIRST),
        };
        Some(Injection { delivery, site: self.site(row), domain: row.domain, stream: row.stream })
    }

    /// The envelope of a delivery, with what checking the message will show.
    pub fn envelope(&self, delivery: &Delivery) -> Envelope {
        let row = self.mail.rows[delivery.first.index()];
        let stream = &self.scenario.workload.streams[row.stream.index()];
        Envelope {
            sender_domain: stream.sender_domain,
            sender_local_part: LocalPartLength::Numbered {
                number: delivery.first.0,
                others: stream.sender_local_octets(),
            },
            size: row.size,
            dns: stream.authentication.dns,
            spf: stream.authentication.spf,
            dkim: stream.authentication.dkim,
            dmarc: stream.authentication.dmarc,
            spam: row.is(RecipientRow::SPAM),
        }
    }

    /// A recipient as its provider knows it. `addresses` is the seed of who the recipients are where a list has fewer
    /// addresses than it gets messages, see [`addresses`](crate::workload::addresses).
    pub fn recipient(&self, addresses: Seed, recipient: usize) -> Recipient {
        let row = self.mail.rows[recipient];
        let id = match self.scenario.workload.streams[row.stream.index()].list.addresses {
            Some(most) => address(addresses, recipient, row, most),
            None => recipient as u64,
        };
        Recipient {
            id,
            domain: row.domain,
            mailbox: Some(mailbox(row.mailbox())),
            local_octets: 0,
            engaged: Some(row.is(RecipientRow::ENGAGED)),
        }
    }

    fn site(&self, row: RecipientRow) -> ProviderId {
        self.scenario.domains[row.domain.index()].provider
    }
}

/// Whether two neighbours in the table are recipients of one message that travel in one delivery.
fn travels_with(row: RecipientRow, next: RecipientRow) -> bool {
    next.is(RecipientRow::SAME_MESSAGE)
        && next.domain == row.domain
        && next.is(RecipientRow::FIRST) == row.is(RecipientRow::FIRST)
}

/// The mailbox of a recipient of whom the list says this.
const fn mailbox(listed: ListedMailbox) -> Mailbox {
    match listed {
        ListedMailbox::Exists => Mailbox::Exists,
        ListedMailbox::Unknown => Mailbox::Unknown,
        ListedMailbox::Full => Mailbox::Full,
        ListedMailbox::Trap => Mailbox::Trap,
    }
}
