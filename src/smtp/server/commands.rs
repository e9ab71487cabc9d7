//! What each command does: whether it is its turn, and what is asked about it.

use super::super::command::Command;
use super::super::parameter::{BodyKind, MailCommand, RcptCommand};
use super::super::protocol_error::{BuiltinReply, ProtocolError};
use super::super::xclient::{XclientAttribute, XclientAttributes};
use super::{
    BdatState, CommandResult, Hello, OpenTransaction, PendingQuestion, PolicyQuestion, Server, ServerClose,
    ServerEvent, ServerState,
};

impl Server {
    pub(super) fn command<'a>(&mut self, line: &'a [u8], out: &mut Vec<u8>) -> CommandResult<'a> {
        let command = Command::parse(line, self.config.extensions).map_err(ProtocolError::Command)?;
        if self.state == ServerState::TurnedAway && command != Command::Quit {
            return Err(ProtocolError::Sequence);
        }
        match command {
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(rcpt) => self.rcpt(rcpt),
            Command::Data => self.data(),
            Command::Bdat { size, last } => self.bdat(size, last),
            Command::Ehlo(name) => self.hello(Hello::Ehlo, name),
            Command::Helo(name) => self.hello(Hello::Helo, name),
            Command::Rset => self.rset(),
            Command::Noop => self.junk_command(BuiltinReply::new(250, (2, 0, 0), "Ok"), out),
            Command::Help => self.junk_command(BuiltinReply::new(214, (2, 0, 0), "See RFC 5321"), out),
            Command::Vrfy(_) => {
                self.junk_command(BuiltinReply::new(252, (2, 5, 2), "Cannot verify, send some mail"), out)
            }
            Command::Expn(_) => Err(ProtocolError::NotImplemented),
            Command::Quit => {
                self.say(BuiltinReply::new(221, (2, 0, 0), "Bye"), out);
                self.state = ServerState::Closed(ServerClose::Quit);
                Ok(None)
            }
            Command::StartTls => self.start_tls(out),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial, out),
            Command::XClient(attributes) => self.xclient(attributes),
        }
    }

    fn hello<'a>(&mut self, hello: Hello, name: &'a str) -> CommandResult<'a> {
        if self.hello.is_some() && self.too_many_junk_commands() {
            return Err(ProtocolError::TooManyJunkCommands);
        }
        let extended = hello == Hello::Ehlo;
        Ok(Some(self.ask(PendingQuestion::Hello(hello), PolicyQuestion::Hello { name, extended })))
    }

    fn mail<'a>(&mut self, mail: MailCommand<'a>) -> CommandResult<'a> {
        let error = match () {
            () if self.hello.is_none() || self.transaction.is_some() => ProtocolError::Sequence,
            () if self.config.tls_required && !self.tls => ProtocolError::TlsRequired,
            () if self.config.auth_required && !self.authenticated => ProtocolError::AuthRequired,
            () if self.too_big(mail.size.unwrap_or(0)) => ProtocolError::TooBig,
            () => {
                let (utf8, binary) = (mail.smtputf8, mail.body == BodyKind::BinaryMime);
                let transaction = OpenTransaction { utf8, binary, ..OpenTransaction::default() };
                return Ok(Some(self.ask(PendingQuestion::Mail(transaction), PolicyQuestion::Mail(mail))));
            }
        };
        self.mail_refused |= self.transaction.is_none();
        Err(error)
    }

    fn rcpt<'a>(&mut self, rcpt: RcptCommand<'a>) -> CommandResult<'a> {
        let Some(transaction) = &mut self.transaction else { return Err(ProtocolError::Sequence) };
        let error = match () {
            () if transaction.chunks != BdatState::None => ProtocolError::Sequence,
            () if !transaction.utf8 && !rcpt.to.as_str().is_ascii() => ProtocolError::SmtpUtf8Required,
            () if transaction.accepted >= self.config.recipients_max => ProtocolError::TooManyRecipients,
            () => return Ok(Some(self.ask(PendingQuestion::Rcpt, PolicyQuestion::Rcpt(rcpt)))),
        };
        transaction.refused = true;
        Err(error)
    }

    fn data<'a>(&mut self) -> CommandResult<'a> {
        match self.transaction {
            Some(open) if open.binary || open.chunks != BdatState::None => Err(ProtocolError::Sequence),
            Some(OpenTransaction { accepted: 1.., .. }) => {
                Ok(Some(self.ask(PendingQuestion::Data, PolicyQuestion::Data { chunked: false })))
            }
            Some(OpenTransaction { refused: true, .. }) => Err(ProtocolError::NoRecipients),
            _ => Err(ProtocolError::Sequence),
        }
    }

    fn rset<'a>(&mut self) -> CommandResult<'a> {
        // RSET after a refusal is good manners, RSET after RSET is not.
        if self.transaction.is_none() && !self.mail_refused && self.too_many_junk_commands() {
            return Err(ProtocolError::TooManyJunkCommands);
        }
        Ok(Some(self.ask(PendingQuestion::Reset, PolicyQuestion::Reset)))
    }

    fn start_tls<'a>(&mut self, out: &mut Vec<u8>) -> CommandResult<'a> {
        if self.tls || self.hello.is_none() || self.transaction.is_some() {
            return Err(ProtocolError::Sequence);
        }
        self.say(BuiltinReply::new(220, (2, 0, 0), "Ready to start TLS"), out);
        self.state = ServerState::Handshake;
        Ok(Some(ServerEvent::StartTls { injected: 0 }))
    }

    fn xclient<'a>(&mut self, attributes: XclientAttributes<'a>) -> CommandResult<'a> {
        if self.transaction.is_some() {
            return Err(ProtocolError::Sequence);
        }
        let login = attributes.get(XclientAttribute::Login).is_some();
        Ok(Some(self.ask(PendingQuestion::XClient { login }, PolicyQuestion::XClient(attributes))))
    }

    /// Answers a command that leads nowhere.
    fn junk_command<'a>(&mut self, reply: BuiltinReply, out: &mut Vec<u8>) -> CommandResult<'a> {
        if self.too_many_junk_commands() {
            return Err(ProtocolError::TooManyJunkCommands);
        }
        self.say(reply, out);
        Ok(None)
    }
}
