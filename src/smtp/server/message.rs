//! A message as it comes: after DATA up to its dot, or with BDAT in chunks of announced size (RFC 3030, section 2). A
//! chunk comes whether it is wanted or not.

use super::super::data::DataPiece;
use super::super::line::LineEnds;
use super::super::protocol_error::{BuiltinReply, ProtocolError};
use super::{
    BdatState, CommandResult, OpenTransaction, PendingQuestion, PolicyQuestion, Progress, Server, ServerEvent,
    ServerState,
};

/// The chunk that is coming, and the message so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BdatChunk {
    left: u64,
    last: bool,
    /// It was refused: nobody sees its bytes, and the reply is written.
    refused: bool,
    /// Bytes of all chunks of this message, this one included.
    message: u64,
}

impl Server {
    pub(super) fn read_body<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Progress<'a> {
        let (used, piece) = self.body.next(input);
        let turn = match piece {
            DataPiece::Unfinished => Some(ServerEvent::NeedInput),
            // A message that will be refused is nobody's.
            DataPiece::Data(_) if self.too_big(self.body.size()) => None,
            DataPiece::Data(data) => Some(ServerEvent::Body(data)),
            DataPiece::End => Some(self.end_of_data(out)),
        };
        (used, turn)
    }

    fn end_of_data<'a>(&mut self, out: &mut Vec<u8>) -> ServerEvent<'a> {
        let size = self.body.size();
        let error = match () {
            () if self.too_big(size) => ProtocolError::TooBig,
            () if self.body.bare() && self.config.line_ends == LineEnds::Strict => ProtocolError::BareLineEndInMessage,
            () => return self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size }),
        };
        self.state = ServerState::Command;
        self.transaction = None;
        self.refuse(error, out)
    }

    /// Whether a message of this size is more than the server takes.
    pub(super) fn too_big(&self, size: u64) -> bool {
        self.config.size_max.is_some_and(|max| size > max)
    }

    pub(super) fn bdat<'a>(&mut self, size: u64, last: bool) -> CommandResult<'a> {
        let begun = self.transaction.is_some_and(|open| open.chunks != BdatState::None);
        let message = if begun { self.chunk.message.saturating_add(size) } else { size };
        self.chunk = BdatChunk { left: size, last, refused: false, message };
        self.state = ServerState::Chunk;
        let too_big = self.too_big(message);
        let error = match &mut self.transaction {
            Some(OpenTransaction { chunks: BdatState::Void, .. }) | None => ProtocolError::Sequence,
            Some(OpenTransaction { accepted: 0, refused: true, .. }) => ProtocolError::NoRecipients,
            Some(OpenTransaction { accepted: 0, .. }) => ProtocolError::Sequence,
            Some(_) if too_big => ProtocolError::TooBig,
            Some(_) if begun => return Ok(None),
            Some(open) => {
                open.chunks = BdatState::Some;
                return Ok(Some(self.ask(PendingQuestion::Chunk, PolicyQuestion::Data { chunked: true })));
            }
        };
        self.refuse_chunk();
        Err(error)
    }

    /// The chunk is thrown away as it comes, and the message with it.
    pub(super) fn refuse_chunk(&mut self) {
        self.chunk.refused = true;
        self.state = ServerState::Chunk;
        if let Some(open) = &mut self.transaction {
            open.chunks = BdatState::Void;
        }
    }

    pub(super) fn read_chunk<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Progress<'a> {
        if self.chunk.left > 0 {
            let used = usize::try_from(self.chunk.left).map_or(input.len(), |left| left.min(input.len()));
            self.chunk.left -= used as u64;
            return match used {
                0 => (0, Some(ServerEvent::NeedInput)),
                _ if self.chunk.refused => (used, None),
                _ => (used, Some(ServerEvent::Body(&input[..used]))),
            };
        }
        self.state = ServerState::Command;
        match (self.chunk.last, self.chunk.refused) {
            (true, false) => {
                let size = self.chunk.message;
                return (0, Some(self.ask(PendingQuestion::EndOfData, PolicyQuestion::EndOfData { size })));
            }
            (true, true) => self.transaction = None,
            (false, false) => self.say(BuiltinReply::new(250, (2, 0, 0), "Chunk received"), out),
            (false, true) => {}
        }
        (0, None)
    }
}
