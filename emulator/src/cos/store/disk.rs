//! A directory of one process.
//!
//! ```text
//! DIR/lock         locked by the process that uses DIR
//! DIR/log          every change, and the bytes of small objects
//! DIR/blobs/<id>   bytes; without a record it is garbage of a crash, deleted at the start
//! ```

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::blob::Blob;
use super::content::Content;
use super::files::Files;
use super::index::Index;
use super::load;
use super::log::{Frame, Log};
use crate::sync::lock;

/// A directory that only this process uses.
pub(super) struct Disk {
    blobs: Arc<Path>,
    files: Files,
    /// Required for every change, with the lock of the directory.
    log: Mutex<Option<(Log, File)>>,
}

impl Disk {
    /// Opens or creates a directory, and reads what it contains.
    pub(super) fn open(directory: &Path, files: Files) -> io::Result<(Self, Index)> {
        refuse_foreign(directory)?;
        let blobs: Arc<Path> = directory.join("blobs").into();
        fs::create_dir_all(&blobs)?;
        let locked = File::create(directory.join(LOCK))?;
        locked.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this directory")
            }
            fs::TryLockError::Error(error) => error,
        })?;
        files.settle_directory(directory)?;
        let (mut log, index) = load::load(&directory.join("log"), &blobs, &files)?;
        if log.is_due() {
            log.compact(&files, index.records());
        }
        Ok((Self { blobs, files, log: Mutex::new(Some((log, locked))) }, index))
    }

    /// Unlocks the directory. Later changes fail.
    pub(super) fn close(&self) {
        lock(&self.log).take();
    }

    /// Writes a blob, which is garbage until a record refers to it.
    pub(super) fn write_blob(&self, chunks: impl Iterator<Item = Bytes>) -> io::Result<Arc<Blob>> {
        lock(&self.log).as_ref().ok_or_else(stopped)?;
        let id = hex::encode(rand::random::<[u8; 16]>());
        let path = self.blobs.join(&id);
        let file = self.files.system.create(&path)?;
        let blob = Arc::new(Blob::in_file(&self.blobs, id));
        let mut length = 0_u64;
        for chunk in chunks {
            self.files.system.write(&file, &path, &chunk, length)?;
            length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        }
        self.files.settle(&file, &path)?;
        self.files.settle_directory(&self.blobs)?;
        Ok(blob)
    }

    /// Moves what is in memory to a file, unless it is small enough for the log.
    pub(super) fn settle(&self, content: &mut Content) -> io::Result<()> {
        let length = content.in_memory().map(|bytes| bytes.len()).fold(0, usize::saturating_add);
        if length <= MAX_BYTES_IN_LOG {
            return Ok(());
        }
        let blob = self.write_blob(content.in_memory())?;
        let mut start = 0_u64;
        for segment in content.segments.iter_mut().filter(|one| one.blob.path().is_none()) {
            (segment.blob, segment.start) = (Arc::clone(&blob), start);
            start = start.saturating_add(segment.length);
        }
        Ok(())
    }

    /// Makes a change durable. `index` is that of the changes before it.
    pub(super) fn append<I: std::ops::Deref<Target = Index>>(
        &self,
        change: Frame,
        index: impl FnOnce() -> I,
    ) -> io::Result<()> {
        let mut log = lock(&self.log);
        let (log, _) = log.as_mut().ok_or_else(stopped)?;
        if log.is_due() {
            log.compact(&self.files, index().records());
        }
        log.append(&self.files, change)
    }
}

#[cfg(test)]
impl Disk {
    pub(super) fn compact(&self, index: &Index) {
        let mut log = lock(&self.log);
        log.as_mut().unwrap().0.compact(&self.files, index.records());
    }
}

fn stopped() -> io::Error {
    io::Error::other("the emulator has stopped")
}

/// Files in the directory may be deleted, so it must belong to the emulator.
fn refuse_foreign(directory: &Path) -> io::Result<()> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let problem = if entries.next().is_some() && !directory.join(LOCK).exists() {
        "the directory contains other files: choose an empty or a new directory"
    } else if directory.join("records").exists() {
        "the directory was written by an earlier version, which this one does not read: choose \
         another directory, or delete this one and store its objects again"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, problem))
}

const LOCK: &str = "lock";

/// They are in memory, too.
const MAX_BYTES_IN_LOG: usize = 4096;
