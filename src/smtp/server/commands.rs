//! What each command does: whether it may come now, and what the policy is asked about it.

use super::super::command::Command;
use super::super::parameter::{MailCommand, RcptCommand};
use super::super::protocol_error::{BuiltinReply, ProtocolError};
use super::super::xclient::{XclientAttribute, XclientAttributes};
use super::client_state::Hello;
use super::open_transaction::OpenTransaction;
use super::state::{CommandResult, PendingQuestion, ServerState};
use super::{PolicyQuestion, ServerClose, ServerEvent, ServerSession};

impl ServerSession {
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
                self.config.say(BuiltinReply::new(221, (2, 0, 0), "Bye"), out);
                self.state = ServerState::Closed(ServerClose::Quit);
                Ok(None)
            }
            Command::StartTls => self.start_tls(out),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial, out),
            Command::XClient(attributes) => self.xclient(attributes),
        }
    }

    fn hello<'a>(&mut self, hello: Hello, name: &'a str) -> CommandResult<'a> {
        if self.client.is_introduced() {
            self.errors.junk_command(&self.config)?;
        }
        let extended = hello == Hello::Ehlo;
        Ok(Some(self.ask(PendingQuestion::Hello(hello), PolicyQuestion::Hello { name, extended })))
    }

    fn mail<'a>(&mut self, mail: MailCommand<'a>) -> CommandResult<'a> {
        if self.transaction.is_some() {
            return Err(ProtocolError::Sequence);
        }
        if let Err(error) = self.client.may_send(mail.size.unwrap_or(0), &self.config) {
            self.mail_refused = true;
            return Err(error);
        }
        let transaction = OpenTransaction::new(&mail);
        Ok(Some(self.ask(PendingQuestion::Mail(transaction), PolicyQuestion::Mail(mail))))
    }

    fn rcpt<'a>(&mut self, rcpt: RcptCommand<'a>) -> CommandResult<'a> {
        let open = self.transaction.as_mut().ok_or(ProtocolError::Sequence)?;
        open.rcpt(&rcpt, self.config.recipients_max)?;
        Ok(Some(self.ask(PendingQuestion::Rcpt, PolicyQuestion::Rcpt(rcpt))))
    }

    fn data<'a>(&mut self) -> CommandResult<'a> {
        self.transaction.ok_or(ProtocolError::Sequence)?.data()?;
        Ok(Some(self.ask(PendingQuestion::Data, PolicyQuestion::Data { chunked: false })))
    }

    fn rset<'a>(&mut self) -> CommandResult<'a> {
        // RSET after a refusal is proper, RSET after RSET is junk.
        if self.transaction.is_none() && !self.mail_refused {
            self.errors.junk_command(&self.config)?;
        }
        Ok(Some(self.ask(PendingQuestion::Reset, PolicyQuestion::Reset)))
    }

    fn start_tls<'a>(&mut self, out: &mut Vec<u8>) -> CommandResult<'a> {
        if self.client.has_tls() || !self.client.is_introduced() || self.transaction.is_some() {
            return Err(ProtocolError::Sequence);
        }
        self.config.say(BuiltinReply::new(220, (2, 0, 0), "Ready to start TLS"), out);
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

    /// Answers a command that makes no progress.
    fn junk_command<'a>(&mut self, reply: BuiltinReply, out: &mut Vec<u8>) -> CommandResult<'a> {
        self.errors.junk_command(&self.config)?;
        self.config.say(reply, out);
        Ok(None)
    }
}
