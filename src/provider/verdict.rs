//! What a provider says at a stage, as values; and what it is told about clients, messages and recipients.

use super::policy::{Auth, Mailbox, RuleAction};
use crate::time::Span;
use crate::units::{DomainId, Fraction, NetworkId, RuleId, SenderDomainId};

/// The answer to one command: what happens, and how long it takes beyond the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happens.
    pub decision: Decision,
    /// How much later the reply comes because of a tarpit.
    pub tarpit: Span,
}

impl Verdict {
    /// Whether the session may go on.
    pub const fn accepted(&self) -> bool {
        matches!(self.decision, Decision::Accept)
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Accept,
    /// Refused: deferred or bounced, as the reply's code says; or dropped.
    Refuse(Refusal),
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that refused.
    pub rule: RuleId,
    /// What it answered; never a tarpit.
    pub action: RuleAction,
}

impl Refusal {
    /// Whether the connection is closed.
    pub const fn closes(&self) -> bool {
        match self.action {
            RuleAction::Reply { close, .. } => close,
            RuleAction::Drop => true,
            RuleAction::Tarpit(_) => false,
        }
    }
}

/// A client IP as a provider meets it.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Its network.
    pub network: NetworkId,
    /// Whether it is on the block list.
    pub listed: bool,
    /// Whether it has a PTR record that resolves back to it.
    pub ptr: bool,
    /// Its reputation; `None` is a newcomer's.
    pub reputation: Option<Fraction>,
    /// Messages a day it used to send.
    pub daily_volume: u32,
}

/// A message as it is announced with MAIL, and what checking it will show.
#[expect(clippy::struct_excessive_bools, reason = "the results of four checks that do not depend on each other")]
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// The domain of MAIL FROM.
    pub sender_domain: SenderDomainId,
    /// Bytes.
    pub size: u32,
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

/// A recipient as it is named with RCPT.
#[derive(Clone, Copy, Debug)]
pub struct Recipient {
    /// A number for the address; the same address, the same number.
    pub id: u64,
    /// Its domain.
    pub domain: DomainId,
    /// The state of its mailbox, which only the provider knows.
    pub mailbox: Mailbox,
}
