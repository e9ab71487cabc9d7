//! What each command does: whether it is its turn, and what is asked about it.

use super::super::command::Command;
use super::super::fault::{Fault, Said};
use super::super::parameter::{BodyKind, Mail, Rcpt};
use super::super::xclient::{Attribute, Attributes};
use super::{Asked, Chunks, Closing, Hello, Outcome, Question, Server, State, Transaction, Turn};

impl Server {
    pub(super) fn command<'a>(&mut self, line: &'a [u8], out: &mut Vec<u8>) -> Outcome<'a> {
        let command = Command::parse(line, self.config.extensions).map_err(Fault::Command)?;
        if self.state == State::TurnedAway && command != Command::Quit {
            return Err(Fault::Sequence);
        }
        match command {
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(size, last),
            Command::Ehlo(name) => self.hello(Hello::Ehlo, name),
            Command::Helo(name) => self.hello(Hello::Helo, name),
            Command::Rset => self.rset(),
            Command::Noop => self.idle(Said::new(250, (2, 0, 0), "Ok"), out),
            Command::Help => self.idle(Said::new(214, (2, 0, 0), "See RFC 5321"), out),
            Command::Vrfy(_) => self.idle(Said::new(252, (2, 5, 2), "Cannot verify, send some mail"), out),
            Command::Expn(_) => Err(Fault::NotImplemented),
            Command::Quit => {
                self.say(Said::new(221, (2, 0, 0), "Bye"), out);
                self.state = State::Closed(Closing::Quit);
                Ok(None)
            }
            Command::StartTls => self.start_tls(out),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial, out),
            Command::XClient(attributes) => self.xclient(attributes),
        }
    }

    fn hello<'a>(&mut self, hello: Hello, name: &'a str) -> Outcome<'a> {
        if self.hello.is_some() && self.too_idle() {
            return Err(Fault::NoProgress);
        }
        let extended = hello == Hello::Ehlo;
        Ok(Some(self.ask(Asked::Hello(hello), Question::Hello { name, extended })))
    }

    fn mail<'a>(&mut self, mail: Mail<'a>) -> Outcome<'a> {
        let fault = match () {
            () if self.hello.is_none() || self.transaction.is_some() => Fault::Sequence,
            () if self.config.tls_needed && !self.tls => Fault::TlsNeeded,
            () if self.config.auth_needed && !self.authenticated => Fault::AuthNeeded,
            () if self.too_big(mail.size.unwrap_or(0)) => Fault::TooBig,
            () => {
                let (utf8, binary) = (mail.smtputf8, mail.body == BodyKind::BinaryMime);
                let transaction = Transaction { utf8, binary, ..Transaction::default() };
                return Ok(Some(self.ask(Asked::Mail(transaction), Question::Mail(mail))));
            }
        };
        self.mail_refused |= self.transaction.is_none();
        Err(fault)
    }

    fn rcpt<'a>(&mut self, rcpt: Rcpt<'a>) -> Outcome<'a> {
        let Some(transaction) = &mut self.transaction else { return Err(Fault::Sequence) };
        let fault = match () {
            () if transaction.chunks != Chunks::None => Fault::Sequence,
            () if !transaction.utf8 && !rcpt.to.as_str().is_ascii() => Fault::NotUtf8,
            () if transaction.accepted >= self.config.recipients_max => Fault::TooManyRecipients,
            () => return Ok(Some(self.ask(Asked::Rcpt, Question::Rcpt(rcpt)))),
        };
        transaction.refused = true;
        Err(fault)
    }

    fn data<'a>(&mut self) -> Outcome<'a> {
        match self.transaction {
            Some(open) if open.binary || open.chunks != Chunks::None => Err(Fault::Sequence),
            Some(Transaction { accepted: 1.., .. }) => {
                Ok(Some(self.ask(Asked::Data, Question::Data { chunked: false })))
            }
            Some(Transaction { refused: true, .. }) => Err(Fault::NoRecipients),
            _ => Err(Fault::Sequence),
        }
    }

    fn rset<'a>(&mut self) -> Outcome<'a> {
        // RSET after a refusal is good manners, RSET after RSET is not.
        if self.transaction.is_none() && !self.mail_refused && self.too_idle() {
            return Err(Fault::NoProgress);
        }
        Ok(Some(self.ask(Asked::Reset, Question::Reset)))
    }

    fn start_tls<'a>(&mut self, out: &mut Vec<u8>) -> Outcome<'a> {
        if self.tls || self.hello.is_none() || self.transaction.is_some() {
            return Err(Fault::Sequence);
        }
        self.say(Said::new(220, (2, 0, 0), "Ready to start TLS"), out);
        self.state = State::Handshake;
        Ok(Some(Turn::StartTls { injected: 0 }))
    }

    fn xclient<'a>(&mut self, attributes: Attributes<'a>) -> Outcome<'a> {
        if self.transaction.is_some() {
            return Err(Fault::Sequence);
        }
        let login = attributes.get(Attribute::Login).is_some();
        Ok(Some(self.ask(Asked::XClient { login }, Question::XClient(attributes))))
    }

    /// Answers a command that leads nowhere.
    fn idle<'a>(&mut self, said: Said, out: &mut Vec<u8>) -> Outcome<'a> {
        if self.too_idle() {
            return Err(Fault::NoProgress);
        }
        self.say(said, out);
        Ok(None)
    }
}
