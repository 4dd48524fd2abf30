//! Records and blobs in a directory.
//!
//! ```text
//! DIR/lock            locked by the process that uses DIR
//! DIR/blobs/<id>      bytes; without a record it is garbage of a crash, deleted at the start
//! DIR/records/<hash>  JSON; written to a temporary file, synced, renamed, and the directory synced
//! ```
//!
//! # Guarantees
//!
//! After a crash each record is the old one or the new one. An inconsistent directory is an error
//! at the start, never half a store.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::record::Record;

/// A directory that only this process uses.
pub(super) struct Disk {
    pub(super) blobs: PathBuf,
    pub(super) records: PathBuf,
    /// Required for every write.
    lock: Mutex<Option<File>>,
}

impl Disk {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
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
        sync(directory)?;
        Ok(Self { blobs, records, lock: Mutex::new(Some(lock)) })
    }

    /// Unlocks the directory. Later writes fail.
    pub(super) fn close(&self) {
        crate::sync::lock(&self.lock).take();
    }

    fn check_open(&self) -> io::Result<()> {
        match crate::sync::lock(&self.lock).as_ref() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the emulator has stopped")),
        }
    }

    /// The directory of blobs.
    pub(super) fn blobs(&self) -> &Path {
        &self.blobs
    }

    /// Writes a record, in place of one with the same name.
    pub(super) fn put(&self, record: &Record) -> io::Result<()> {
        self.check_open()?;
        let path = self.records.join(record.file_name());
        let temporary = path.with_extension(UNFINISHED);
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync(&self.records)
    }

    /// Removes the records with these names; missing ones are ignored.
    pub(super) fn remove(&self, names: &[String]) -> io::Result<()> {
        self.check_open()?;
        for name in names {
            match fs::remove_file(self.records.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        sync(&self.records)
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

/// Makes renames and new files in `directory` durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

const LOCK: &str = "lock";
pub(super) const UNFINISHED: &str = "unfinished";
