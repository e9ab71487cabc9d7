//! Whose counter it is: scopes, and the keys under which the counters of a scope are kept.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::Recipient;
use crate::smtp::Stage;
use crate::units::{AccountId, ClientId, HostId, NetworkId, SenderDomainId, SessionId};

/// Whose counter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One client IP.
    ClientIp,
    /// One network of client IPs: the source's `network` in a scenario.
    ClientNetwork,
    /// One client IP at one MX host, as Microsoft counts connections.
    ClientIpAndHost,
    /// One account: what the client has logged in as (AUTH). Where it has not, the client IP is an account of its own.
    Account,
    /// The domain of MAIL FROM.
    SenderDomain,
    /// One client IP writing as one sender domain.
    ClientIpAndSenderDomain,
    /// One recipient address.
    Recipient,
    /// One recipient domain.
    RecipientDomain,
    /// One client IP towards one recipient domain, as Barracuda counts.
    ClientIpAndRecipientDomain,
    /// One sender domain towards one recipient, as Exchange Online counts.
    SenderDomainAndRecipient,
    /// One session, or one message where the window is `message`.
    Session,
    /// All clients together.
    Provider,
}

impl Scope {
    /// Whether the counter is a recipient's or a recipient domain's: known at RCPT, one by one, and never after it.
    pub const fn is_of_recipient(self) -> bool {
        matches!(self.known_at(), Stage::Rcpt)
    }

    /// Whether there is a counter for every single recipient: a forecast does not know whom a message goes to.
    pub(super) const fn is_of_one_recipient(self) -> bool {
        match self {
            Self::Recipient | Self::SenderDomainAndRecipient => true,
            Self::ClientIp
            | Self::ClientNetwork
            | Self::ClientIpAndHost
            | Self::Account
            | Self::SenderDomain
            | Self::ClientIpAndSenderDomain
            | Self::RecipientDomain
            | Self::ClientIpAndRecipientDomain
            | Self::Session
            | Self::Provider => false,
        }
    }

    /// The first stage at which the scope's key is known.
    pub const fn known_at(self) -> Stage {
        match self {
            Self::ClientIp | Self::ClientNetwork | Self::ClientIpAndHost | Self::Session | Self::Provider => {
                Stage::Connect
            }
            Self::Account | Self::SenderDomain | Self::ClientIpAndSenderDomain => Stage::Mail,
            Self::Recipient
            | Self::RecipientDomain
            | Self::ClientIpAndRecipientDomain
            | Self::SenderDomainAndRecipient => Stage::Rcpt,
        }
    }

    /// The keys of this scope that are one client's own, whatever the MX host, the sender domain or the recipient
    /// domain; `None` where the counters are a sender domain's, a recipient's, a session's or the whole provider's. An
    /// account that a client has logged in to is not its own: others may use it.
    pub(super) fn keys_of_client(self, client: ClientId, network: Option<NetworkId>) -> Option<RangeInclusive<u64>> {
        let ip = u64::from(client.0);
        match self {
            Self::ClientIp => Some(ip..=ip),
            Self::ClientNetwork => network.map(|network| u64::from(network.0)).map(|network| network..=network),
            Self::Account => Some(SPARSE | ip..=SPARSE | ip),
            Self::ClientIpAndHost | Self::ClientIpAndSenderDomain | Self::ClientIpAndRecipientDomain => {
                Some(pair(ip, 0)..=pair(ip, u32::MAX.into()))
            }
            Self::SenderDomain
            | Self::Recipient
            | Self::RecipientDomain
            | Self::SenderDomainAndRecipient
            | Self::Session
            | Self::Provider => None,
        }
    }

    /// The scope's name as profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientIp => "client-ip",
            Self::ClientNetwork => "client-network",
            Self::ClientIpAndHost => "client-ip-and-host",
            Self::Account => "account",
            Self::SenderDomain => "sender-domain",
            Self::ClientIpAndSenderDomain => "client-ip-and-sender-domain",
            Self::Recipient => "recipient",
            Self::RecipientDomain => "recipient-domain",
            Self::ClientIpAndRecipientDomain => "client-ip-and-recipient-domain",
            Self::SenderDomainAndRecipient => "sender-domain-and-recipient",
            Self::Session => "session",
            Self::Provider => "provider",
        }
    }
}

/// Who sends, and to whom: all that keys of counters are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// The session in which the command comes.
    pub(super) session: SessionId,
    /// The client IP.
    pub(super) client: ClientId,
    /// The network of the client IP.
    pub(super) network: NetworkId,
    /// The MX host at which it is.
    pub(super) host: HostId,
    /// The account to which it has logged in.
    pub(super) account: Option<AccountId>,
    /// The sender domain, once MAIL has named it.
    pub(super) sender: Option<SenderDomainId>,
    /// The recipient that this RCPT names.
    pub(super) recipient: Option<Recipient>,
}

impl Subject {
    /// Whose counter a scope means here.
    #[inline]
    pub(super) fn key(&self, scope: Scope) -> u64 {
        let sender = || self.sender.map_or(0, |sender| u64::from(sender.0));
        let domain = || self.recipient.map_or(0, |recipient| u64::from(recipient.domain.0));
        let recipient = || self.recipient.map_or(0, |recipient| recipient.id);
        let client = u64::from(self.client.0);
        match scope {
            Scope::ClientIp => client,
            Scope::ClientNetwork => u64::from(self.network.0),
            Scope::ClientIpAndHost => pair(client, u64::from(self.host.0)),
            Scope::Account => self.account.map_or(SPARSE | client, |account| u64::from(account.0)),
            Scope::SenderDomain => sender(),
            Scope::ClientIpAndSenderDomain => pair(client, sender()),
            Scope::Recipient => SPARSE | recipient(),
            Scope::RecipientDomain => domain(),
            Scope::ClientIpAndRecipientDomain => pair(client, domain()),
            Scope::SenderDomainAndRecipient => SPARSE | recipient() ^ sender().wrapping_mul(SPREAD),
            Scope::Session => u64::from(self.session.0),
            Scope::Provider => 0,
        }
    }
}

/// Keys that are hashes or pairs stand above all small numbers.
pub(super) const SPARSE: u64 = 1 << 63;

/// The key of a client, of which there are fewer than 2^31, with something else.
const fn pair(client: u64, other: u64) -> u64 {
    SPARSE | client << 32 | other
}

/// An odd number whose bits are in no order: what is multiplied by it lands far apart.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
