//! Immutable bytes.
//!
//! # Guarantees
//!
//! A blob without a record is deleted with its last reader, file or memory. A blob with a record
//! stays, even when the process ends.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

/// A run of bytes with a name.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(super) id: String,
    pub(super) storage: Storage,
    /// The number of records that refer to it.
    records: AtomicUsize,
}

#[derive(Debug)]
pub(super) enum Storage {
    File(PathBuf),
    Memory {
        chunks: Vec<Bytes>,
        #[expect(dead_code, reason = "returns its bytes to the budget when the blob is dropped")]
        share: Share,
    },
}

impl Blob {
    pub(super) fn new(id: String, storage: Storage) -> Self {
        Self { id, storage, records: AtomicUsize::new(0) }
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
        if let (Storage::File(path), 0) = (&self.storage, self.records.load(Ordering::SeqCst)) {
            // A file that remains is deleted at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// The memory of all blobs.
#[derive(Debug)]
pub(crate) struct Budget {
    left_bytes: AtomicU64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left_bytes: AtomicU64::new(bytes) }
    }

    /// Moves `bytes` into `share`.
    pub(crate) fn take(self: &Arc<Self>, share: &mut Share, bytes: usize) -> io::Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.left_bytes
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(bytes))
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::OutOfMemory,
                    "objects in memory have reached their limit: keep them in a directory (--data)",
                )
            })?;
        share.bytes = share.bytes.saturating_add(bytes);
        Ok(())
    }

    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { bytes: 0, budget: Arc::clone(self) }
    }
}

/// The part of the budget that one blob uses.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: u64,
    budget: Arc<Budget>,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left_bytes.fetch_add(self.bytes, Ordering::SeqCst);
    }
}
