//! Buckets, objects and uploads of this cloud, in memory or in a directory.
//!
//! | file | what it does |
//! |---|---|
//! | `blob` | bytes that never change, and files that go away with the last one who needs them |
//! | `sink` | bytes coming in, on their way to a blob |
//! | `content` | an object's bytes as slices of blobs, and as the body of an answer |
//! | `index` | what there is, in the order of lists |
//! | `record` | the same on disk: one small file for each bucket, object, upload and part |
//! | `disk`, `load` | files that are there whole or not at all, and how they are read again |
//! | `write`, `uploads` | the changes |
//!
//! Promises: a change is made on disk first, then shown; each change is one rename or one unlink, so after a crash it has happened or
//! it has not. Writers go one after the other, so that a condition still holds when the change is made; readers never wait for
//! a disk. What an answer is still sending stays, whoever deletes it meanwhile.
//! Leaves out: who may do it.

mod blob;
mod content;
mod disk;
mod index;
mod load;
mod record;
mod sink;
mod uploads;
mod write;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use self::blob::Budget;
pub(crate) use self::content::Content;
use self::disk::Disk;
pub(crate) use self::index::{Index, Object};
pub(crate) use self::record::{Initiated, ObjectMetadata};
pub(crate) use self::sink::{Sink, Written};

/// Everything that is stored.
pub(crate) struct Store {
    index: RwLock<Index>,
    /// Held for the whole of a change, disk included.
    changing: Mutex<()>,
    disk: Option<Disk>,
    budget: Arc<Budget>,
}

impl Store {
    /// An empty store in memory.
    pub(crate) fn in_memory() -> Self {
        Self {
            index: RwLock::default(),
            changing: Mutex::default(),
            disk: None,
            budget: Arc::new(Budget::new(MAX_MEMORY_BYTES)),
        }
    }

    /// The store in `directory`, which is made when it is missing.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let disk = Disk::open(directory)?;
        let index = disk.load()?;
        Ok(Self {
            index: RwLock::new(index),
            changing: Mutex::default(),
            disk: Some(disk),
            budget: Arc::new(Budget::new(MAX_MEMORY_BYTES)),
        })
    }

    /// Looks at what there is. Not to be held over anything that waits.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for bytes to come.
    pub(crate) fn sink(&self) -> Sink {
        match &self.disk {
            Some(disk) => Sink::to_file(disk.blobs()),
            None => Sink::to_memory(Arc::clone(&self.budget)),
        }
    }

    /// Ends what is being written and leaves the directory to others, while answers may still be reading.
    pub(crate) fn close(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What objects in memory may take together; beyond it, a write fails with the advice to keep them in a directory.
const MAX_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
