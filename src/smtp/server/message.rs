//! A message as it comes: after DATA up to its end, or with BDAT in chunks of announced size (RFC 3030, section 2). A
//! chunk comes whether it is wanted or not.

use super::super::data::DataPiece;
use super::super::line::LineEnds;
use super::super::protocol_error::{BuiltinReply, ProtocolError};
use super::chunk::ChunkPiece;
use super::open_transaction::OpenTransaction;
use super::state::{Advance, CommandResult, PendingQuestion, ServerState};
use super::{PolicyQuestion, ServerEvent, ServerSession};

impl ServerSession {
    pub(super) fn read_body<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        let (used, piece) = self.body.next(input);
        let event = match piece {
            DataPiece::Unfinished => Some(ServerEvent::NeedInput),
            // Of a message that will be refused, nothing is handed on.
            DataPiece::Data(_) if self.config.too_big(self.body.size()) => None,
            DataPiece::Data(data) => Some(ServerEvent::Body(data)),
            DataPiece::End => Some(self.end_of_data(out)),
        };
        (used, event)
    }

    fn end_of_data<'a>(&mut self, out: &mut Vec<u8>) -> ServerEvent<'a> {
        let size = self.body.size();
        let error = match () {
            () if self.config.too_big(size) => ProtocolError::TooBig,
            () if self.body.bare() && self.config.line_ends == LineEnds::Strict => ProtocolError::BareLineEndInMessage,
            () => return self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size }),
        };
        self.state = ServerState::Command;
        self.transaction = None;
        self.refuse(error, out)
    }

    pub(super) fn bdat<'a>(&mut self, size: u64, last: bool) -> CommandResult<'a> {
        self.chunk.announce(size, last, self.transaction.is_some_and(OpenTransaction::has_chunks));
        self.state = ServerState::Chunk;
        let too_big = self.config.too_big(self.chunk.message());
        let taken = self.transaction.as_mut().map_or(Err(ProtocolError::Sequence), |open| open.bdat(too_big));
        match taken {
            Ok(true) => Ok(Some(self.ask(PendingQuestion::Chunk, PolicyQuestion::Data { chunked: true }))),
            Ok(false) => Ok(None),
            Err(error) => {
                self.refuse_chunk();
                Err(error)
            }
        }
    }

    /// The chunk is dropped as it comes, and the message with it.
    pub(super) fn refuse_chunk(&mut self) {
        self.chunk.refuse();
        self.state = ServerState::Chunk;
        if let Some(open) = &mut self.transaction {
            open.chunk_refused();
        }
    }

    pub(super) fn read_chunk<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Advance<'a> {
        let (used, piece) = self.chunk.next(input);
        let event = match piece {
            ChunkPiece::Unfinished => Some(ServerEvent::NeedInput),
            ChunkPiece::Data(data) => Some(ServerEvent::Body(data)),
            ChunkPiece::Dropped => None,
            ChunkPiece::End { last, refused } => self.end_of_chunk(last, refused, out),
        };
        (used, event)
    }

    fn end_of_chunk<'a>(&mut self, last: bool, refused: bool, out: &mut Vec<u8>) -> Option<ServerEvent<'a>> {
        self.state = ServerState::Command;
        match (last, refused) {
            (true, false) => {
                let size = self.chunk.message();
                return Some(self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size }));
            }
            (true, true) => self.transaction = None,
            (false, false) => self.config.say(BuiltinReply::new(250, (2, 0, 0), "Chunk received"), out),
            (false, true) => {}
        }
        None
    }
}
