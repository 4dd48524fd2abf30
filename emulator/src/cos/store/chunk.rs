//! The memory that incoming bytes are gathered in.
//!
//! # Guarantees
//!
//! A body over one chunk lies in mappings of its own, so its memory is given back when it is
//! deleted, whatever the allocator keeps. A few of them are kept for the next body.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use memmap2::MmapMut;

use crate::sync::lock;

/// At most this many bytes are gathered before they are passed on.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// Mappings for the next bodies.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<MmapMut>>);

/// Bytes that are gathered, at most [`CHUNK_BYTES`].
pub(super) enum Chunk {
    /// As large as it is.
    Grown(Vec<u8>),
    Mapped(Mapped),
}

/// The beginning of a mapping.
pub(super) struct Mapped {
    /// `None` once it is dropped.
    map: Option<MmapMut>,
    filled: usize,
    spare: Arc<Spare>,
}

impl Chunk {
    /// An empty chunk for a body of so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self::Grown(Vec::with_capacity(bytes.min(CHUNK_BYTES)))
    }

    /// An empty chunk in a mapping.
    pub(super) fn mapped(spare: &Arc<Spare>) -> std::io::Result<Self> {
        let kept = lock(&spare.0).pop();
        let map = kept.map_or_else(|| MmapMut::map_anon(CHUNK_BYTES), Ok)?;
        Ok(Self::Mapped(Mapped { map: Some(map), filled: 0, spare: Arc::clone(spare) }))
    }

    /// Takes as many bytes as fit; returns the others.
    pub(super) fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let free = CHUNK_BYTES.saturating_sub(self.len());
        let (taken, rest) = bytes.split_at(free.min(bytes.len()));
        match self {
            Self::Grown(gathered) => gathered.extend_from_slice(taken),
            Self::Mapped(mapped) => mapped.extend(taken),
        }
        rest
    }

    fn len(&self) -> usize {
        match self {
            Self::Grown(gathered) => gathered.len(),
            Self::Mapped(mapped) => mapped.filled,
        }
    }

    pub(super) fn freeze(self) -> Bytes {
        match self {
            Self::Grown(gathered) => gathered.into(),
            Self::Mapped(mapped) => Bytes::from_owner(mapped),
        }
    }
}

impl Mapped {
    fn extend(&mut self, bytes: &[u8]) {
        let end = self.filled.saturating_add(bytes.len());
        let map = self.map.as_deref_mut().and_then(|map| map.get_mut(self.filled..end));
        if let Some(free) = map {
            free.copy_from_slice(bytes);
            self.filled = end;
        }
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.map.as_deref().and_then(|map| map.get(..self.filled)).unwrap_or_default()
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        let mut spare = lock(&self.spare.0);
        if spare.len() < MAX_SPARE {
            spare.extend(self.map.take());
        }
    }
}

/// 4 MB.
const MAX_SPARE: usize = 16;
