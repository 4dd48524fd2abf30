//! The calls that change files, and the syncs that a durability adds to them.
//!
//! # Guarantees
//!
//! With [`Durability::Power`], the log is synced before a change is visible, and before the next
//! one is written; before that the data file of a large object, and its directory. A log is synced
//! before it takes the place of another, and its directory before the next change. With
//! [`Durability::Process`] nothing is synced: pages that were written outlive the process.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What stored objects survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, `kill -9` too.
    #[default]
    Process,
    /// The end of the machine: files and directories are synced, in the right order.
    Power,
}

/// The calls of the system, so that a test can record their order.
pub(crate) trait FileSystem: Send + Sync {
    /// Creates a file that does not exist.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create_new(path)
    }

    fn write(&self, file: &File, _path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn truncate(&self, file: &File, _path: &Path, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&self, file: &File, _path: &Path) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Makes new and renamed names in `directory` durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

/// The calls themselves.
pub(crate) struct Native;

impl FileSystem for Native {}

/// Files of one durability.
pub(super) struct Files {
    pub(super) system: Box<dyn FileSystem>,
    pub(super) durability: Durability,
}

impl Files {
    /// Makes the content of a new file as durable as it has to be.
    pub(super) fn settle(&self, file: &File, path: &Path) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.system.sync(file, path),
        }
    }

    /// The same of the names in a directory.
    pub(super) fn settle_directory(&self, directory: &Path) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.system.sync_directory(directory),
        }
    }
}
