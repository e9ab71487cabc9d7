//! Service extensions (RFC 5321, section 2.2): what a server may offer in its reply to EHLO.

use std::fmt;

/// A service extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extension {
    /// Commands in groups, without waiting for each reply (RFC 2920).
    Pipelining,
    /// A message's size is announced, and the largest is known beforehand (RFC 1870).
    Size,
    /// Bytes above 127 in messages (RFC 6152).
    EightBitMime,
    /// Non-ASCII addresses (RFC 6531).
    SmtpUtf8,
    /// Replies carry enhanced status codes (RFC 2034).
    EnhancedStatusCodes,
    /// BDAT instead of DATA (RFC 3030).
    Chunking,
    /// Messages without lines, with BDAT only (RFC 3030).
    BinaryMime,
    /// Delivery status notifications: RET, ENVID, NOTIFY, ORCPT (RFC 3461).
    Dsn,
    /// TLS on this connection (RFC 3207).
    StartTls,
    /// Authentication (RFC 4954).
    Auth,
    /// A trusted client names the client it stands for (Postfix).
    XClient,
}

impl Extension {
    /// Every extension, in the order in which a server lists them.
    pub const ALL: [Self; 11] = [
        Self::Pipelining,
        Self::Size,
        Self::EightBitMime,
        Self::SmtpUtf8,
        Self::EnhancedStatusCodes,
        Self::Chunking,
        Self::BinaryMime,
        Self::Dsn,
        Self::StartTls,
        Self::Auth,
        Self::XClient,
    ];

    /// The keyword of the reply to EHLO.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Pipelining => "PIPELINING",
            Self::Size => "SIZE",
            Self::EightBitMime => "8BITMIME",
            Self::SmtpUtf8 => "SMTPUTF8",
            Self::EnhancedStatusCodes => "ENHANCEDSTATUSCODES",
            Self::Chunking => "CHUNKING",
            Self::BinaryMime => "BINARYMIME",
            Self::Dsn => "DSN",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::XClient => "XCLIENT",
        }
    }

    /// How much longer than 512 bytes it lets a command line be.
    const fn lengthens(self) -> usize {
        match self {
            Self::Size => 26,                                                // RFC 1870, section 3
            Self::EightBitMime => 17,                                        // RFC 6152, section 2
            Self::SmtpUtf8 => 10,                                            // RFC 6531, section 3.1
            Self::Dsn => " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=".len() + 500, // RFC 3461, section 4.2
            Self::Auth => 500,                                               // RFC 4954, section 3, for AUTH= of MAIL
            _ => 0,
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

/// A set of extensions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Extensions(u16);

impl Extensions {
    /// No extension.
    pub const NONE: Self = Self(0);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, extension: Extension) -> Self {
        Self(self.0 | Self::bit(extension))
    }

    /// This set without one.
    #[must_use]
    pub const fn without(self, extension: Extension) -> Self {
        Self(self.0 & !Self::bit(extension))
    }

    /// Whether an extension is in the set.
    pub const fn has(self, extension: Extension) -> bool {
        self.0 & Self::bit(extension) != 0
    }

    /// The extensions, in the order of [`Extension::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.into_iter().filter(move |extension| self.has(*extension))
    }

    /// The longest command line in bytes, with its line end (RFC 5321, section 4.5.3.1.4, and the extensions' own).
    pub fn line_max(self) -> usize {
        512 + self.iter().map(Extension::lengthens).sum::<usize>()
    }

    const fn bit(extension: Extension) -> u16 {
        1 << extension as u16
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        extensions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a server announces that it will not exceed (RFC 9422). Announced, not enforced: enforcing is policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionLimits {
    /// Transactions in a session.
    pub mail_max: Option<u32>,
    /// Recipients in a transaction.
    pub rcpt_max: Option<u32>,
    /// Different recipient domains in a session.
    pub rcpt_domain_max: Option<u32>,
}

impl SessionLimits {
    /// The limits that are set, by their names.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let all = [("MAILMAX", self.mail_max), ("RCPTMAX", self.rcpt_max), ("RCPTDOMAINMAX", self.rcpt_domain_max)];
        all.into_iter().filter_map(|(name, max)| Some((name, max?)))
    }
}
