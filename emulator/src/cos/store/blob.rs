//! Immutable bytes.
//!
//! # Guarantees
//!
//! A blob without a record is deleted with its last reader, file or memory. A blob with a record
//! stays, even when the process ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

/// A run of bytes.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(super) storage: Storage,
    /// The number of records that refer to it.
    records: AtomicUsize,
}

#[derive(Debug)]
pub(super) enum Storage {
    /// A file of the directory, by its name.
    File { directory: Arc<Path>, id: String },
    /// Of a store in memory; or of a small object in a directory, whose record has the bytes too.
    Memory {
        chunks: Vec<Bytes>,
        #[expect(dead_code, reason = "returns its bytes to the budget when the blob is dropped")]
        share: Option<Share>,
    },
}

impl Blob {
    pub(super) fn in_file(directory: &Arc<Path>, id: String) -> Self {
        Self::new(Storage::File { directory: Arc::clone(directory), id })
    }

    pub(super) fn in_memory(chunks: Vec<Bytes>, share: Option<Share>) -> Self {
        Self::new(Storage::Memory { chunks, share })
    }

    fn new(storage: Storage) -> Self {
        Self { storage, records: AtomicUsize::new(0) }
    }

    /// The name of its file, if it has one.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.storage {
            Storage::File { id, .. } => Some(id),
            Storage::Memory { .. } => None,
        }
    }

    /// Its file, if it has one.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match &self.storage {
            Storage::File { directory, id } => Some(directory.join(id)),
            Storage::Memory { .. } => None,
        }
    }

    pub(super) fn link(&self) {
        self.records.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn unlink(&self) {
        self.records.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let (Some(path), 0) = (self.path(), self.records.load(Ordering::SeqCst)) {
            // A file that remains is deleted at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// The memory of all blobs.
#[derive(Debug)]
pub(super) struct Budget {
    limit_bytes: u64,
    left_bytes: AtomicU64,
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "objects in memory have reached their limit of {} MB: raise --cos-memory, or keep them in a \
     directory with --data",
    limit_bytes / 1_000_000
)]
pub(super) struct OutOfMemory {
    limit_bytes: u64,
}

impl Budget {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, left_bytes: AtomicU64::new(limit_bytes) }
    }

    /// Moves `bytes` into `share`.
    pub(super) fn take(&self, share: &mut Share, bytes: usize) -> Result<(), OutOfMemory> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left_bytes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(bytes))
            .map_err(|_| OutOfMemory { limit_bytes: self.limit_bytes })?;
        share.bytes = share.bytes.saturating_add(bytes);
        Ok(())
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { bytes: 0, budget: Arc::clone(self) }
    }
}

/// The part of the budget that one blob uses.
#[derive(Debug)]
pub(super) struct Share {
    bytes: u64,
    budget: Arc<Budget>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left_bytes.fetch_add(self.bytes, Ordering::SeqCst);
    }
}
