//! A chunk as it comes after BDAT: so many bytes as were announced, whether they are wanted or not (RFC 3030, section
//! 2).

/// The chunk that is coming, and the message so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BdatChunk {
    /// Bytes that have not come.
    left: u64,
    /// It ends the message.
    last: bool,
    /// It was refused: its bytes are dropped, and the reply is written.
    refused: bool,
    /// Bytes of all chunks of this message, this one included.
    message: u64,
}

/// What was found at the beginning of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkPiece<'a> {
    /// The chunk has not all come, and there is no input left.
    Unfinished,
    /// A piece of the message.
    Data(&'a [u8]),
    /// Bytes of a refused chunk.
    Dropped,
    /// The chunk has come.
    End { last: bool, refused: bool },
}

impl BdatChunk {
    /// An announced chunk, after this one where it continues the same message.
    pub(super) fn announce(&mut self, size: u64, last: bool, continues: bool) {
        let message = if continues { self.message.saturating_add(size) } else { size };
        *self = Self { left: size, last, refused: false, message };
    }

    /// Its bytes are dropped as they come.
    pub(super) const fn refuse(&mut self) {
        self.refused = true;
    }

    /// Bytes of the message so far, this chunk included.
    pub(super) const fn message(&self) -> u64 {
        self.message
    }

    /// The piece at the beginning of `input`, and how many bytes of it are done with.
    pub(super) fn next<'a>(&mut self, input: &'a [u8]) -> (usize, ChunkPiece<'a>) {
        if self.left == 0 {
            return (0, ChunkPiece::End { last: self.last, refused: self.refused });
        }
        let used = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        self.left -= used as u64;
        let piece = match used {
            0 => ChunkPiece::Unfinished,
            _ if self.refused => ChunkPiece::Dropped,
            _ => ChunkPiece::Data(&input[..used]),
        };
        (used, piece)
    }
}
