//! A message as it comes: after DATA up to its dot, or with BDAT in chunks of announced size (RFC 3030, section 2). A
//! chunk comes whether it is wanted or not.

use super::super::body::Piece;
use super::super::fault::{Fault, Said};
use super::super::line::LineEnds;
use super::{Asked, Chunks, Outcome, Question, Server, State, Stepped, Transaction, Turn};

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
        let turn = match piece {
            Piece::Unfinished => Some(Turn::NeedInput),
            // A message that will be refused is nobody's.
            Piece::Data(_) if self.too_big(self.body.size()) => None,
            Piece::Data(data) => Some(Turn::Body(data)),
            Piece::End => Some(self.end_of_data(out)),
        };
        (used, turn)
    }

    fn end_of_data<'a>(&mut self, out: &mut Vec<u8>) -> Turn<'a> {
        let size = self.body.size();
        let fault = match () {
            () if self.too_big(size) => Fault::TooBig,
            () if self.body.bare() && self.config.line_ends == LineEnds::Strict => Fault::BareInMessage,
            () => return self.ask(Asked::EndOfData, Question::EndOfData { size }),
        };
        self.state = State::Command;
        self.transaction = None;
        self.fault(fault, out)
    }

    /// Whether a message of this size is more than the server takes.
    pub(super) fn too_big(&self, size: u64) -> bool {
        self.config.size_max.is_some_and(|max| size > max)
    }

    pub(super) fn bdat<'a>(&mut self, size: u64, last: bool) -> Outcome<'a> {
        let begun = self.transaction.is_some_and(|open| open.chunks != Chunks::None);
        let message = if begun { self.chunk.message.saturating_add(size) } else { size };
        self.chunk = Chunk { left: size, last, refused: false, message };
        self.state = State::Chunk;
        let too_big = self.too_big(message);
        let fault = match &mut self.transaction {
            Some(Transaction { chunks: Chunks::Void, .. }) | None => Fault::Sequence,
            Some(Transaction { accepted: 0, refused: true, .. }) => Fault::NoRecipients,
            Some(Transaction { accepted: 0, .. }) => Fault::Sequence,
            Some(_) if too_big => Fault::TooBig,
            Some(_) if begun => return Ok(None),
            Some(open) => {
                open.chunks = Chunks::Some;
                return Ok(Some(self.ask(Asked::Chunk, Question::Data { chunked: true })));
            }
        };
        self.refuse_chunk();
        Err(fault)
    }

    /// The chunk is thrown away as it comes, and the message with it.
    pub(super) fn refuse_chunk(&mut self) {
        self.chunk.refused = true;
        self.state = State::Chunk;
        if let Some(open) = &mut self.transaction {
            open.chunks = Chunks::Void;
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
        match (self.chunk.last, self.chunk.refused) {
            (true, false) => {
                let size = self.chunk.message;
                return (0, Some(self.ask(Asked::EndOfData, Question::EndOfData { size })));
            }
            (true, true) => self.transaction = None,
            (false, false) => self.say(Said::new(250, (2, 0, 0), "Chunk received"), out),
            (false, true) => {}
        }
        (0, None)
    }
}
