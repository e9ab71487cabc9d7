//! Sessions: what a provider remembers of each while it is open.

use super::message::{Envelope, Recipient};
use crate::time::Time;
use crate::units::{AccountId, ClientId, HostId, SenderDomainId, SessionId};

/// The sessions of a provider. The number of one that is over is given to another.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    all: Vec<Session>,
    free: Vec<SessionId>,
    open: u32,
}

impl Sessions {
    /// A session of a client at an MX host begins now, under so many rules.
    pub(super) fn open(&mut self, now: Time, client: ClientId, host: HostId, rules: usize) -> SessionId {
        let id = self.free.pop().unwrap_or_else(|| {
            let id = SessionId::from_index(self.all.len());
            self.all.push(Session::new(id));
            id
        });
        self.all[id.index()].begin(now, client, host, rules);
        self.open += 1;
        id
    }

    /// A session is over.
    pub(super) fn close(&mut self, id: SessionId) {
        let session = &mut self.all[id.index()];
        assert!(session.open, "a session is closed once");
        session.open = false;
        self.open -= 1;
        self.free.push(id);
    }

    pub(super) fn get(&self, id: SessionId) -> &Session {
        &self.all[id.index()]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: SessionId) -> &mut Session {
        &mut self.all[id.index()]
    }

    /// The sessions that are open.
    pub(super) fn iter_open(&self) -> impl Iterator<Item = &Session> {
        self.all.iter().filter(|session| session.open)
    }

    /// How many sessions are open.
    pub(super) const fn count_open(&self) -> u32 {
        self.open
    }
}

/// One session of a client: what its rules hold and count, and the message under way.
#[derive(Clone, Debug)]
pub(super) struct Session {
    id: SessionId,
    open: bool,
    client: ClientId,
    host: HostId,
    /// The account to which the client has logged in.
    account: Option<AccountId>,
    opened: Time,
    /// Rules of whose gauge the session, or its transaction, holds a slot, by bit.
    slots: [u64; 2],
    /// Whose gauge each slot is of, by rule: the sender that was named then may not be the one named now.
    slot_keys: Vec<u64>,
    /// Rules that have let this connection pass, by bit; and this message, since MAIL.
    connection_passed: u64,
    message_passed: u64,
    /// What was counted since the session began, or since MAIL, by rule.
    counts: Vec<u32>,
    envelope: Option<Envelope>,
    recipients: Vec<Recipient>,
}

/// How long a slot is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotOf {
    /// Until the session is over.
    Session,
    /// Until the transaction is over.
    Transaction,
}

/// What a limit can be asked about more often than it happens: connections at MAIL, messages at RCPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountOnce {
    /// It is counted every time.
    Never,
    /// Once in a connection.
    PerConnection,
    /// Once in a message.
    PerMessage,
}

impl Session {
    fn new(id: SessionId) -> Self {
        Self {
            id,
            open: false,
            client: ClientId(0),
            host: HostId(0),
            account: None,
            opened: Time::ZERO,
            slots: [0; 2],
            slot_keys: Vec::new(),
            connection_passed: 0,
            message_passed: 0,
            counts: Vec::new(),
            envelope: None,
            // Mostly a message goes to one.
            recipients: Vec::with_capacity(1),
        }
    }

    fn begin(&mut self, now: Time, client: ClientId, host: HostId, rules: usize) {
        self.open = true;
        self.opened = now;
        (self.client, self.host, self.account) = (client, host, None);
        self.slot_keys.resize(rules, 0);
        self.connection_passed = 0;
        self.message_passed = 0;
        self.counts.clear();
        self.counts.resize(rules, 0);
    }

    pub(super) const fn id(&self) -> SessionId {
        self.id
    }

    pub(super) const fn client(&self) -> ClientId {
        self.client
    }

    /// The MX host at which it is.
    pub(super) const fn host(&self) -> HostId {
        self.host
    }

    /// The account to which its client has logged in.
    pub(super) const fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Its client has logged in to an account.
    pub(super) const fn log_in(&mut self, account: AccountId) {
        self.account = Some(account);
    }

    /// When it began.
    #[inline]
    pub(super) const fn opened(&self) -> Time {
        self.opened
    }

    /// The message that MAIL has announced, until its transaction is over.
    #[inline]
    pub(super) const fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// The sender domain, once it is named.
    #[inline]
    pub(super) fn sender(&self) -> Option<SenderDomainId> {
        self.envelope.as_ref().map(|envelope| envelope.sender_domain)
    }

    /// The recipients of the message that were accepted.
    pub(super) fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// A message is announced; what these rules count within a message begins at zero.
    pub(super) fn begin_message(&mut self, envelope: Envelope, counted_per_message: &[u16]) {
        self.envelope = Some(envelope);
        self.recipients.clear();
        self.message_passed = 0;
        for rule in counted_per_message {
            self.counts[usize::from(*rule)] = 0;
        }
    }

    /// A recipient is accepted.
    pub(super) fn add_recipient(&mut self, recipient: Recipient) {
        self.recipients.push(recipient);
    }

    /// The message has so many bytes, whatever MAIL announced.
    pub(super) const fn set_message_size(&mut self, bytes: u32) {
        if let Some(envelope) = &mut self.envelope {
            envelope.size = bytes;
        }
    }

    /// The transaction, if there is one, is over.
    pub(super) fn end_message(&mut self) {
        self.envelope = None;
        self.recipients.clear();
    }

    /// What a rule has counted within the session or the message.
    #[inline]
    pub(super) fn count(&self, rule: usize) -> u32 {
        self.counts[rule]
    }

    /// A rule has now counted so much within the session or the message.
    #[inline]
    pub(super) fn set_count(&mut self, rule: usize, count: u32) {
        self.counts[rule] = count;
    }

    /// Whether the session or its transaction has a slot of a rule's gauge.
    pub(super) const fn holds_slot(&self, rule: usize) -> bool {
        (self.slots[0] | self.slots[1]) & (1 << rule) != 0
    }

    /// The session takes a slot of a rule's gauge: of the gauge of this key.
    pub(super) fn take_slot(&mut self, rule: usize, key: u64, of: SlotOf) {
        self.slot_keys[rule] = key;
        self.slots[of as usize] |= 1 << rule;
    }

    /// Whether there is any slot of a kind to be given up.
    #[inline]
    pub(super) const fn has_slots(&self, of: SlotOf) -> bool {
        self.slots[of as usize] != 0
    }

    /// Gives up every slot of a kind; `release` is told of which rule, and of which key's gauge.
    #[inline]
    pub(super) fn give_up_slots(&mut self, of: SlotOf, mut release: impl FnMut(usize, u64)) {
        let mut rest = std::mem::take(&mut self.slots[of as usize]);
        while rest != 0 {
            let rule = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            release(rule, self.slot_keys[rule]);
        }
    }

    /// The slots that the session and its transaction hold: of which rule, and of which key's gauge.
    pub(super) fn slots(&self) -> impl Iterator<Item = (usize, u64)> {
        let held = self.slot_keys.iter().copied().enumerate();
        held.filter(|(rule, _)| self.holds_slot(*rule))
    }

    /// Whether a rule has let this connection, or this message, pass already.
    pub(super) const fn has_passed(&self, rule: usize, once: CountOnce) -> bool {
        match once {
            CountOnce::Never => false,
            CountOnce::PerConnection => self.connection_passed & (1 << rule) != 0,
            CountOnce::PerMessage => self.message_passed & (1 << rule) != 0,
        }
    }

    /// A rule lets this connection, or this message, pass.
    pub(super) const fn pass(&mut self, rule: usize, once: CountOnce) {
        match once {
            CountOnce::Never => {}
            CountOnce::PerConnection => self.connection_passed |= 1 << rule,
            CountOnce::PerMessage => self.message_passed |= 1 << rule,
        }
    }
}
