//! Accepted messages kept as files, a bounded number of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder for messages.
#[derive(Clone, Debug)]
pub struct MessageStore {
    folder: PathBuf,
    max: u64,
    started: Arc<AtomicU64>,
}

/// Bytes of a message that are kept; the rest is cut off.
const BYTES_MAX: usize = 50_000_000;

/// A message that is being received.
#[derive(Debug)]
pub(super) struct StoredMessage {
    path: PathBuf,
    text: Vec<u8>,
}

impl MessageStore {
    /// Keeps at most `max` messages in a folder, which is created if need be.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn create(folder: &Path, max: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), max, started: Arc::default() })
    }

    /// Begins a message to a provider; `None` if there are enough.
    pub(super) fn begin(&self, provider: &str, from: &str, to: &[String]) -> Option<StoredMessage> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        if number >= self.max {
            return None;
        }
        let mut text = format!("X-Envelope-From: <{from}>\r\n").into_bytes();
        for to in to {
            text.extend_from_slice(format!("X-Envelope-To: <{to}>\r\n").as_bytes());
        }
        Some(StoredMessage { path: self.folder.join(provider).join(format!("{:06}.eml", number + 1)), text })
    }
}

impl StoredMessage {
    pub(super) fn add(&mut self, piece: &[u8]) {
        let room = BYTES_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// Writes the file. A message that cannot be written is lost, and the session goes on.
    pub(super) async fn write(self) {
        let _ = tokio::task::spawn_blocking(move || {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).and_then(|()| fs::write(&self.path, &self.text))
        })
        .await;
    }
}
