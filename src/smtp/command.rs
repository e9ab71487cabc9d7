//! Commands: what a client says, borrowed from its line (RFC 5321, section 4.1).

use super::command_error::CommandError;
use super::extension::{Extension, Extensions};
use super::parameter::{MailCommand, RcptCommand, number};
use super::xclient::XclientAttributes;

/// A command of the client (RFC 5321, section 4.1), with what its extensions add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// EHLO with the client's name.
    Ehlo(&'a str),
    /// HELO with the client's name.
    Helo(&'a str),
    /// MAIL: a transaction begins.
    Mail(MailCommand<'a>),
    /// RCPT: one recipient more.
    Rcpt(RcptCommand<'a>),
    /// DATA: the message follows, up to a line with a single dot.
    Data,
    /// BDAT: a chunk of a message follows.
    Bdat {
        /// How many bytes follow the command line.
        size: u64,
        /// Whether it is the last one.
        last: bool,
    },
    /// RSET: the transaction is given up.
    Rset,
    /// NOOP, with anything after it.
    Noop,
    /// VRFY with what it asks about.
    Vrfy(&'a str),
    /// EXPN with what it asks about.
    Expn(&'a str),
    /// HELP, with anything after it.
    Help,
    /// QUIT: the client wants to end the session.
    Quit,
    /// STARTTLS (RFC 3207).
    StartTls,
    /// AUTH (RFC 4954).
    Auth {
        /// The mechanism's name.
        mechanism: &'a str,
        /// The initial response in base64; `=` is an empty one.
        initial: Option<&'a str>,
    },
    /// XCLIENT, as Postfix has it.
    XClient(XclientAttributes<'a>),
}

impl<'a> Command<'a> {
    /// Reads a line without its line end. `offered` decides which extensions' commands and parameters there are.
    ///
    /// # Errors
    ///
    /// What is wrong with the line, or that the extension is not offered.
    pub fn parse(line: &'a [u8], offered: Extensions) -> Result<Self, CommandError> {
        let text = text(line)?;
        let (verb, rest) = match text.split_once(' ') {
            Some((verb, rest)) => (verb, rest.trim_matches(' ')),
            None => (text, ""),
        };
        match Verb::parse(verb).ok_or(CommandError::Unknown)? {
            Verb::Mail => MailCommand::parse(rest, offered).map(Self::Mail),
            Verb::Rcpt => RcptCommand::parse(rest, offered).map(Self::Rcpt),
            Verb::Data => alone(rest, "DATA").map(|()| Self::Data),
            Verb::Bdat => given(offered, Extension::Chunking).and_then(|()| bdat(rest)),
            Verb::Ehlo => word(rest, "EHLO hostname").map(Self::Ehlo),
            Verb::Helo => word(rest, "HELO hostname").map(Self::Helo),
            Verb::Rset => alone(rest, "RSET").map(|()| Self::Rset),
            Verb::Quit => alone(rest, "QUIT").map(|()| Self::Quit),
            Verb::Noop => Ok(Self::Noop),
            Verb::Help => Ok(Self::Help),
            Verb::Vrfy => some(rest, "VRFY address").map(Self::Vrfy),
            Verb::Expn => some(rest, "EXPN list").map(Self::Expn),
            Verb::Auth => given(offered, Extension::Auth).and_then(|()| auth(rest)),
            Verb::StartTls => {
                given(offered, Extension::StartTls).and_then(|()| alone(rest, "STARTTLS")).map(|()| Self::StartTls)
            }
            Verb::XClient => {
                given(offered, Extension::XClient).and_then(|()| XclientAttributes::parse(rest)).map(Self::XClient)
            }
        }
    }
}

/// The first word of a command.
#[derive(Clone, Copy)]
enum Verb {
    Mail,
    Rcpt,
    Data,
    Bdat,
    Ehlo,
    Helo,
    Rset,
    Quit,
    Noop,
    Help,
    Vrfy,
    Expn,
    Auth,
    StartTls,
    XClient,
}

impl Verb {
    fn parse(word: &str) -> Option<Self> {
        let Ok(four) = <[u8; 4]>::try_from(word.as_bytes()) else {
            return match word {
                _ if word.eq_ignore_ascii_case("STARTTLS") => Some(Self::StartTls),
                _ if word.eq_ignore_ascii_case("XCLIENT") => Some(Self::XClient),
                _ => None,
            };
        };
        match &four.map(|byte| byte.to_ascii_uppercase()) {
            b"MAIL" => Some(Self::Mail),
            b"RCPT" => Some(Self::Rcpt),
            b"DATA" => Some(Self::Data),
            b"BDAT" => Some(Self::Bdat),
            b"EHLO" => Some(Self::Ehlo),
            b"HELO" => Some(Self::Helo),
            b"RSET" => Some(Self::Rset),
            b"QUIT" => Some(Self::Quit),
            b"NOOP" => Some(Self::Noop),
            b"HELP" => Some(Self::Help),
            b"VRFY" => Some(Self::Vrfy),
            b"EXPN" => Some(Self::Expn),
            b"AUTH" => Some(Self::Auth),
            _ => None,
        }
    }
}

/// The line as text: printable, and UTF-8 where it is not ASCII.
fn text(line: &[u8]) -> Result<&str, CommandError> {
    // Counted, not searched for: without a way out of the loop it goes over the bytes a vector at a time.
    let controls = line.iter().filter(|byte| **byte < b' ' || **byte == 127).count();
    if controls > 0 { Err(CommandError::Bytes) } else { std::str::from_utf8(line).map_err(|_| CommandError::Bytes) }
}

fn given(offered: Extensions, extension: Extension) -> Result<(), CommandError> {
    if offered.has(extension) { Ok(()) } else { Err(CommandError::NotOffered) }
}

fn alone(rest: &str, usage: &'static str) -> Result<(), CommandError> {
    if rest.is_empty() { Ok(()) } else { Err(CommandError::Arguments(usage)) }
}

fn some<'a>(rest: &'a str, usage: &'static str) -> Result<&'a str, CommandError> {
    if rest.is_empty() { Err(CommandError::Arguments(usage)) } else { Ok(rest) }
}

fn word<'a>(rest: &'a str, usage: &'static str) -> Result<&'a str, CommandError> {
    some(rest, usage).and_then(|word| if word.contains(' ') { Err(CommandError::Arguments(usage)) } else { Ok(word) })
}

/// `size` and perhaps `LAST` (RFC 3030, section 2).
fn bdat(rest: &str) -> Result<Command<'_>, CommandError> {
    let usage = CommandError::Arguments("BDAT size [LAST]");
    let (size, last) = match rest.split_once(' ') {
        Some((size, last)) if last.trim_start_matches(' ').eq_ignore_ascii_case("LAST") => (size, true),
        Some(_) => return Err(usage),
        None => (rest, false),
    };
    Ok(Command::Bdat { size: number(size).ok_or(usage)?, last })
}

/// A mechanism and perhaps an initial response (RFC 4954, section 4).
fn auth(rest: &str) -> Result<Command<'_>, CommandError> {
    let usage = CommandError::Arguments("AUTH mechanism [initial-response]");
    let (mechanism, initial) = match rest.split_once(' ') {
        Some((mechanism, initial)) if !initial.contains(' ') => (mechanism, Some(initial)),
        Some(_) => return Err(usage),
        None => (rest, None),
    };
    if mechanism.is_empty() { Err(usage) } else { Ok(Command::Auth { mechanism, initial }) }
}

#[cfg(test)]
mod tests {
    use super::super::address::AddressError;
    use super::*;

    fn parse(line: &str) -> Result<Command<'_>, CommandError> {
        Command::parse(line.as_bytes(), Extension::ALL.into_iter().collect())
    }

    #[test]
    fn commands_are_read_in_any_case_and_with_spaces_at_their_end() {
        assert_eq!(parse("EHLO a.example "), Ok(Command::Ehlo("a.example")));
        assert_eq!(parse("helo [192.0.2.1]"), Ok(Command::Helo("[192.0.2.1]")));
        assert_eq!(parse("bdat 86 last"), Ok(Command::Bdat { size: 86, last: true }));
        assert_eq!(parse("StartTLS  "), Ok(Command::StartTls));
        assert_eq!(parse("AUTH PLAIN ="), Ok(Command::Auth { mechanism: "PLAIN", initial: Some("=") }));
        assert_eq!(parse("VRFY a b"), Ok(Command::Vrfy("a b")));
    }

    #[test]
    fn what_is_no_command_says_why() {
        assert_eq!(parse("MAILFROM:<>"), Err(CommandError::Unknown));
        assert_eq!(parse(" NOOP"), Err(CommandError::Unknown));
        assert_eq!(parse("NO\tOP"), Err(CommandError::Bytes));
        assert_eq!(parse("BDAT -1"), Err(CommandError::Arguments("BDAT size [LAST]")));
        assert_eq!(parse("BDAT 1 FIRST"), Err(CommandError::Arguments("BDAT size [LAST]")));
        assert_eq!(parse("RCPT TO:<>"), Err(CommandError::Recipient(AddressError::Syntax)));
        assert_eq!(parse("MAIL FROM:<> BODY=9BIT"), Err(CommandError::ParameterValue));
        assert_eq!(Command::parse(b"BDAT 1", Extensions::NONE), Err(CommandError::NotOffered));
        assert_eq!(Command::parse(b"MAIL FROM:<> SIZE=1", Extensions::NONE), Err(CommandError::UnknownParameter));
    }

    #[test]
    fn parameters_are_read_in_any_order() {
        let Ok(Command::Mail(mail)) = parse("MAIL FROM:<> AUTH=<> body=8bitmime SIZE=99999999999999999999") else {
            panic!("no MAIL")
        };
        assert_eq!((mail.size, mail.auth), (Some(u64::MAX), Some("<>")));
    }
}
