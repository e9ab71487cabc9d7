//! What a forecast is about: a message that a client thinks of sending.

use super::identities::Identities;
use super::message::{Envelope, Mailbox, Recipient};
use super::scope::{Scope, Subject};
use super::session::Session;
use crate::time::Span;
use crate::units::{AccountId, ClientId, DomainId, HostId, NetworkId, SenderDomainId, SessionId};

/// A message that a client thinks of sending. All its recipients exist.
#[derive(Clone, Copy, Debug)]
pub struct ProposedMessage {
    /// What MAIL would announce, and what checking the message would show.
    pub envelope: Envelope,
    /// Its recipients' domain.
    pub domain: DomainId,
    /// How many recipients it has; at least 1.
    pub recipients: u32,
    /// How long after MAIL the server judges the end of data.
    pub until_end_of_data: Span,
}

/// A connection that a client thinks of opening.
#[derive(Clone, Copy, Debug)]
pub struct ProposedConnection {
    /// The client IP.
    pub client: ClientId,
    /// The MX host to which it would lead.
    pub host: HostId,
    /// The account to which the client would log in.
    pub account: Option<AccountId>,
    /// How long it takes to set it up.
    pub set_up: Span,
}

/// Who would send it, on which session and to which domain: all that decides whose counters it meets.
#[derive(Clone, Copy)]
pub(super) struct ForecastSubject {
    pub(super) client: ClientId,
    /// The MX host at which it would be.
    pub(super) host: HostId,
    /// The account to which the client has logged in, or would.
    pub(super) account: Option<AccountId>,
    /// The session on which it would go; `None` is one that is still to be opened.
    pub(super) session: Option<SessionId>,
    pub(super) sender: SenderDomainId,
    /// The recipients' domain.
    pub(super) domain: DomainId,
}

impl ForecastSubject {
    /// Who would send a message as `sender` to `domain` on an open session.
    pub(super) const fn on(session: &Session, sender: SenderDomainId, domain: DomainId) -> Self {
        Self {
            client: session.client(),
            host: session.host(),
            account: session.account(),
            session: Some(session.id()),
            sender,
            domain,
        }
    }

    /// Whose counter a scope would mean.
    pub(super) fn key(&self, scope: Scope, identities: &Identities) -> u64 {
        let subject = Subject {
            session: self.session.unwrap_or(SessionId(u32::MAX)),
            client: self.client,
            network: identities.network(self.client).unwrap_or(NetworkId(0)),
            host: self.host,
            account: self.account,
            sender: Some(self.sender),
            recipient: Some(Recipient {
                id: 0,
                domain: self.domain,
                mailbox: Some(Mailbox::Exists),
                local_octets: 0,
                engaged: None,
            }),
        };
        subject.key(scope)
    }
}
