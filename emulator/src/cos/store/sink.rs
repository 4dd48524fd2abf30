//! Incoming bytes: counted, hashed and stored, in bounded memory when there is a directory.
//!
//! # Guarantees
//!
//! Unfinished bytes are not kept. What fits into one chunk is hashed where it is received and
//! needs no other thread; a larger body has a thread that hashes and, with a directory, one that
//! writes.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::blob::{Blob, Budget, Share};
use super::chunk::{CHUNK_BYTES, Chunk, Spare};
use super::content::{Content, Written};
use super::disk::Disk;
use super::worker::Worker;
use crate::cos::checksum::{Checksums, Hasher};

/// Stores incoming bytes.
pub(crate) struct Sink {
    chunk: Chunk,
    length: u64,
    spare: Arc<Spare>,
    hash: Hash,
    target: Target,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each body, and most are hashed here"
)]
enum Hash {
    Here(Hasher),
    Thread(Worker<Checksums>),
}

enum Target {
    Memory {
        chunks: Vec<Bytes>,
        budget: Arc<Budget>,
        share: Share,
    },
    File {
        disk: Arc<Disk>,
        /// Started with the second chunk. A single one is written with its record.
        writer: Option<Worker<Arc<Blob>>>,
    },
}

impl Sink {
    pub(super) fn to_memory(budget: &Arc<Budget>, spare: &Arc<Spare>) -> Self {
        let (budget, share) = (Arc::clone(budget), budget.share());
        Self::new(Target::Memory { chunks: Vec::new(), budget, share }, spare)
    }

    pub(super) fn to_file(disk: &Arc<Disk>, spare: &Arc<Spare>) -> Self {
        Self::new(Target::File { disk: Arc::clone(disk), writer: None }, spare)
    }

    fn new(target: Target, spare: &Arc<Spare>) -> Self {
        Self {
            chunk: Chunk::with_capacity(0),
            length: 0,
            spare: Arc::clone(spare),
            hash: Hash::Here(Hasher::new()),
            target,
        }
    }

    /// Prepares for a body of so many bytes, which may turn out to be wrong.
    pub(crate) fn prepare(&mut self, bytes: u64) -> io::Result<()> {
        self.chunk = match usize::try_from(bytes) {
            Ok(bytes) if bytes <= CHUNK_BYTES => Chunk::with_capacity(bytes),
            Ok(_) | Err(_) => Chunk::mapped(&self.spare)?,
        };
        Ok(())
    }

    /// The number of bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Target::Memory { budget, share, .. } = &mut self.target {
            budget
                .take(share, bytes.len())
                .map_err(|full| io::Error::new(io::ErrorKind::OutOfMemory, full))?;
        }
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        // Copied, since a received chunk keeps its whole network buffer alive.
        let mut rest = self.chunk.fill(bytes);
        while !rest.is_empty() {
            let next = Chunk::mapped(&self.spare)?;
            let full = std::mem::replace(&mut self.chunk, next).freeze();
            self.pass_on(full).await?;
            rest = self.chunk.fill(rest);
        }
        Ok(())
    }

    /// Hashes and stores a chunk that is followed by others.
    async fn pass_on(&mut self, chunk: Bytes) -> io::Result<()> {
        if let Hash::Here(hasher) = &mut self.hash {
            let mut hasher = std::mem::replace(hasher, Hasher::new());
            self.hash = Hash::Thread(Worker::start(move |chunks| {
                chunks.for_each(|chunk| hasher.update(&chunk));
                Ok(hasher.finish())
            }));
        }
        if let Hash::Thread(worker) = &mut self.hash {
            worker.send(chunk.clone()).await?;
        }
        match &mut self.target {
            Target::Memory { chunks, .. } => chunks.push(chunk),
            Target::File { disk, writer } => {
                let writer = writer.get_or_insert_with(|| {
                    let disk = Arc::clone(disk);
                    Worker::start(move |chunks| disk.write_blob(chunks))
                });
                writer.send(chunk).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn finish(self) -> io::Result<Written> {
        let last = self.chunk.freeze();
        let hash = match self.hash {
            Hash::Here(mut hasher) => {
                hasher.update(&last);
                Hash::Here(hasher)
            }
            Hash::Thread(mut worker) => {
                worker.send(last.clone()).await?;
                Hash::Thread(worker)
            }
        };
        let blob = match self.target {
            Target::Memory { mut chunks, share, .. } => {
                chunks.push(last);
                Arc::new(Blob::in_memory(chunks, Some(share)))
            }
            Target::File { writer: Some(mut writer), .. } => {
                writer.send(last).await?;
                writer.finish().await?
            }
            Target::File { writer: None, .. } => Arc::new(Blob::in_memory(vec![last], None)),
        };
        let checksums = match hash {
            Hash::Here(hasher) => hasher.finish(),
            Hash::Thread(worker) => worker.finish().await?,
        };
        Ok(Written { content: Content::whole(blob, checksums.length), checksums })
    }
}
