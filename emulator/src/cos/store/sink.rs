//! Incoming bytes: counted, hashed and stored, in bounded memory when there is a directory.
//!
//! # Guarantees
//!
//! Unfinished bytes are not kept. A finished file is on the disk before anything refers to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;

use super::blob::{Blob, Budget, Share, Storage};
use super::content::Content;
use crate::cos::checksum::{Checksums, Hasher};

/// Stores incoming bytes.
pub(crate) struct Sink {
    hasher: Hasher,
    target: Target,
}

/// Stored bytes and their checksums.
pub(crate) struct Written {
    pub(crate) content: Content,
    pub(crate) checksums: Checksums,
}

enum Target {
    Memory {
        chunks: Vec<Bytes>,
        gathered: BytesMut,
        budget: Arc<Budget>,
        share: Share,
    },
    File {
        directory: PathBuf,
        /// Created with the first byte; the blob deletes the file unless a record refers to it.
        open: Option<(Arc<Blob>, tokio::fs::File)>,
    },
}

impl Sink {
    pub(super) fn to_memory(budget: Arc<Budget>) -> Self {
        Self {
            hasher: Hasher::new(),
            target: Target::Memory {
                chunks: Vec::new(),
                gathered: BytesMut::new(),
                share: budget.share(),
                budget,
            },
        }
    }

    pub(super) fn to_file(directory: &Path) -> Self {
        Self {
            hasher: Hasher::new(),
            target: Target::File { directory: directory.to_owned(), open: None },
        }
    }

    /// The number of bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.hasher.length()
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.hasher.update(bytes);
        match &mut self.target {
            Target::Memory { chunks, gathered, budget, share } => {
                budget.take(share, bytes.len())?;
                // Copied, since a received chunk keeps its whole network buffer alive.
                gathered.extend_from_slice(bytes);
                if gathered.len() >= CHUNK_BYTES {
                    chunks.push(gathered.split().freeze());
                }
                Ok(())
            }
            Target::File { directory, open } => {
                let (_, file) = match open {
                    Some(open) => open,
                    None => open.insert(create(directory).await?),
                };
                file.write_all(bytes).await
            }
        }
    }

    pub(crate) async fn finish(self) -> io::Result<Written> {
        let checksums = self.hasher.finish();
        let blob = match self.target {
            Target::Memory { mut chunks, gathered, share, .. } => {
                if !gathered.is_empty() {
                    chunks.push(gathered.freeze());
                }
                Some(Arc::new(Blob::new(String::new(), Storage::Memory { chunks, share })))
            }
            Target::File { directory, open } => match open {
                Some((blob, mut file)) => {
                    file.flush().await?;
                    file.sync_all().await?;
                    tokio::fs::File::open(directory).await?.sync_all().await?;
                    Some(blob)
                }
                None => None,
            },
        };
        Ok(Written { content: Content::whole(blob, checksums.length), checksums })
    }
}

async fn create(directory: &Path) -> io::Result<(Arc<Blob>, tokio::fs::File)> {
    let id = hex::encode(rand::random::<[u8; 16]>());
    let path = directory.join(&id);
    let file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    let blob = Arc::new(Blob::new(id, Storage::File(path)));
    Ok((blob, tokio::fs::File::from_std(file)))
}

const CHUNK_BYTES: usize = 256 * 1024;
