//! What a server says by itself: the greeting, the reply to EHLO, other positive replies, and replies of fixed words.
//! All of it follows from its configuration.

use std::io::Write;

use super::super::extension::Extension;
use super::super::protocol_error::{BuiltinReply, ProtocolError, enhanced};
use super::super::reply::{self, Reply};
use super::super::xclient::XclientAttribute;
use super::config::ServerConfig;
use super::peer_state::Hello;
use super::state::{IdleCommand, PendingQuestion};

const OK: BuiltinReply = BuiltinReply::new(250, enhanced(2, 0, 0), "Ok");

impl ServerConfig {
    /// A reply of fixed words.
    pub(super) fn say(&self, reply: BuiltinReply, out: &mut Vec<u8>) {
        let enhanced = reply.enhanced.filter(|_| self.extensions.has(Extension::EnhancedStatusCodes));
        reply::write(out, reply.code, enhanced, reply.text);
    }

    /// A reply of fixed words, as it is sent.
    fn own_reply(&self, reply: BuiltinReply) -> Reply {
        let enhanced = reply.enhanced.filter(|_| self.extensions.has(Extension::EnhancedStatusCodes));
        Reply { code: reply.code, enhanced, text: reply.text.to_owned() }
    }

    /// What a client is told whose message was accepted, where the policy has no words of its own.
    pub fn acceptance(&self) -> Reply {
        self.own_reply(OK)
    }

    /// What a client is told that did something wrong.
    pub fn refusal(&self, error: ProtocolError) -> Reply {
        self.own_reply(error.builtin_reply())
    }

    /// The session's own positive reply to what the policy accepted; `words` are the policy's where it has some.
    pub(super) fn accept(&self, asked: PendingQuestion, tls: bool, words: Option<&str>, out: &mut Vec<u8>) {
        match asked {
            PendingQuestion::Connect | PendingQuestion::XClient { .. } => self.greet(out),
            PendingQuestion::Hello(hello) => self.welcome(hello, tls, words, out),
            PendingQuestion::Mail(_) => self.say(BuiltinReply::new(250, enhanced(2, 1, 0), "Sender ok"), out),
            PendingQuestion::Rcpt => self.say(BuiltinReply::new(250, enhanced(2, 1, 5), "Recipient ok"), out),
            PendingQuestion::Data => self.say(BuiltinReply::plain(354, "End data with <CR><LF>.<CR><LF>"), out),
            // The reply comes when the chunk has come.
            PendingQuestion::Chunk => {}
            PendingQuestion::EndOfData | PendingQuestion::Reset => self.say(OK, out),
            PendingQuestion::IdleCommand(command) => self.say(idle(command), out),
            PendingQuestion::Auth => {
                self.say(BuiltinReply::new(235, enhanced(2, 7, 0), "Authentication successful"), out);
            }
        }
    }

    /// `220 host banner`.
    fn greet(&self, out: &mut Vec<u8>) {
        pieces(out, &["220 ", &self.host, " ", &self.banner, "\r\n"]);
    }

    /// `250 host`, and after EHLO every extension that is any use with or without TLS on a line of its own. `words`
    /// take the place of the host's name.
    fn welcome(&self, hello: Hello, tls: bool, words: Option<&str>, out: &mut Vec<u8>) {
        let name = words.and_then(|words| words.lines().next()).unwrap_or(&self.host);
        let mut last = out.len();
        pieces(out, &["250-", name, "\r\n"]);
        if hello == Hello::Ehlo {
            for extension in self.extensions.iter().filter(|extension| self.offers(*extension, tls)) {
                last = out.len();
                pieces(out, &["250-", extension.keyword()]);
                self.details(extension, out);
                out.extend_from_slice(b"\r\n");
            }
            if self.limits.named().next().is_some() {
                last = out.len();
                pieces(out, &["250-LIMITS"]);
                for (name, max) in self.limits.named() {
                    formatted(out, format_args!(" {name}={max}"));
                }
                out.extend_from_slice(b"\r\n");
            }
        }
        out[last + 3] = b' ';
    }

    /// Whether it is any use now.
    const fn offers(&self, extension: Extension, tls: bool) -> bool {
        match extension {
            Extension::StartTls => !tls,
            Extension::Auth => tls || self.auth_without_tls,
            _ => true,
        }
    }

    fn details(&self, extension: Extension, out: &mut Vec<u8>) {
        match (extension, self.size_advertised.or(self.size_max)) {
            (Extension::Size, Some(max)) => formatted(out, format_args!(" {max}")),
            (Extension::Auth, _) => pieces(out, &[" PLAIN LOGIN"]),
            (Extension::XClient, _) => XclientAttribute::ALL.iter().for_each(|name| pieces(out, &[" ", name.name()])),
            _ => {}
        }
    }
}

const fn idle(command: IdleCommand) -> BuiltinReply {
    match command {
        IdleCommand::Noop => OK,
        IdleCommand::Help => BuiltinReply::new(214, enhanced(2, 0, 0), "See RFC 5321"),
        IdleCommand::Vrfy => BuiltinReply::new(252, enhanced(2, 5, 2), "Cannot verify, send some mail"),
    }
}

fn pieces(out: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn formatted(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes all that is written to it");
}
