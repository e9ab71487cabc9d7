//! What the categories of bounce parsers mean in the words of profiles: everything there is to translate, each line
//! with its reason. Their categories are coarser than ours, so one of theirs may stand for several of ours.

use mxlab::provider::Meaning::{
    self, Authentication, BlockList, Busy, Connections, Content, Dns, Greylist, ListQuality, MailboxFull, Protocol,
    Rate, Recipients, Relaying, Reputation, Session, Size, UnknownUser,
};

/// A category of a parser.
pub(crate) struct Category {
    pub(crate) name: &'static str,
    /// What a reply of this category may mean; nothing where the category only says that the parser does not know.
    pub(crate) means: &'static [Meaning],
    /// Why.
    pub(crate) reason: &'static str,
}

const fn category(name: &'static str, means: &'static [Meaning], reason: &'static str) -> Category {
    Category { name, means, reason }
}

/// Of zone-mta: `config/bounces.txt` of the package says in words beside each category what it is for.
pub(crate) const ZONE_MTA: &[Category] = &[
    category("auth", &[Authentication], "its words: authentication failed, or is needed"),
    category(
        "blacklist",
        &[BlockList, Reputation],
        "its words: sender IP blacklisted; scores of senders are among them",
    ),
    category(
        "block",
        &[BlockList, Reputation, Content, Authentication, Relaying, Dns],
        "all of X.7.1: refused by the server's policy, whatever it asks for",
    ),
    category("capacity", &[MailboxFull, Busy, Connections], "its words: a mailbox, a disk or a server is full"),
    category("config", &[Protocol, Dns], "its words: something is wrong with your server"),
    category("dmarc", &[Authentication], "its words: failed the DMARC policy of the domain"),
    category("envelope", &[UnknownUser, Relaying], "its words: an address of the envelope is not valid"),
    category("greylist", &[Greylist], "its words: temporarily greylisted"),
    category(
        "message",
        &[Content, Size, Recipients],
        "its words: too large, too many recipients, content not accepted",
    ),
    category("network", &[Busy], "its words: network busy, timed out, overloaded"),
    category("other", &[], "no rule but one for the code alone"),
    category(
        "policy",
        &[Rate, Connections, Reputation, BlockList, Content, Authentication],
        "all of X.7.0: some policy, which is not said",
    ),
    category("protocol", &[Protocol], "its words: bad command, bad sequence"),
    category("rate", &[Rate, Connections], "its words: too much, slow down"),
    category("recipient", &[UnknownUser], "its words: recipient unknown"),
    category("spam", &[Content], "its words: message detected as spam"),
];

/// Of Sisimai: each reason's own page describes it (`perldoc Sisimai::Reason::Blocked` and so on).
pub(crate) const SISIMAI: &[Category] = &[
    category(
        "blocked",
        &[BlockList, Reputation, Dns, ListQuality, Rate, Connections],
        "the client itself is refused: its address, its name, or what it did",
    ),
    category("blokced", &[BlockList, Reputation, Dns], "`blocked`, misspelt among the codes of Spectrum"),
    category("exceedlimit", &[Size], "a message over a limit; its page: almost the same as mesgtoobig"),
    category("expired", &[Busy], "a host that could not be reached in time"),
    category("filtered", &[UnknownUser, Content], "refused after DATA; its page: almost the same as userunknown"),
    category("mailboxfull", &[MailboxFull], "the same"),
    category("mesgtoobig", &[Size], "the same"),
    category("networkerror", &[Busy], "all of X.4: trouble with the network or the route"),
    category("norelaying", &[Relaying], "the same"),
    category("notaccept", &[Busy], "a host that takes no mail now: high load, maintenance"),
    category("onhold", &[], "its page: too little is known to judge"),
    category("policyviolation", &[Content, Authentication], "what is in the message breaks a rule, DMARC's too"),
    category("rejected", &[Authentication, Dns], "the sender's address or its domain is refused"),
    category(
        "securityerror",
        &[Authentication, Content, Reputation],
        "all of X.7: security or policy, no more is said",
    ),
    category("spamdetected", &[Content], "the message is spam"),
    category("suspend", &[UnknownUser], "the mailbox is switched off"),
    category("syntaxerror", &[Protocol], "the client's commands are wrong"),
    category("systemerror", &[Busy], "trouble on the provider's side"),
    category(
        "toomanyconn",
        &[Connections, Rate, Session, Recipients],
        "too many at once or in a time; messages and recipients are among its patterns",
    ),
    category("undefined", &[], "its page: no reason could be found"),
    category("userunknown", &[UnknownUser], "the same"),
    category("virusdetected", &[Content], "a virus in the message"),
];

/// Of `Mail::DeliveryStatus::BounceParser`: its manual names them, its patterns say what for.
pub(crate) const BOUNCE_PARSER: &[Category] = &[
    category(
        "domain_error",
        &[Relaying, Dns],
        "a domain that is not found, or not served; relaying is among its patterns",
    ),
    category("over_quota", &[MailboxFull], "a mailbox or its quota is full"),
    category("spam", &[Content, BlockList, Reputation], "spam, or a client that is blocked using a list"),
    category("unknown", &[], "none of its patterns"),
    category("user_disabled", &[UnknownUser], "a mailbox that is switched off"),
    category("user_unknown", &[UnknownUser], "the same"),
];
