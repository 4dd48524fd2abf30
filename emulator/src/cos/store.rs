//! Buckets, objects and uploads, in memory or in a directory.
//!
//! | file | content |
//! |---|---|
//! | `blob` | immutable bytes, and files that are deleted with their last user |
//! | `sink`, `chunk`, `worker` | incoming bytes on their way to a blob, their memory, their threads |
//! | `content` | an object's bytes as slices of blobs, and as the body of a response |
//! | `index` | buckets, objects and uploads in the order of lists |
//! | `version`, `versions` | the order and the ids of versions; those of one key |
//! | `record`, `log` | the changes, and the file to which each is appended |
//! | `disk`, `files`, `load` | the directory, what its files survive, and how they are read |
//! | `write`, `uploads`, `lifecycle` | the changes |
//! | `state` | all of it as one stream, and back |
//!
//! # Guarantees
//!
//! A change is made on disk first, then visible. Each change is one write to the log, so after a
//! crash it is complete or absent, and a start makes the same changes again. They are serialized,
//! so a precondition is still true when the change is made; the bytes of large objects are written
//! before. Readers never wait for a disk. A response that is being sent keeps its bytes, even when
//! the object is deleted meanwhile.
//!
//! # Not covered
//!
//! Authorization.

mod blob;
mod chunk;
mod content;
mod disk;
pub(in crate::cos) mod files;
mod index;
mod lifecycle;
mod load;
mod log;
mod record;
mod sink;
mod state;
mod uploads;
mod version;
mod versions;
mod worker;
mod write;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use self::blob::Budget;
use self::chunk::Spare;
pub(crate) use self::content::{Content, Written};
use self::disk::Disk;
pub use self::files::Durability;
use self::files::{FileSystem, Files, Native};
pub(crate) use self::index::{Bucket, Index, Object, Version};
pub(crate) use self::record::{Initiated, ObjectMetadata};
pub(crate) use self::sink::Sink;

/// Everything that is stored.
pub(crate) struct Store {
    index: RwLock<Index>,
    /// Locked while a change takes effect, on disk and in the index.
    changing: Mutex<()>,
    disk: Option<Arc<Disk>>,
    budget: Arc<Budget>,
    spare: Arc<Spare>,
    /// What a reset goes back to.
    initial: Mutex<Option<Index>>,
}

impl Store {
    /// An empty store in memory, with a limit for the bytes of all objects.
    pub(crate) fn in_memory(limit_bytes: u64) -> Self {
        Self::new(Index::default(), None, limit_bytes)
    }

    /// The store in `directory`, which is created if it does not exist.
    pub(crate) fn open(directory: &Path, durability: Durability) -> io::Result<Self> {
        Self::open_by(directory, durability, Box::new(Native))
    }

    /// The same by other calls of the system.
    pub(crate) fn open_by(
        directory: &Path,
        durability: Durability,
        system: Box<dyn FileSystem>,
    ) -> io::Result<Self> {
        let (disk, index) = Disk::open(directory, Files { system, durability })?;
        Ok(Self::new(index, Some(Arc::new(disk)), 0))
    }

    fn new(index: Index, disk: Option<Arc<Disk>>, limit_bytes: u64) -> Self {
        Self {
            index: RwLock::new(index),
            changing: Mutex::default(),
            disk,
            budget: Arc::new(Budget::new(limit_bytes)),
            spare: Arc::default(),
            initial: Mutex::default(),
        }
    }

    /// Whether a change may wait for a disk.
    pub(crate) fn has_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// Locks the index for reading. Do not hold it across an await.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sink for incoming bytes.
    pub(crate) fn sink(&self) -> Sink {
        match &self.disk {
            Some(disk) => Sink::to_file(disk, &self.spare),
            None => Sink::to_memory(&self.budget, &self.spare),
        }
    }

    /// Finishes the current change and unlocks the directory; responses may still be reading.
    pub(crate) fn close(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = &self.disk {
            disk.close();
        }
    }

    /// Writes the log again, as if it had doubled.
    #[cfg(test)]
    pub(crate) fn compact(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(disk) = &self.disk {
            disk.compact(&self.read());
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
