//! What MAIL and RCPT say: a path and its parameters (RFC 5321, section 4.1.1.11).

use super::address::{AddressError, Path};
use super::command_error::CommandError;
use super::extension::{Extension, Extensions};

/// MAIL: a transaction begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailCommand<'a> {
    /// The return path.
    pub from: Path<'a>,
    /// SIZE: bytes, as the client announces them.
    pub size: Option<u64>,
    /// BODY: what bytes the message is made of.
    pub body: BodyKind,
    /// SMTPUTF8: addresses or header fields are not ASCII.
    pub smtputf8: bool,
    /// RET: what of the message a notification is to return.
    pub ret: Option<DsnReturn>,
    /// ENVID, as xtext.
    pub envid: Option<&'a str>,
    /// AUTH: who submitted the message first, as xtext.
    pub auth: Option<&'a str>,
}

/// RCPT: one recipient more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RcptCommand<'a> {
    /// The recipient; never the null path.
    pub to: Path<'a>,
    /// NOTIFY: when a notification is wanted.
    pub notify: Option<DsnNotify>,
    /// ORCPT, as `type;xtext`.
    pub orcpt: Option<&'a str>,
}

/// What bytes a message is made of (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// 7BIT: lines of ASCII.
    #[default]
    SevenBit,
    /// 8BITMIME: lines of any bytes.
    EightBitMime,
    /// BINARYMIME: any bytes, lines or not; only with BDAT.
    BinaryMime,
}

/// RET (RFC 3461, section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsnReturn {
    /// The whole message.
    Full,
    /// Its header fields.
    Headers,
}

/// NOTIFY (RFC 3461, section 4.1): when the sender wants to hear; all false is NEVER.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DsnNotify {
    /// When it is delivered.
    pub success: bool,
    /// When it will never be.
    pub failure: bool,
    /// When it takes long.
    pub delay: bool,
}

/// The longest ENVID in bytes (RFC 3461, section 4.4).
const ENVID_MAX: usize = 100;
/// The longest ORCPT in bytes (RFC 3461, section 4.2).
const ORCPT_MAX: usize = 500;

impl<'a> MailCommand<'a> {
    /// Reads what follows `MAIL`.
    pub(super) fn parse(text: &'a str, offered: Extensions) -> Result<Self, CommandError> {
        let text = after(text, "FROM:").ok_or(CommandError::Arguments("MAIL FROM:<address>"))?;
        let utf8 = offered.has(Extension::SmtpUtf8);
        let (from, rest) = Path::parse(text, utf8).map_err(CommandError::Sender)?;
        if from == Path::Postmaster {
            return Err(CommandError::Sender(AddressError::Syntax));
        }
        let (body, smtputf8) = (BodyKind::SevenBit, false);
        let mut mail = Self { from, size: None, body, smtputf8, ret: None, envid: None, auth: None };
        let mut seen = GivenParameters::default();
        for parameter in parameters(rest)? {
            let (keyword, value) = parameter?;
            seen.once(mail.set(keyword, value, offered)?)?;
        }
        if !mail.smtputf8 && !from.as_str().is_ascii() {
            return Err(CommandError::Sender(AddressError::NotAscii));
        }
        Ok(mail)
    }

    /// Sets one parameter; says which.
    fn set(&mut self, keyword: &str, value: Option<&'a str>, offered: Extensions) -> Result<u8, CommandError> {
        let bad = CommandError::Parameter;
        let is = |name: &str, extension| keyword.eq_ignore_ascii_case(name) && offered.has(extension);
        if is("SIZE", Extension::Size) {
            self.size = Some(value.and_then(number).ok_or(bad)?);
            Ok(0)
        } else if is("BODY", Extension::EightBitMime) {
            self.body = body(value.ok_or(bad)?, offered)?;
            Ok(1)
        } else if is("SMTPUTF8", Extension::SmtpUtf8) {
            self.smtputf8 = value.is_none();
            if self.smtputf8 { Ok(2) } else { Err(bad) }
        } else if is("RET", Extension::Dsn) {
            self.ret = Some(ret(value.ok_or(bad)?)?);
            Ok(3)
        } else if is("ENVID", Extension::Dsn) {
            self.envid = Some(value.filter(|id| id.len() <= ENVID_MAX && is_xtext(id)).ok_or(bad)?);
            Ok(4)
        } else if is("AUTH", Extension::Auth) {
            self.auth = Some(value.filter(|id| *id == "<>" || is_xtext(id)).ok_or(bad)?);
            Ok(5)
        } else {
            Err(CommandError::UnknownParameter)
        }
    }
}

impl<'a> RcptCommand<'a> {
    /// Reads what follows `RCPT`.
    pub(super) fn parse(text: &'a str, offered: Extensions) -> Result<Self, CommandError> {
        let text = after(text, "TO:").ok_or(CommandError::Arguments("RCPT TO:<address>"))?;
        let (to, rest) = Path::parse(text, offered.has(Extension::SmtpUtf8)).map_err(CommandError::Recipient)?;
        if to == Path::Null {
            return Err(CommandError::Recipient(AddressError::Syntax));
        }
        let mut rcpt = Self { to, notify: None, orcpt: None };
        let mut seen = GivenParameters::default();
        for parameter in parameters(rest)? {
            let (keyword, value) = parameter?;
            seen.once(rcpt.set(keyword, value, offered)?)?;
        }
        Ok(rcpt)
    }

    fn set(&mut self, keyword: &str, value: Option<&'a str>, offered: Extensions) -> Result<u8, CommandError> {
        let bad = CommandError::Parameter;
        let is = |name: &str| keyword.eq_ignore_ascii_case(name) && offered.has(Extension::Dsn);
        if is("NOTIFY") {
            self.notify = Some(notify(value.ok_or(bad)?)?);
            Ok(0)
        } else if is("ORCPT") {
            let typed =
                |text: &&str| text.split_once(';').is_some_and(|(kind, address)| !kind.is_empty() && is_xtext(address));
            self.orcpt = Some(value.filter(|text| text.len() <= ORCPT_MAX).filter(typed).ok_or(bad)?);
            Ok(1)
        } else {
            Err(CommandError::UnknownParameter)
        }
    }
}

/// Which parameters were given already: each may be given once.
#[derive(Default)]
struct GivenParameters(u8);

impl GivenParameters {
    fn once(&mut self, which: u8) -> Result<(), CommandError> {
        let bit = 1 << which;
        if self.0 & bit != 0 {
            return Err(CommandError::Parameter);
        }
        self.0 |= bit;
        Ok(())
    }
}

/// What follows `prefix`. Spaces after the colon are against section 3.3 and everywhere.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text[prefix.len()..].trim_start_matches(' '))
}

type Parameter<'a> = (&'a str, Option<&'a str>);

/// `keyword` and `keyword=value`, each after a space.
fn parameters(rest: &str) -> Result<impl Iterator<Item = Result<Parameter<'_>, CommandError>>, CommandError> {
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(CommandError::Parameter);
    }
    Ok(rest.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let (keyword, value) = match word.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (word, None),
        };
        let named = keyword.starts_with(|first: char| first.is_ascii_alphanumeric())
            && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        // RFC 5321 forbids `=` in a value; AUTH and ORCPT bring their own grammar, where it is forbidden too.
        let valued = value.is_none_or(|value| !value.is_empty() && !value.contains('='));
        if named && valued { Ok((keyword, value)) } else { Err(CommandError::Parameter) }
    }))
}

/// A number of at most twenty digits (RFC 1870, section 6).
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Twenty nines are more than a u64 holds, and as good as infinite.
    if digits && text.len() <= 20 { Some(text.parse().unwrap_or(u64::MAX)) } else { None }
}

fn body(value: &str, offered: Extensions) -> Result<BodyKind, CommandError> {
    match value {
        _ if value.eq_ignore_ascii_case("7BIT") => Ok(BodyKind::SevenBit),
        _ if value.eq_ignore_ascii_case("8BITMIME") => Ok(BodyKind::EightBitMime),
        _ if value.eq_ignore_ascii_case("BINARYMIME") && offered.has(Extension::BinaryMime) => Ok(BodyKind::BinaryMime),
        _ => Err(CommandError::ParameterValue),
    }
}

fn ret(value: &str) -> Result<DsnReturn, CommandError> {
    match value {
        _ if value.eq_ignore_ascii_case("FULL") => Ok(DsnReturn::Full),
        _ if value.eq_ignore_ascii_case("HDRS") => Ok(DsnReturn::Headers),
        _ => Err(CommandError::Parameter),
    }
}

fn notify(value: &str) -> Result<DsnNotify, CommandError> {
    let mut notify = DsnNotify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(notify);
    }
    for word in value.split(',') {
        match word {
            _ if word.eq_ignore_ascii_case("SUCCESS") => notify.success = true,
            _ if word.eq_ignore_ascii_case("FAILURE") => notify.failure = true,
            _ if word.eq_ignore_ascii_case("DELAY") => notify.delay = true,
            _ => return Err(CommandError::Parameter),
        }
    }
    Ok(notify)
}

/// xtext (RFC 3461, section 4): printable, `+` and two digits for all else. Non-ASCII text is RFC 6533's.
fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'+' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            b'!'..=b'~' => byte != b'=',
            _ => byte >= 128,
        };
        if !fine {
            return false;
        }
    }
    !text.is_empty()
}
