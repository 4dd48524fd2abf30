//! An object's bytes: slices of blobs, concatenated.
//!
//! # Guarantees
//!
//! Completing an upload, copying and appending move no bytes. A body reads as fast as its reader,
//! in bounded memory, and fails when a file is shorter than recorded.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;

use super::blob::{Blob, Storage};
use super::chunk::CHUNK_BYTES;
use crate::cos::checksum::Checksums;
use crate::cos::http::byte_range::ByteRange;
use crate::net::Body;

/// Bytes in several blobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(super) segments: Vec<Segment>,
}

/// A slice of one blob.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(super) blob: Arc<Blob>,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// Stored bytes and their checksums.
pub(crate) struct Written {
    pub(crate) content: Content,
    pub(crate) checksums: Checksums,
}

impl Content {
    /// All of one blob.
    pub(super) fn whole(blob: Arc<Blob>, length: u64) -> Self {
        let segment = Segment { blob, start: 0, length };
        Self { segments: Some(segment).filter(|_| length > 0).into_iter().collect() }
    }

    /// The number of slices.
    pub(crate) fn pieces(&self) -> usize {
        self.segments.len()
    }

    /// Its share of the store's capacity: its slices, at least one.
    pub(super) fn weight(&self) -> usize {
        self.segments.len().max(1)
    }

    /// Appends `other`.
    pub(crate) fn append(&mut self, other: &Self) {
        self.segments.extend(other.segments.iter().cloned());
    }

    /// The bytes in `range`.
    pub(crate) fn slice(&self, range: ByteRange) -> Self {
        let mut segments = Vec::new();
        let mut begin = 0_u64;
        for segment in &self.segments {
            let end = begin.saturating_add(segment.length);
            let from = range.start.max(begin);
            let to = range.end.min(end);
            if from < to {
                segments.push(Segment {
                    blob: Arc::clone(&segment.blob),
                    start: segment.start.saturating_add(from.saturating_sub(begin)),
                    length: to.saturating_sub(from),
                });
            }
            begin = end;
        }
        Self { segments }
    }

    /// The files of its blobs.
    #[cfg(test)]
    pub(crate) fn blob_ids(&self) -> Vec<String> {
        self.segments.iter().filter_map(|segment| segment.blob.id()).map(str::to_owned).collect()
    }

    /// Adds a record that refers to it.
    pub(super) fn link(&self) {
        for segment in &self.segments {
            segment.blob.link();
        }
    }

    /// Removes a record that refers to it.
    pub(super) fn unlink(&self) {
        for segment in &self.segments {
            segment.blob.unlink();
        }
    }

    /// Checks that the files are as long as the segments.
    pub(super) fn check_files(&self) -> io::Result<()> {
        for segment in &self.segments {
            if let Some(path) = segment.blob.path() {
                let end = segment.start.saturating_add(segment.length);
                let named = |problem: &dyn std::fmt::Display| {
                    io::Error::other(format!("{}: {problem}", path.display()))
                };
                if std::fs::metadata(&path).map_err(|error| named(&error))?.len() < end {
                    return Err(named(&"it is too short"));
                }
            }
        }
        Ok(())
    }

    /// Its segments in memory, as pieces of chunks.
    pub(super) fn in_memory(&self) -> impl Iterator<Item = Bytes> {
        self.segments.iter().flat_map(Segment::in_memory)
    }

    /// The bytes as the body of a response.
    pub(crate) fn into_body(self) -> Body {
        let frames = stream::try_unfold(Reader::new(self), |mut reader| async move {
            let chunk = reader.next().await?;
            Ok(chunk.map(|chunk| (Frame::data(chunk), reader)))
        });
        StreamBody::new(frames).boxed()
    }

    /// Reads the bytes one chunk at a time.
    pub(crate) fn reader(self) -> Reader {
        Reader::new(self)
    }
}

impl Segment {
    /// Its bytes, if they are in memory.
    pub(super) fn in_memory(&self) -> impl Iterator<Item = Bytes> {
        let (mut start, mut length) = (self.start, self.length);
        std::iter::from_fn(move || match &self.blob.storage {
            Storage::Memory { chunks, .. } if length > 0 => {
                let chunk = from_memory(chunks, start, length);
                let taken = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                (start, length) = (start.saturating_add(taken), length.saturating_sub(taken));
                Some(chunk).filter(|chunk| !chunk.is_empty())
            }
            Storage::Memory { .. } | Storage::File { .. } => None,
        })
    }
}

/// Reads content.
pub(crate) struct Reader {
    segments: VecDeque<Segment>,
    /// The file of the first segment.
    file: Option<File>,
}

impl Reader {
    fn new(content: Content) -> Self {
        Self { segments: content.segments.into(), file: None }
    }

    /// The next chunk; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(segment) = self.segments.front_mut() else {
            return Ok(None);
        };
        let chunk = match &segment.blob.storage {
            Storage::Memory { chunks, .. } => from_memory(chunks, segment.start, segment.length),
            Storage::File { .. } => {
                let (file, chunk) = from_file(segment.clone(), self.file.take()).await?;
                self.file = Some(file);
                chunk
            }
        };
        let read = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        segment.start = segment.start.saturating_add(read);
        segment.length = segment.length.saturating_sub(read);
        if segment.length == 0 {
            self.segments.pop_front();
            self.file = None;
        }
        Ok(Some(chunk))
    }
}

/// The first chunk's bytes from `start` on, at most `limit`.
fn from_memory(chunks: &[Bytes], start: u64, limit: u64) -> Bytes {
    let mut start = usize::try_from(start).unwrap_or(usize::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    for chunk in chunks {
        match chunk.len().checked_sub(start) {
            Some(left) if left > 0 => {
                let end = start.saturating_add(left.min(limit));
                return chunk.slice(start..end);
            }
            _ => start = start.saturating_sub(chunk.len()),
        }
    }
    Bytes::new()
}

/// The next bytes of a segment, by one trip to a thread that may wait for the disk.
async fn from_file(segment: Segment, file: Option<File>) -> io::Result<(File, Bytes)> {
    let read = move || {
        let file = match (file, segment.blob.path()) {
            (Some(file), _) => file,
            (None, Some(path)) => File::open(path)?,
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let length =
            usize::try_from(segment.length).map_or(CHUNK_BYTES, |all| all.min(CHUNK_BYTES));
        let mut bytes = vec![0; length];
        let read = file.read_at(&mut bytes, segment.start)?;
        bytes.truncate(read);
        Ok((file, Bytes::from(bytes)))
    };
    tokio::task::spawn_blocking(read).await?
}
