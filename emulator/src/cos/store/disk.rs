//! Records and blobs in a directory.
//!
//! ```text
//! DIR/lock            held by the process that uses DIR
//! DIR/blobs/<id>      bytes; one that no record names is rubbish of a crash, and swept at the start
//! DIR/records/<hash>  JSON; written beside, synced, renamed, and the directory synced
//! ```
//!
//! Promises: after a crash each record is the old one or the new one; a directory that does not fit together is an error at the
//! start, never half a store.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::record::Record;

/// A directory that is this process's alone.
pub(super) struct Disk {
    pub(super) blobs: PathBuf,
    pub(super) records: PathBuf,
    /// Nothing is written without it.
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
            fs::TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another process uses this directory",
            ),
            fs::TryLockError::Error(error) => error,
        })?;
        sync(directory)?;
        Ok(Self {
            blobs,
            records,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Leaves the directory to others. Nothing is written from then on.
    pub(super) fn close(&self) {
        crate::sync::lock(&self.lock).take();
    }

    fn check_open(&self) -> io::Result<()> {
        match crate::sync::lock(&self.lock).as_ref() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("this cloud has ended")),
        }
    }

    /// Where blobs are made.
    pub(super) fn blobs(&self) -> &Path {
        &self.blobs
    }

    /// Puts a record in place of the one of the same name, if there is one.
    pub(super) fn put(&self, record: &Record) -> io::Result<()> {
        self.check_open()?;
        let path = self.records.join(record.file_name());
        let beside = path.with_extension(UNFINISHED);
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        sync(&self.records)
    }

    /// Removes the records of these names, those that are there.
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

/// What is in the directory may be removed, so it has to be this cloud's own.
fn refuse_foreign(directory: &Path) -> io::Result<()> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if entries.next().is_some() && !directory.join(LOCK).exists() {
        return Err(io::Error::new(
            io::ErrorKind::DirectoryNotEmpty,
            "it holds files of somebody else: name an empty directory, or one that is not there yet",
        ));
    }
    Ok(())
}

/// Makes renames and new files in `directory` last.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

const LOCK: &str = "lock";
pub(super) const UNFINISHED: &str = "unfinished";
