//! The context of a command: who sends, for whom, and when. All that a rule may look at.
//!
//! Looked up once for all rules that are asked about a command.

use super::identities::{Client, Identities};
use super::limit_value::LimitBasis;
use super::message::{Envelope, Recipient};
use super::reputation::Standing;
use super::scope::{Scope, Subject};
use super::session::Session;
use crate::time::Time;

/// The context of a command.
pub(super) struct RuleContext<'a> {
    now: Time,
    /// The same moment on the provider's own clock.
    clock: Time,
    session: &'a mut Session,
    recipient: Option<Recipient>,
    client: &'a Client,
    standing: &'a mut Standing,
    /// The standings of all sender domains.
    senders: &'a mut [Standing],
}

impl<'a> RuleContext<'a> {
    /// A command of a session at `now`, which is `clock` on the provider's own clock; with the recipient that it names.
    #[inline]
    pub(super) fn new(
        now: Time,
        clock: Time,
        session: &'a mut Session,
        recipient: Option<Recipient>,
        identities: &'a mut Identities,
    ) -> Self {
        let (client, standing, senders) = identities.split(session.client());
        Self { now, clock, session, recipient, client, standing, senders }
    }

    #[inline]
    pub(super) const fn now(&self) -> Time {
        self.now
    }

    /// The same moment on the provider's own clock: frames of a fixed window begin at its whole hours.
    #[inline]
    pub(super) const fn clock(&self) -> Time {
        self.clock
    }

    #[inline]
    pub(super) const fn client(&self) -> &Client {
        self.client
    }

    /// The recipient that is named, or judged.
    #[inline]
    pub(super) const fn recipient(&self) -> Option<Recipient> {
        self.recipient
    }

    /// From now on it is about this recipient.
    pub(super) const fn set_recipient(&mut self, recipient: Option<Recipient>) {
        self.recipient = recipient;
    }

    /// The message, once it is announced.
    #[inline]
    pub(super) const fn message(&self) -> Option<&Envelope> {
        self.session.envelope()
    }

    #[inline]
    pub(super) const fn session(&self) -> &Session {
        self.session
    }

    #[inline]
    pub(super) const fn session_mut(&mut self) -> &mut Session {
        self.session
    }

    /// Whose counter a scope means here. The subject is put together where it is needed: mostly the client is all that
    /// a key is made of.
    #[inline]
    pub(super) fn key(&self, scope: Scope) -> u64 {
        let subject = Subject {
            session: self.session.id(),
            client: self.session.client(),
            network: self.client.network,
            host: self.session.host(),
            account: self.session.account(),
            sender: self.session.sender(),
            recipient: self.recipient,
        };
        subject.key(scope)
    }

    /// Changes the standing of the client, and of the sender domain where it is known.
    #[inline]
    pub(super) fn change_standings(&mut self, change: impl Fn(&mut Standing)) {
        change(self.standing);
        if let Some(sender) = self.session.sender().and_then(|sender| self.senders.get_mut(sender.index())) {
            change(sender);
        }
    }

    /// The standing of the sender domain, once it is named.
    #[inline]
    fn sender(&self) -> Option<&Standing> {
        self.senders.get(self.session.sender()?.index())
    }
}

impl LimitBasis for RuleContext<'_> {
    #[inline]
    fn client(&self) -> &Standing {
        self.standing
    }

    #[inline]
    fn sender(&self) -> Option<&Standing> {
        self.sender()
    }
}
