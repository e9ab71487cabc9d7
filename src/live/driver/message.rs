//! The messages of a trial: envelope addresses with directives that tell the cluster what a provider would know of real
//! ones, a header, and a size.

use crate::live::address_directives::{engagement_prefix, mailbox_prefix};
use crate::provider::{Mailbox, Recipient};
use crate::rng::Seed;
use crate::sender::Delivery;
use crate::trial::TrialInput;
use crate::units::RecipientId;
use crate::workload::{Authentication, RecipientRow};

/// The subject of every message.
const SUBJECT: &str = "a message of mxlab";

/// A message with its envelope.
#[derive(Clone, Debug)]
pub(super) struct OutgoingMessage {
    /// MAIL FROM, without brackets.
    pub(super) from: String,
    /// RCPT TO, one for each recipient of the delivery, without brackets.
    pub(super) to: Vec<String>,
    /// The header, and the empty line behind it.
    pub(super) head: String,
    /// Bytes of the whole message; never fewer than the header has.
    pub(super) size: u64,
}

/// Builds the messages of a trial.
pub(super) struct MessageBuilder<'a> {
    input: TrialInput<'a>,
    addresses: Seed,
}

impl<'a> MessageBuilder<'a> {
    pub(super) const fn new(input: TrialInput<'a>, addresses: Seed) -> Self {
        Self { input, addresses }
    }

    /// The message of a delivery.
    pub(super) fn build(&self, delivery: &Delivery) -> OutgoingMessage {
        let first = delivery.first.index();
        let recipients = first..first + usize::from(delivery.count);
        let from = self.sender_address(delivery.first);
        let domain = self.sender_domain(delivery.first);
        // The shortest header that RFC 5322 allows (section 3.6), so that small messages stay small.
        let head = format!("From: <{from}>\r\nMessage-ID: <{first}@{domain}>\r\nSubject: {SUBJECT}\r\n\r\n");
        OutgoingMessage {
            size: u64::from(self.input.mail.rows[first].size).max(head.len() as u64 + 2),
            to: recipients.map(|recipient| self.recipient_address(recipient)).collect(),
            head,
            from,
        }
    }

    /// The address of a recipient.
    pub(super) fn recipient(&self, recipient: RecipientId) -> String {
        self.recipient_address(recipient.index())
    }

    /// The domain of MAIL FROM for a recipient's message.
    pub(super) fn sender_domain(&self, recipient: RecipientId) -> &'a str {
        let row = self.input.mail.rows[recipient.index()];
        let workload = &self.input.scenario.workload;
        &workload.sender_domains[workload.streams[row.stream.index()].sender_domain.index()]
    }

    /// As in `nodkim.b17@news.example`: what is wrong with the message, and a number.
    fn sender_address(&self, first: RecipientId) -> String {
        let row = self.input.mail.rows[first.index()];
        let Authentication { dns, spf, dkim, dmarc } =
            self.input.scenario.workload.streams[row.stream.index()].authentication;
        let prefixes = [
            (!dns, "nodns."),
            (!spf, "nospf."),
            (!dkim, "nodkim."),
            (!dmarc, "nodmarc."),
            (row.is(RecipientRow::SPAM), "spam."),
        ];
        let words: String = prefixes.iter().filter(|(wrong, _)| *wrong).map(|(_, word)| *word).collect();
        let local = self.input.scenario.workload.streams[row.stream.index()].sender_local_part(first);
        format!("{words}{local}@{}", self.sender_domain(first))
    }

    /// As in `unknown.r17@charter.net`: the state of the mailbox, and its number; and where the provider looks at that,
    /// whether its owner reads what they get.
    fn recipient_address(&self, recipient: usize) -> String {
        let Recipient { id, domain, mailbox, engaged, .. } = self.input.recipient(self.addresses, recipient);
        let domain = &self.input.scenario.domains[domain.index()];
        let model = self.input.scenario.providers[domain.provider.index()].reputation;
        let looks = mailbox == Some(Mailbox::Exists) && model.is_some_and(|model| model.engagement.is_some());
        let engaged = engaged.filter(|_| looks).map_or("", engagement_prefix);
        format!("{engaged}{}r{id}@{}", mailbox.map_or("", mailbox_prefix), domain.name)
    }
}
