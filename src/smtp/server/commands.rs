//! What each command does: whether it is its turn, and what is asked about it.

use super::super::command::Command;
use super::super::fault::{Fault, Said};
use super::super::parameter::{BodyKind, Mail, Rcpt};
use super::super::xclient::{Attribute, Attributes};
use super::{Asked, Closing, Hello, Question, Server, State, Transaction, Turn};

impl Server {
    pub(super) fn command<'a>(&mut self, line: &'a [u8], out: &mut Vec<u8>) -> Option<Turn<'a>> {
        let command = Command::parse(line, self.config.extensions);
        if self.state == State::TurnedAway && command != Ok(Command::Quit) {
            return self.fault(Fault::Sequence, out);
        }
        match command {
            Ok(Command::Mail(mail)) => self.mail(mail, out),
            Ok(Command::Rcpt(rcpt)) => self.rcpt(rcpt, out),
            Ok(Command::Data) => self.data(out),
            Ok(Command::Bdat { size, last }) => self.bdat(size, last, out),
            Ok(Command::Ehlo(name)) => self.hello(Hello::Ehlo, name, out),
            Ok(Command::Helo(name)) => self.hello(Hello::Helo, name, out),
            Ok(Command::Rset) => self.rset(out),
            Ok(Command::Noop) => self.idle(Said::new(250, (2, 0, 0), "Ok"), out),
            Ok(Command::Help) => self.idle(Said::new(214, (2, 0, 0), "See RFC 5321"), out),
            Ok(Command::Vrfy(_)) => self.idle(Said::new(252, (2, 5, 2), "Cannot verify, send some mail"), out),
            Ok(Command::Expn(_)) => self.fault(Fault::NotImplemented, out),
            Ok(Command::Quit) => {
                self.say(Said::new(221, (2, 0, 0), "Bye"), out);
                self.state = State::Closed(Closing::Quit);
                None
            }
            Ok(Command::StartTls) => self.start_tls(out),
            Ok(Command::Auth { mechanism, initial }) => self.auth(mechanism, initial, out),
            Ok(Command::XClient(attributes)) => self.xclient(attributes, out),
            Err(error) => self.fault(Fault::Command(error), out),
        }
    }

    fn hello<'a>(&mut self, hello: Hello, name: &'a str, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        if self.hello.is_some() && self.too_idle() {
            return self.fault(Fault::NoProgress, out);
        }
        let extended = hello == Hello::Ehlo;
        Some(self.ask(Asked::Hello(hello), Question::Hello { name, extended }))
    }

    fn mail<'a>(&mut self, mail: Mail<'a>, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        let fault = match () {
            () if self.hello.is_none() || self.transaction.is_some() => Fault::Sequence,
            () if self.config.tls_needed && !self.tls => Fault::TlsNeeded,
            () if self.config.auth_needed && !self.authenticated => Fault::AuthNeeded,
            () if self.too_big(mail.size.unwrap_or(0)) => Fault::TooBig,
            () => {
                let (utf8, binary) = (mail.smtputf8, mail.body == BodyKind::BinaryMime);
                let transaction = Transaction { utf8, binary, ..Transaction::default() };
                return Some(self.ask(Asked::Mail(transaction), Question::Mail(mail)));
            }
        };
        self.mail_refused |= self.transaction.is_none();
        self.fault(fault, out)
    }

    fn rcpt<'a>(&mut self, rcpt: Rcpt<'a>, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        let Some(transaction) = &mut self.transaction else { return self.fault(Fault::Sequence, out) };
        let fault = match () {
            () if transaction.chunked => Fault::Sequence,
            () if !transaction.utf8 && !rcpt.to.as_str().is_ascii() => Fault::NotUtf8,
            () if transaction.accepted >= self.config.recipients_max => Fault::TooManyRecipients,
            () => return Some(self.ask(Asked::Rcpt, Question::Rcpt(rcpt))),
        };
        transaction.refused = true;
        self.fault(fault, out)
    }

    fn data<'a>(&mut self, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        match self.transaction {
            Some(transaction) if transaction.binary || transaction.chunked => self.fault(Fault::Sequence, out),
            Some(Transaction { accepted: 1.., .. }) => Some(self.ask(Asked::Data, Question::Data { chunked: false })),
            Some(Transaction { refused: true, .. }) => self.fault(Fault::NoRecipients, out),
            _ => self.fault(Fault::Sequence, out),
        }
    }

    fn rset<'a>(&mut self, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        // RSET after a refusal is good manners, RSET after RSET is not.
        if self.transaction.is_none() && !self.mail_refused && self.too_idle() {
            return self.fault(Fault::NoProgress, out);
        }
        Some(self.ask(Asked::Reset, Question::Reset))
    }

    fn start_tls<'a>(&mut self, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        if self.tls || self.hello.is_none() || self.transaction.is_some() {
            return self.fault(Fault::Sequence, out);
        }
        self.say(Said::new(220, (2, 0, 0), "Ready to start TLS"), out);
        self.state = State::Handshake;
        Some(Turn::StartTls { injected: 0 })
    }

    fn xclient<'a>(&mut self, attributes: Attributes<'a>, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        if self.transaction.is_some() {
            return self.fault(Fault::Sequence, out);
        }
        let login = attributes.get(Attribute::Login).is_some();
        Some(self.ask(Asked::XClient { login }, Question::XClient(attributes)))
    }

    /// Answers a command that leads nowhere.
    fn idle<'a>(&mut self, said: Said, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        if self.too_idle() {
            return self.fault(Fault::NoProgress, out);
        }
        self.say(said, out);
        None
    }
}
