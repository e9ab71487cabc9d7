//! Accepted messages kept as files: whole messages or none, a bounded number of them, no file overwritten.
//!
//! A message is written to a hidden `.part` file as it arrives and gets its name once it is accepted, so that a large
//! one costs no more memory than a small one, and a file named as a message is a whole one. Its process holds a lock on
//! a `.part` file: one without was left by a process that was killed, and the next store in the folder removes it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::message_buffer::{BufferedBytes, MessageBuffer};
use super::own_failure::own_failure;
use super::own_faults::{OwnFaultPoint, OwnFaults};
use crate::record::{OwnFailure, OwnFailures};
use crate::units::ProviderId;

/// A folder for messages, with a folder in it for each provider.
#[derive(Clone, Debug)]
pub struct MessageStore(Arc<SharedStore>);

#[derive(Debug)]
struct SharedStore {
    providers: Vec<ProviderFolder>,
    max: u64,
    kept: AtomicU64,
    buffered: BufferedBytes,
    faults: OwnFaults,
    trouble: Mutex<Trouble>,
}

#[derive(Debug)]
struct ProviderFolder {
    path: PathBuf,
    /// The number of the last file.
    last: AtomicU64,
}

/// What went wrong.
#[derive(Clone, Debug, Default)]
struct Trouble {
    failures: OwnFailures,
    lost: u64,
    first: Option<String>,
    longest_wait: Duration,
}

/// What a store has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMessages {
    /// Messages that were kept.
    pub kept: u64,
    /// Accepted messages that should have been kept and could not be written.
    pub lost: u64,
    /// Why, for the first of them.
    pub first_error: Option<String>,
    /// The same failures, by what was missing.
    pub failures: OwnFailures,
    /// The longest time for which a client had to wait for the disk, in wall-clock time.
    pub longest_wait: Duration,
}

/// The name of the file of a message that is being received: this, six letters or digits, and [`PART_SUFFIX`].
const PART_PREFIX: &str = ".mxlab-";
const PART_SUFFIX: &str = ".part";

/// Names that are tried for a message when other programs write into the same folder.
const NAMES_MAX: u32 = 100_000;

impl MessageStore {
    /// Keeps at most `max` messages in a folder, in a folder for each provider; they are created if need be. Numbers go
    /// on from those that are there.
    ///
    /// # Errors
    /// A folder cannot be created or read, or there is something else in its place, such as a link.
    pub fn create(folder: &Path, providers: &[&str], max: u64, faults: OwnFaults) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let providers = providers.iter().map(|name| ProviderFolder::open(folder.join(name)));
        Ok(Self(Arc::new(SharedStore {
            providers: providers.collect::<io::Result<_>>()?,
            max,
            kept: AtomicU64::new(0),
            buffered: BufferedBytes::default(),
            faults,
            trouble: Mutex::default(),
        })))
    }

    /// What it has done so far.
    pub fn summary(&self) -> KeptMessages {
        let Trouble { failures, lost, first, longest_wait } = self.0.trouble().clone();
        let kept = self.0.kept.load(Ordering::Relaxed);
        KeptMessages { kept, lost, first_error: first, failures, longest_wait }
    }

    /// Begins a message to a provider; `None` if there are enough.
    pub(super) fn begin(&self, site: ProviderId, from: &str, to: &[String]) -> Option<StoredMessage> {
        if self.0.kept.load(Ordering::Relaxed) >= self.0.max {
            return None;
        }
        let mut buffer = MessageBuffer::new(&self.0.buffered);
        buffer.add(format!("X-Envelope-From: <{from}>\r\n").as_bytes());
        for to in to {
            buffer.add(format!("X-Envelope-To: <{to}>\r\n").as_bytes());
        }
        Some(StoredMessage { store: self.clone(), site, buffer, written: Ok(None) })
    }
}

impl ProviderFolder {
    fn open(path: PathBuf) -> io::Result<Self> {
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Not through a link: it could lead anywhere.
                if !fs::symlink_metadata(&path)?.is_dir() {
                    let what = format!("{} is there and no folder", path.display());
                    return Err(io::Error::new(io::ErrorKind::NotADirectory, what));
                }
            }
            created => created?,
        }
        let mut last = 0;
        for entry in fs::read_dir(&path)? {
            let path = entry?.path();
            last = last.max(number(&path).unwrap_or(0));
            if is_part(&path) {
                remove_abandoned(&path)?;
            }
        }
        Ok(Self { path, last: AtomicU64::new(last) })
    }

    /// Gives a file the next free name. It is never the name of something that is there.
    fn name(&self, mut file: NamedTempFile) -> io::Result<()> {
        for _ in 0..NAMES_MAX {
            let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
            match file.persist_noclobber(self.path.join(format!("{number:06}.eml"))) {
                Ok(_) => return Ok(()),
                Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => file = failed.file,
                Err(failed) => return Err(failed.error),
            }
        }
        Err(others_write())
    }
}

fn others_write() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "other programs write into the same folder")
}

/// The number in the name of a kept message.
fn number(path: &Path) -> Option<u64> {
    if path.extension()? != "eml" {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

/// A new file for a message, locked as long as this process has it open, where the disk knows locks.
fn part_file(folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..NAMES_MAX {
        let file = tempfile::Builder::new().prefix(PART_PREFIX).suffix(PART_SUFFIX).tempfile_in(folder)?;
        // A store that is created between the two takes it for an abandoned one.
        if !matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock)) && file.path().exists() {
            return Ok(file);
        }
    }
    Err(others_write())
}

/// Whether a file is named as one of a message that is being received.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let middle = name.and_then(|name| name.strip_prefix(PART_PREFIX)?.strip_suffix(PART_SUFFIX));
    middle.is_some_and(|middle| middle.len() == 6 && middle.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Removes the file of a message that no process is receiving any more. Others may do the same at the same time.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let removed = || {
        // Not through a link, nor what would have to be waited for.
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(());
        }
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) => fs::remove_file(path),
            // It is being written, or the disk cannot tell.
            Err(_) => Ok(()),
        }
    };
    match removed() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

impl SharedStore {
    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An accepted message could not be kept.
    fn lose(&self, error: &io::Error) {
        let mut trouble = self.trouble();
        trouble.failures.add(own_failure(error).unwrap_or(OwnFailure::Disk));
        trouble.lost += 1;
        trouble.first.get_or_insert_with(|| error.to_string());
    }

    /// Writes a piece of a message, into a new file if it is the first.
    fn write(&self, site: ProviderId, file: Option<NamedTempFile>, piece: &[u8]) -> io::Result<NamedTempFile> {
        self.faults.check(OwnFaultPoint::Disk)?;
        let mut file = file.map_or_else(|| part_file(&self.providers[site.index()].path), Ok)?;
        file.write_all(piece)?;
        Ok(file)
    }

    /// Names an accepted message, unless others have filled the store meanwhile.
    fn keep(&self, site: ProviderId, file: NamedTempFile) -> io::Result<()> {
        let place = |kept| (kept < self.max).then_some(kept + 1);
        if self.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, place).is_err() {
            return Ok(());
        }
        let named = self.providers[site.index()].name(file);
        if named.is_err() {
            self.kept.fetch_sub(1, Ordering::Relaxed);
        }
        named
    }
}

/// A message that is being received. One that is dropped leaves nothing.
#[derive(Debug)]
pub(super) struct StoredMessage {
    store: MessageStore,
    site: ProviderId,
    /// What has arrived and is not written.
    buffer: MessageBuffer,
    /// The file, once there is one; or why there is none.
    written: io::Result<Option<NamedTempFile>>,
}

impl StoredMessage {
    /// Takes a piece of the message.
    pub(super) fn add(&mut self, piece: &[u8]) {
        if self.written.is_ok() {
            self.buffer.add(piece);
        }
    }

    /// Whether so much has arrived that it must be written before more does.
    pub(super) fn is_buffer_full(&self) -> bool {
        self.buffer.is_full()
    }

    /// Writes what has arrived. The client waits for it.
    pub(super) async fn write_buffer(&mut self) {
        let Ok(file) = &mut self.written else { return };
        let (file, piece) = (file.take(), self.buffer.take());
        let (shared, site, began) = (self.store.0.clone(), self.site, Instant::now());
        sleep(shared.faults.disk_delay()).await;
        let written = spawn_blocking(move || shared.write(site, file, &piece)).await;
        self.written = written.map_err(io::Error::other).flatten().map(Some);
        let longest = &mut self.store.0.trouble().longest_wait;
        *longest = (*longest).max(began.elapsed());
    }

    /// Keeps the message: it was accepted. One that cannot be kept is counted, and the session goes on.
    pub(super) async fn keep(mut self) {
        self.write_buffer().await;
        let Self { store, site, written, .. } = self;
        let shared = store.0.clone();
        let kept = match written {
            Ok(Some(file)) => spawn_blocking(move || shared.keep(site, file)).await.map_err(io::Error::other).flatten(),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            store.0.lose(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: ProviderId = ProviderId(0);

    fn store(folder: &Path, max: u64) -> MessageStore {
        MessageStore::create(folder, &["charter"], max, OwnFaults::default()).unwrap()
    }

    async fn receive(store: &MessageStore, body: &[u8]) -> Option<StoredMessage> {
        let mut message = store.begin(SITE, "a@b.example", &["x@charter.net".to_owned()])?;
        for piece in body.chunks(100_000) {
            message.add(piece);
            if message.is_buffer_full() {
                message.write_buffer().await;
            }
        }
        Some(message)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder.join("charter")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_message_is_kept_whole_once_it_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 10);
        let body = vec![b'x'; 3_000_000];
        let message = receive(&store, &body).await.unwrap();
        assert!(!message.is_buffer_full(), "the rest is on the disk");
        assert!(names(folder.path()).iter().all(|name| name.starts_with('.')), "no name before it is accepted");
        message.keep().await;
        assert_eq!(names(folder.path()), ["000001.eml"]);
        let text = fs::read(folder.path().join("charter/000001.eml")).unwrap();
        assert!(text.starts_with(b"X-Envelope-From: <a@b.example>\r\nX-Envelope-To: <x@charter.net>\r\nxxx"));
        assert!(text.ends_with(&body));
    }

    #[tokio::test]
    async fn what_is_not_accepted_leaves_nothing_and_takes_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 2);
        for _ in 0..5 {
            drop(receive(&store, &vec![b'x'; 1_000_000]).await);
        }
        assert!(names(folder.path()).is_empty());
        for _ in 0..3 {
            if let Some(message) = receive(&store, b"x").await {
                message.keep().await;
            }
        }
        assert_eq!(names(folder.path()), ["000001.eml", "000002.eml"]);
        assert_eq!((store.summary().kept, store.summary().lost), (2, 0));
    }

    #[tokio::test]
    async fn of_messages_that_end_at_once_no_more_are_kept_than_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 3);
        let mut arriving = Vec::new();
        for _ in 0..8 {
            arriving.push(receive(&store, b"x").await.unwrap());
        }
        for message in arriving {
            message.keep().await;
        }
        assert_eq!((names(folder.path()).len(), store.summary().kept), (3, 3));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_is_overwritten_and_no_link_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (store(folder.path(), 10), store(folder.path(), 10));
        let planted = elsewhere.path().join("planted");
        std::os::unix::fs::symlink(&planted, folder.path().join("charter/000002.eml")).unwrap();
        for store in [&first, &second, &first] {
            receive(store, b"x").await.unwrap().keep().await;
        }
        assert_eq!(names(folder.path()), ["000001.eml", "000002.eml", "000003.eml", "000004.eml"]);
        assert!(!planted.exists());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("yahoo")).unwrap();
        assert!(MessageStore::create(folder.path(), &["yahoo"], 1, OwnFaults::default()).is_err());
    }

    #[tokio::test]
    async fn what_a_killed_process_left_goes_and_what_another_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path(), 10);
        let arriving = receive(&first, &vec![b'x'; 200_000]).await.unwrap();
        let provider = folder.path().join("charter");
        fs::write(provider.join(".mxlab-Abc123.part"), "left").unwrap();
        for foreign in [".mxlab-Abc1234.part", "mxlab-Abc123.part", ".Abc123.part"] {
            let _ = fs::write(provider.join(foreign), "not ours");
        }
        assert_eq!(names(folder.path()).len(), 5);
        let _second = store(folder.path(), 10);
        let left = names(folder.path());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(!left.contains(&".mxlab-Abc123.part".to_owned()));
        arriving.keep().await;
        assert_eq!(first.summary().kept, 1, "what was arriving meanwhile is kept");
        assert!(names(folder.path()).contains(&"000001.eml".to_owned()));
    }

    #[tokio::test]
    async fn a_full_disk_is_counted_and_leaves_no_part_of_a_message() {
        let folder = tempfile::tempdir().unwrap();
        // A message has some seven writes.
        let faults = OwnFaults::new(1, &[(OwnFaultPoint::Disk, 0.1)]);
        let store = MessageStore::create(folder.path(), &["charter"], 100, faults).unwrap();
        for _ in 0..40 {
            receive(&store, &vec![b'x'; 600_000]).await.unwrap().keep().await;
        }
        let KeptMessages { kept, lost, first_error, failures, .. } = store.summary();
        assert_eq!(kept + lost, 40);
        assert!(kept > 0 && lost > 0, "{kept} {lost}");
        assert_eq!(names(folder.path()).len() as u64, kept);
        assert_eq!(failures.iter().collect::<Vec<_>>(), [(OwnFailure::Disk, lost)]);
        assert!(first_error.is_some());
    }
}
