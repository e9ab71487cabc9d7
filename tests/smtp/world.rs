//! A world in memory: a server session, answers from a script, and bytes that arrive in pieces of any length.

use std::collections::VecDeque;
use std::sync::Arc;

use mxlab::smtp::{PolicyAnswer, PolicyQuestion, ServerClose, ServerEvent, ServerSession};

use super::dialog::{Peer, Scripted, Setting, kind};

/// A session and all that it said and was given.
pub(crate) struct World {
    /// The session.
    pub(crate) server: ServerSession,
    /// What was asked and otherwise happened, in order; pieces of a message are one.
    pub(crate) log: Vec<String>,
    /// All that it wrote.
    pub(crate) out: Vec<u8>,
    /// Messages, as the world was given them.
    pub(crate) messages: VecDeque<Vec<u8>>,
    /// Why it closed.
    pub(crate) closed: Option<ServerClose>,
    answers: Vec<Scripted>,
    input: Vec<u8>,
    piece: usize,
    heard: usize,
    message: Vec<u8>,
    shaking: bool,
}

impl World {
    /// A session that meets its client's bytes in pieces of so many.
    pub(crate) fn new(setting: &Setting, piece: usize) -> Self {
        let mut world = Self {
            server: ServerSession::new(Arc::new(setting.config.clone())),
            log: Vec::new(),
            out: Vec::new(),
            messages: VecDeque::new(),
            closed: None,
            answers: setting.answers.clone(),
            input: Vec::new(),
            piece,
            heard: 0,
            message: Vec::new(),
            shaking: false,
        };
        world.drive();
        world
    }

    /// Lets bytes arrive, all at once.
    pub(crate) fn arrive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.drive();
    }

    fn drive(&mut self) {
        let input = std::mem::take(&mut self.input);
        let mut at = 0;
        while !self.shaking {
            let (used, turn) = self.server.advance(&input[at..], &mut self.out);
            assert!(used <= input.len() - at);
            at += used;
            match turn {
                ServerEvent::NeedInput => break,
                ServerEvent::Ask(question) => {
                    let answer = self.asked(&question);
                    self.answer(answer);
                }
                ServerEvent::Body(data) => self.message.extend_from_slice(data),
                ServerEvent::Refused(fault) => self.note(format!("fault {fault:?}")),
                ServerEvent::StartTls { injected } => {
                    self.note(format!("tls, {injected} injected"));
                    self.shaking = true;
                }
                ServerEvent::Close(why) => {
                    if self.closed.replace(why).is_none() {
                        self.note(format!("close {why:?}"));
                    }
                    break;
                }
            }
        }
        self.input = input[at..].to_vec();
    }

    fn note(&mut self, what: String) {
        self.log.push(what);
    }

    /// Writes down a question, and finds its answer.
    fn asked(&mut self, question: &PolicyQuestion<'_>) -> Option<Scripted> {
        let (kind, about) = kind(question);
        if let PolicyQuestion::EndOfData { size } = question {
            assert_eq!(*size, self.message.len() as u64, "the size is that of what was given");
            self.messages.push_back(std::mem::take(&mut self.message));
        }
        if let PolicyQuestion::Mail(_) = question {
            self.message.clear();
        }
        self.note(format!("{kind} {about}"));
        Scripted::find(&self.answers, kind, &about).cloned()
    }

    fn answer(&mut self, scripted: Option<Scripted>) {
        match scripted {
            None => self.server.answer(PolicyAnswer::Accept, &mut self.out),
            Some(Scripted { reply: None, .. }) => self.server.answer(PolicyAnswer::Drop, &mut self.out),
            Some(Scripted { reply: Some((code, enhanced, text)), close, .. }) => {
                self.server.answer(PolicyAnswer::Say { code, enhanced, text: &text, close }, &mut self.out);
            }
        }
    }

    /// Both have shaken hands.
    pub(crate) fn secured(&mut self) {
        assert!(std::mem::take(&mut self.shaking), "a handshake without STARTTLS");
        self.server.secured();
        self.drive();
    }
}

impl Peer for World {
    fn send(&mut self, bytes: &[u8]) {
        bytes.chunks(self.piece).for_each(|piece| self.arrive(piece));
    }

    fn line(&mut self) -> Option<String> {
        let rest = &self.out[self.heard..];
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = String::from_utf8(rest[..end].to_vec()).unwrap();
        self.heard += end + 2;
        Some(line)
    }

    fn handshake(&mut self) {
        self.secured();
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front()
    }

    fn closed(&mut self) -> Option<String> {
        let name = |why| match why {
            ServerClose::Quit => "quit",
            ServerClose::Answered => "answered",
            ServerClose::Dropped => "dropped",
            ServerClose::ProtocolError(_) => "fault",
        };
        self.closed.map(|why| name(why).to_owned())
    }
}
