//! Buckets, objects and uploads, in memory or in a directory.
//!
//! | file | content |
//! |---|---|
//! | `blob` | immutable bytes, and files that are deleted with their last user |
//! | `sink` | incoming bytes, on their way to a blob |
//! | `content` | an object's bytes as slices of blobs, and as the body of a response |
//! | `index` | buckets, objects and uploads in the order of lists |
//! | `record` | the same on disk: one small file for each bucket, object, upload and part |
//! | `version`, `versions` | the order and the ids of versions; those of one key |
//! | `disk`, `load` | atomic files, and how they are loaded |
//! | `write`, `uploads`, `lifecycle` | the changes |
//! | `state` | all of it as one stream, and back |
//!
//! # Guarantees
//!
//! A change is made on disk first, then visible. Each change is one rename or one unlink, so after
//! a crash it is complete or absent. Writers are serialized, so a precondition is still true
//! when the change is made; readers never wait for a disk. A response that is being sent keeps its
//! bytes, even when the object is deleted meanwhile.
//!
//! # Not covered
//!
//! Authorization.

mod blob;
mod content;
mod disk;
mod index;
mod lifecycle;
mod load;
mod record;
mod sink;
mod state;
mod uploads;
mod version;
mod versions;
mod write;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use self::blob::Budget;
pub(crate) use self::content::Content;
use self::disk::Disk;
pub(crate) use self::index::{Bucket, Index, Object, Version};
pub(crate) use self::record::{Initiated, ObjectMetadata};
pub(crate) use self::sink::{Sink, Written};

/// Everything that is stored.
pub(crate) struct Store {
    index: RwLock<Index>,
    /// Locked for a whole change, disk included.
    changing: Mutex<()>,
    disk: Option<Disk>,
    budget: Arc<Budget>,
    /// What a reset goes back to.
    initial: Mutex<Option<Index>>,
}

impl Store {
    /// An empty store in memory.
    pub(crate) fn in_memory() -> Self {
        Self::new(Index::default(), None)
    }

    /// The store in `directory`, which is created if it does not exist.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let disk = Disk::open(directory)?;
        Ok(Self::new(disk.load()?, Some(disk)))
    }

    fn new(index: Index, disk: Option<Disk>) -> Self {
        Self {
            index: RwLock::new(index),
            changing: Mutex::default(),
            disk,
            budget: Arc::new(Budget::new(MAX_MEMORY_BYTES)),
            initial: Mutex::default(),
        }
    }

    /// Locks the index for reading. Do not hold it across an await.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sink for incoming bytes.
    pub(crate) fn sink(&self) -> Sink {
        match &self.disk {
            Some(disk) => Sink::to_file(disk.blobs()),
            None => Sink::to_memory(Arc::clone(&self.budget)),
        }
    }

    /// Finishes the current change and unlocks the directory; responses may still be reading.
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

/// The memory of all objects; beyond it, a write fails and recommends a directory.
const MAX_MEMORY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
