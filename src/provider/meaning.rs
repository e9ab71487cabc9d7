//! What a refusal means: one list of reasons for the replies of all providers, each with what a sender can do about it.
//!
//! Codes do not say it: Charter answers a time-out of five minutes with a 550. What a reply means is therefore said
//! beside its text, in the profile.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a provider refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// Too many messages, recipients or bytes in a time. Waiting helps; going on at a lower rate keeps it from
    /// coming back.
    Rate,
    /// Too many connections at once, or too many new ones in a time. Waiting helps; fewer connections, used longer,
    /// keep it from coming back.
    Connections,
    /// This connection has carried all it may. A new one helps at once.
    Session,
    /// Too many recipients in one message. Those that are left can be sent at once, in another transaction.
    Recipients,
    /// The client or the sender domain has a poor name, or none yet. Waiting alone does not help: better mail, and less
    /// of it, does, in days or weeks.
    Reputation,
    /// The client is on a block list, a public one or the provider's own. Waiting does not help until it is taken off.
    BlockList,
    /// A first attempt of a sender that is not known yet. Waiting is all that is asked for.
    Greylist,
    /// The provider has trouble or is short of something, whatever is sent. Waiting helps.
    Busy,
    /// The mailbox has no room. Waiting helps if its owner makes some.
    MailboxFull,
    /// The recipient does not exist, or takes no mail any more. Waiting never helps.
    UnknownUser,
    /// Too many recipients that do not exist. Waiting ends it; a list without them keeps it from coming back.
    ListQuality,
    /// The message looks like spam, has malware, or breaks a rule about what is in it. Waiting never helps.
    Content,
    /// SPF, DKIM, DMARC, TLS or a login is missing or fails. Waiting never helps; records and signatures do.
    Authentication,
    /// A name is missing or wrong in the DNS: the client's PTR record, the sender domain. Waiting helps only where the
    /// DNS itself was in trouble.
    Dns,
    /// The recipient's domain is none of the provider's. Waiting never helps.
    Relaying,
    /// The message is too large. Waiting never helps.
    Size,
    /// The client does not speak SMTP as it should. Waiting never helps.
    Protocol,
    /// None of these, or the reply does not say. What its code says is all there is to go by.
    Other,
}

/// What waiting does about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The same message passes later, as it is.
    Helps,
    /// Only together with another way of sending, or once something outside has changed.
    IsNotEnough,
    /// The same message never passes.
    IsUseless,
}

impl Meaning {
    /// Every meaning, from limits over names to the single message.
    pub const ALL: [Self; 18] = [
        Self::Rate,
        Self::Connections,
        Self::Session,
        Self::Recipients,
        Self::Reputation,
        Self::BlockList,
        Self::Greylist,
        Self::Busy,
        Self::MailboxFull,
        Self::UnknownUser,
        Self::ListQuality,
        Self::Content,
        Self::Authentication,
        Self::Dns,
        Self::Relaying,
        Self::Size,
        Self::Protocol,
        Self::Other,
    ];

    /// What waiting does about it.
    pub const fn waiting(self) -> Waiting {
        match self {
            Self::Rate
            | Self::Connections
            | Self::Session
            | Self::Recipients
            | Self::Greylist
            | Self::Busy
            | Self::ListQuality => Waiting::Helps,
            Self::Reputation | Self::BlockList | Self::MailboxFull | Self::Dns | Self::Other => Waiting::IsNotEnough,
            Self::UnknownUser | Self::Content | Self::Authentication | Self::Relaying | Self::Size | Self::Protocol => {
                Waiting::IsUseless
            }
        }
    }

    /// What a sender should do, where the profile has no better advice.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Rate => "wait, then go on at a lower rate; retries may count too",
            Self::Connections => {
                "close connections and keep the others open longer; a lower rate over as many helps little"
            }
            Self::Session => "go on at once on a new connection, and end each one before this limit",
            Self::Recipients => "send the recipients that are left in another transaction, and name fewer in each",
            Self::Reputation => "send less, to those who want it, and find out what complaints or traps came from",
            Self::BlockList => "find out why the address is listed, end it, and ask for removal",
            Self::Greylist => "retry the same message from the same address after some minutes",
            Self::Busy => "retry later; nothing has to change",
            Self::MailboxFull => "retry for a day or two, then treat the address as gone",
            Self::UnknownUser => "take the address off the list",
            Self::ListQuality => "pause, take addresses that do not exist off the list, and confirm new ones",
            Self::Content => "look at what the message says and links to, and at who complained about it",
            Self::Authentication => "mend SPF, DKIM and DMARC of the sender domain, then send again",
            Self::Dns => "mend the PTR record of the address, or the DNS of the sender domain",
            Self::Relaying => "look up the MX of the recipient's domain again: it is not here",
            Self::Size => "make the message smaller",
            Self::Protocol => "mend the client",
            Self::Other => "go by the code: come back after a 4xx, do not after a 5xx",
        }
    }

    /// The name as profiles write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Connections => "connections",
            Self::Session => "session",
            Self::Recipients => "recipients",
            Self::Reputation => "reputation",
            Self::BlockList => "block-list",
            Self::Greylist => "greylist",
            Self::Busy => "busy",
            Self::MailboxFull => "mailbox-full",
            Self::UnknownUser => "unknown-user",
            Self::ListQuality => "list-quality",
            Self::Content => "content",
            Self::Authentication => "authentication",
            Self::Dns => "dns",
            Self::Relaying => "relaying",
            Self::Size => "size",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a profile says of a reply besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyNote {
    /// Why it is given, where the profile says so.
    pub means: Option<Meaning>,
    /// What a sender should do about this one, where that differs from what its meaning advises.
    pub own_advice: Option<String>,
}

impl ReplyNote {
    /// What a sender should do; `None` where nothing is known of the reply.
    pub fn advice(&self) -> Option<&str> {
        self.own_advice.as_deref().or_else(|| self.means.map(Meaning::advice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_files_use() {
        for meaning in Meaning::ALL {
            let written = serde_json::to_value(meaning).unwrap();
            assert_eq!(written, meaning.name());
            assert_eq!(serde_json::from_value::<Meaning>(written).unwrap(), meaning);
        }
    }

    #[test]
    fn own_advice_goes_before_that_of_the_meaning() {
        let note = |means, own: Option<&str>| ReplyNote { means, own_advice: own.map(str::to_owned) };
        assert_eq!(note(Some(Meaning::Busy), Some("wait 4 h")).advice(), Some("wait 4 h"));
        assert_eq!(note(Some(Meaning::Busy), None).advice(), Some(Meaning::Busy.advice()));
        assert_eq!(note(None, None).advice(), None);
    }
}
