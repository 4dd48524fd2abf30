//! Records and blobs in a directory.
//!
//! ```text
//! DIR/lock            locked by the process that uses DIR
//! DIR/blobs/<id>      bytes; without a record it is garbage of a crash, deleted at the start
//! DIR/records/<hash>  JSON, and the bytes of a small object after it; written to a temporary file
//!                     and renamed
//! ```
//!
//! # Guarantees
//!
//! After a crash each record is the old one or the new one. An inconsistent directory is an error
//! at the start, never half a store.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::blob::Blob;
use super::content::Content;
use super::files::Files;
use super::record::Record;

/// A directory that only this process uses.
pub(super) struct Disk {
    pub(super) blobs: Arc<Path>,
    pub(super) records: PathBuf,
    files: Files,
    /// Records written so far, for the names of temporary files.
    staged: AtomicU64,
    /// Required for every change.
    lock: Mutex<Option<File>>,
}

/// A record that is written, under a temporary name. Dropped, it is deleted.
pub(super) struct Staged<'d> {
    disk: &'d Disk,
    temporary: PathBuf,
    path: PathBuf,
}

impl Disk {
    pub(super) fn open(directory: &Path, files: Files) -> io::Result<Self> {
        refuse_foreign(directory)?;
        let (blobs, records) = (directory.join("blobs"), directory.join("records"));
        fs::create_dir_all(&blobs)?;
        fs::create_dir_all(&records)?;
        let lock = File::create(directory.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another process uses this directory")
            }
            fs::TryLockError::Error(error) => error,
        })?;
        files.settle_directory(directory)?;
        let (staged, lock) = (AtomicU64::new(0), Mutex::new(Some(lock)));
        Ok(Self { blobs: blobs.into(), records, files, staged, lock })
    }

    /// Unlocks the directory. Later changes fail.
    pub(super) fn close(&self) {
        crate::sync::lock(&self.lock).take();
    }

    fn check_open(&self) -> io::Result<()> {
        match crate::sync::lock(&self.lock).as_ref() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the emulator has stopped")),
        }
    }

    /// Writes a blob, which is garbage until a record refers to it.
    pub(super) fn write_blob(&self, chunks: impl Iterator<Item = Bytes>) -> io::Result<Arc<Blob>> {
        self.check_open()?;
        let id = hex::encode(rand::random::<[u8; 16]>());
        let path = self.blobs.join(&id);
        let mut file = self.files.system.create(&path)?;
        let blob = Arc::new(Blob::in_file(&self.blobs, id));
        for chunk in chunks {
            self.files.system.write(&mut file, &path, &chunk)?;
        }
        self.files.settle(&file, &path)?;
        self.files.settle_directory(&self.blobs)?;
        Ok(blob)
    }

    /// Moves what is in memory to a file, unless it is small enough for a record.
    pub(super) fn settle(&self, content: &mut Content) -> io::Result<()> {
        let length = content.in_memory().map(|bytes| bytes.len()).fold(0, usize::saturating_add);
        if length <= MAX_BYTES_IN_RECORD {
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

    /// Writes a record, with the bytes of `content` that are in memory.
    pub(super) fn stage(&self, record: &Record, content: &Content) -> io::Result<Staged<'_>> {
        self.check_open()?;
        let mut bytes = serde_json::to_vec(record)?;
        for (number, piece) in content.in_memory().enumerate() {
            if number == 0 {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(&piece);
        }
        let number = self.staged.fetch_add(1, Ordering::Relaxed);
        let temporary = self.records.join(number.to_string()).with_extension(UNFINISHED);
        let mut file = self.files.system.create(&temporary)?;
        let staged = Staged { disk: self, path: self.records.join(record.file_name()), temporary };
        self.files.system.write(&mut file, &staged.temporary, &bytes)?;
        self.files.settle(&file, &staged.temporary)?;
        Ok(staged)
    }

    /// Removes the records with these names; missing ones are ignored.
    pub(super) fn remove(&self, names: &[String]) -> io::Result<()> {
        self.check_open()?;
        for name in names {
            match self.files.system.remove(&self.records.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.files.settle_directory(&self.records)
    }
}

impl Staged<'_> {
    /// Puts the record in place of the one with the same name.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.disk.check_open()?;
        self.disk.files.system.rename(&self.temporary, &self.path)?;
        self.temporary = PathBuf::new();
        self.disk.files.settle_directory(&self.disk.records)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.temporary.as_os_str().is_empty() {
            // A file that remains is deleted at the next start.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Files in the directory may be deleted, so it must belong to the emulator.
fn refuse_foreign(directory: &Path) -> io::Result<()> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if entries.next().is_some() && !directory.join(LOCK).exists() {
        return Err(io::Error::new(
            io::ErrorKind::DirectoryNotEmpty,
            "the directory contains other files: choose an empty or a new directory",
        ));
    }
    Ok(())
}

const LOCK: &str = "lock";
pub(super) const UNFINISHED: &str = "unfinished";

/// With its JSON, such a record fits into two blocks of a disk. The bytes are in memory, too.
pub(super) const MAX_BYTES_IN_RECORD: usize = 4096;
