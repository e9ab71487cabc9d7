//! What a provider learns of a message: its envelope, its recipients, and what checking it will show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{DomainId, SenderDomainId};

/// A message as it is announced with MAIL, and what checking it will show.
#[expect(clippy::struct_excessive_bools, reason = "the results of five checks that do not depend on each other")]
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// The domain of MAIL FROM.
    pub sender_domain: SenderDomainId,
    /// Length of the local part of MAIL FROM.
    pub sender_local_part: LocalPartLength,
    /// Size of the message in bytes.
    pub size: u32,
    /// The sender domain has MX or address records.
    pub dns: bool,
    /// SPF passes.
    pub spf: bool,
    /// DKIM passes.
    pub dkim: bool,
    /// DMARC passes.
    pub dmarc: bool,
    /// The content looks like spam.
    pub spam: bool,
}

impl Envelope {
    /// Whether the message passes this authentication.
    pub const fn passes(&self, auth: Auth) -> bool {
        match auth {
            Auth::Spf => self.spf,
            Auth::Dkim => self.dkim,
            Auth::Either => self.spf || self.dkim,
            Auth::Dmarc => self.dmarc,
        }
    }
}

/// Length of a local part. Few rules ask, and to count the digits of every sender would cost more than most rules do.
#[derive(Clone, Copy, Debug)]
pub enum LocalPartLength {
    /// So many octets.
    Octets(u8),
    /// A number in decimal with so many other octets.
    Numbered {
        /// The number.
        number: u32,
        /// Octets besides its digits.
        others: u8,
    },
}

impl LocalPartLength {
    /// The length in octets; the largest number stands for all above it.
    pub const fn octets(self) -> u8 {
        match self {
            Self::Octets(octets) => octets,
            Self::Numbered { number, others } => {
                let (mut rest, mut octets) = (number, others.saturating_add(1));
                while rest > 9 {
                    rest /= 10;
                    octets = octets.saturating_add(1);
                }
                octets
            }
        }
    }
}

/// A recipient as it is named with RCPT.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// A number for the address; the same address, the same number.
    pub id: u64,
    /// The domain of the address.
    pub domain: DomainId,
    /// The state of its mailbox, which only the provider knows; `None` where the domain is another provider's.
    pub mailbox: Option<Mailbox>,
    /// Length of the local part in octets.
    pub local_octets: u8,
    /// Whether its owner reads what reaches the inbox; `None` where that is not known.
    pub engaged: Option<bool>,
}

/// The state of a recipient's mailbox, which only the provider knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mailbox {
    /// A person's, who reads it.
    #[default]
    Exists,
    /// There is no such mailbox.
    Unknown,
    /// A person's, but full.
    Full,
    /// A spam trap: accepts, and remembers.
    Trap,
}

/// Which authentication a message must pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// SPF (RFC 7208).
    Spf,
    /// DKIM (RFC 6376).
    Dkim,
    /// SPF or DKIM.
    Either,
    /// DMARC: one of the two, aligned with the From domain (RFC 7489).
    Dmarc,
}
