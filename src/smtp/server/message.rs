//! A message as it comes: after DATA up to its dot, or with BDAT in chunks of announced size (RFC 3030, section 2). A
//! chunk comes whether it is wanted or not.

use super::super::body::Piece;
use super::super::fault::{Fault, Said};
use super::super::line::LineEnds;
use super::{Asked, Question, Server, State, Stepped, Turn};

/// The chunk that is coming, and the message so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chunk {
    left: u64,
    last: bool,
    /// It was refused: nobody sees its bytes, and the reply is written.
    refused: bool,
    /// Bytes of all chunks of this message, this one included.
    message: u64,
}

impl Server {
    pub(super) fn read_body<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Stepped<'a> {
        let (used, piece) = self.body.next(input);
        let too_big = self.too_big(self.body.size());
        match piece {
            Piece::Unfinished => (used, Some(Turn::NeedInput)),
            // A message that will be refused is nobody's.
            Piece::Data(_) if too_big => (used, None),
            Piece::Data(data) => (used, Some(Turn::Body(data))),
            Piece::End => {
                let fault = if too_big {
                    Fault::TooBig
                } else if self.body.bare() && self.config.line_ends == LineEnds::Strict {
                    Fault::BareInMessage
                } else {
                    let size = self.body.size();
                    return (used, Some(self.ask(Asked::EndOfData, Question::EndOfData { size })));
                };
                self.state = State::Command;
                self.transaction = None;
                (used, self.fault(fault, out))
            }
        }
    }

    /// Whether a message of this size is more than the server takes.
    pub(super) fn too_big(&self, size: u64) -> bool {
        self.config.size_max.is_some_and(|max| size > max)
    }

    pub(super) fn bdat<'a>(&mut self, size: u64, last: bool, out: &mut Vec<u8>) -> Option<Turn<'a>> {
        let message = if self.transaction.is_some_and(|open| open.chunked) { self.chunk.message } else { 0 };
        let message = message.saturating_add(size);
        self.chunk = Chunk { left: size, last, refused: false, message };
        self.state = State::Chunk;
        let fault = match &mut self.transaction {
            Some(open) if open.void => Fault::Sequence,
            Some(open) if open.accepted == 0 && open.refused => Fault::NoRecipients,
            Some(open) if open.accepted > 0 => {
                let first = !std::mem::replace(&mut open.chunked, true);
                if !self.too_big(message) {
                    return first.then(|| self.ask(Asked::Chunk, Question::Data { chunked: true }));
                }
                Fault::TooBig
            }
            _ => Fault::Sequence,
        };
        self.refuse_chunk();
        self.fault(fault, out)
    }

    /// The chunk is thrown away as it comes, and the transaction with it.
    pub(super) fn refuse_chunk(&mut self) {
        self.chunk.refused = true;
        self.state = State::Chunk;
        if let Some(open) = &mut self.transaction {
            open.chunked = true;
            open.void = true;
        }
    }

    pub(super) fn read_chunk<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Stepped<'a> {
        if self.chunk.left > 0 {
            let used = usize::try_from(self.chunk.left).map_or(input.len(), |left| left.min(input.len()));
            self.chunk.left -= used as u64;
            return match used {
                0 => (0, Some(Turn::NeedInput)),
                _ if self.chunk.refused => (used, None),
                _ => (used, Some(Turn::Body(&input[..used]))),
            };
        }
        self.state = State::Command;
        if self.chunk.last && !self.chunk.refused {
            let size = self.chunk.message;
            return (0, Some(self.ask(Asked::EndOfData, Question::EndOfData { size })));
        }
        if !self.chunk.refused {
            self.say(Said::new(250, (2, 0, 0), "Chunk received"), out);
        }
        (0, None)
    }
}
