//! The greeting, and the reply to EHLO: the server's name and what it offers.

use std::io::Write;

use super::super::extension::Extension;
use super::super::xclient::XclientAttribute;
use super::ServerSession;
use super::state::Hello;

impl ServerSession {
    /// `220 host banner`.
    pub(super) fn greet(&self, out: &mut Vec<u8>) {
        pieces(out, &["220 ", &self.config.host, " ", &self.config.banner, "\r\n"]);
    }

    /// `250 host`, and after EHLO every extension on a line of its own. `words` take the place of the host's name.
    pub(super) fn welcome(&self, hello: Hello, words: Option<&str>, out: &mut Vec<u8>) {
        let name = words.and_then(|words| words.lines().next()).unwrap_or(&self.config.host);
        let mut last = out.len();
        pieces(out, &["250-", name, "\r\n"]);
        if hello == Hello::Ehlo {
            for extension in self.config.extensions.iter().filter(|extension| self.offers(*extension)) {
                last = out.len();
                pieces(out, &["250-", extension.keyword()]);
                self.details(extension, out);
                out.extend_from_slice(b"\r\n");
            }
            if self.config.limits.named().next().is_some() {
                last = out.len();
                pieces(out, &["250-LIMITS"]);
                for (name, max) in self.config.limits.named() {
                    formatted(out, format_args!(" {name}={max}"));
                }
                out.extend_from_slice(b"\r\n");
            }
        }
        out[last + 3] = b' ';
    }

    /// Whether it is any use now.
    fn offers(&self, extension: Extension) -> bool {
        match extension {
            Extension::StartTls => !self.tls,
            Extension::Auth => self.tls || self.config.auth_without_tls,
            _ => true,
        }
    }

    fn details(&self, extension: Extension, out: &mut Vec<u8>) {
        match (extension, self.config.size_advertised.or(self.config.size_max)) {
            (Extension::Size, Some(max)) => formatted(out, format_args!(" {max}")),
            (Extension::Auth, _) => pieces(out, &[" PLAIN LOGIN"]),
            (Extension::XClient, _) => XclientAttribute::ALL.iter().for_each(|name| pieces(out, &[" ", name.name()])),
            _ => {}
        }
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
