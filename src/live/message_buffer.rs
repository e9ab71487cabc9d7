//! What has arrived of a message and is not written yet: bounded for each message, and for all of them together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a message that wait in memory until they are written.
const MESSAGE_MAX: usize = 64 * 1024;

/// The same of all messages together. Where so much waits, what a message has is written before more of it is read.
const ALL_MAX: usize = 64 * 1024 * 1024;

/// How many bytes wait in all buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct BufferedBytes(Arc<AtomicUsize>);

/// The buffer of a message.
#[derive(Debug)]
pub(super) struct MessageBuffer {
    bytes: Vec<u8>,
    all: BufferedBytes,
}

impl MessageBuffer {
    /// An empty buffer.
    pub(super) fn new(all: &BufferedBytes) -> Self {
        Self { bytes: Vec::new(), all: all.clone() }
    }

    /// Takes a piece of the message.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.all.0.fetch_add(piece.len(), Ordering::Relaxed);
    }

    /// Whether it must be written before more of the message is read.
    pub(super) fn is_full(&self) -> bool {
        !self.bytes.is_empty() && (self.bytes.len() >= MESSAGE_MAX || self.all.0.load(Ordering::Relaxed) >= ALL_MAX)
    }

    /// Takes out what is in it.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.all.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for MessageBuffer {
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_full_by_its_own_bytes_or_by_those_of_all() {
        let all = BufferedBytes::default();
        let (mut large, mut small) = (MessageBuffer::new(&all), MessageBuffer::new(&all));
        assert!(!small.is_full());
        small.add(&[0; 100]);
        large.add(&vec![0; MESSAGE_MAX]);
        assert!(large.is_full() && !small.is_full());
        let many: Vec<MessageBuffer> = (0..ALL_MAX / MESSAGE_MAX)
            .map(|_| {
                let mut buffer = MessageBuffer::new(&all);
                buffer.add(&vec![0; MESSAGE_MAX - 1]);
                buffer
            })
            .collect();
        assert!(small.is_full());
        assert_eq!(small.take().len(), 100);
        assert!(!small.is_full(), "nothing to write");
        drop((many, large));
        assert_eq!(all.0.load(Ordering::Relaxed), 0);
    }
}
