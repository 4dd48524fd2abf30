//! An object's bytes: slices of blobs, concatenated.
//!
//! # Guarantees
//!
//! Completing an upload, copying and appending move no bytes. A body reads as fast as its reader,
//! in bounded memory, and fails when a file is shorter than recorded.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::blob::{Blob, Storage};
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

impl Content {
    /// All of one blob.
    pub(super) fn whole(blob: Option<Arc<Blob>>, length: u64) -> Self {
        let segments = blob.filter(|_| length > 0).map(|blob| Segment { blob, start: 0, length });
        Self { segments: segments.into_iter().collect() }
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
        let segments = self.segments.iter();
        segments.map(|segment| segment.blob.id.clone()).collect()
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

    /// Checks that the files are as long as the segments, and these as long as the object.
    pub(super) fn check(&self, length: u64) -> io::Result<()> {
        let mut total = 0_u64;
        for segment in &self.segments {
            total = total.saturating_add(segment.length);
            if let Storage::File(path) = &segment.blob.storage {
                let end = segment.start.saturating_add(segment.length);
                if std::fs::metadata(path)?.len() < end {
                    return Err(io::Error::other(format!("{} is too short", path.display())));
                }
            }
        }
        if total == length {
            Ok(())
        } else {
            Err(io::Error::other("the segments must be as long as the object"))
        }
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

/// Reads content.
pub(crate) struct Reader {
    segments: VecDeque<Segment>,
    /// The file of the first segment.
    file: Option<tokio::fs::File>,
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
            Storage::File(path) => {
                let file = match &mut self.file {
                    Some(file) => file,
                    None => {
                        let mut file = tokio::fs::File::open(path).await?;
                        file.seek(io::SeekFrom::Start(segment.start)).await?;
                        self.file.insert(file)
                    }
                };
                from_file(file, segment.length).await?
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

async fn from_file(file: &mut tokio::fs::File, limit: u64) -> io::Result<Bytes> {
    let capacity = usize::try_from(limit).map_or(CHUNK_BYTES, |limit| limit.min(CHUNK_BYTES));
    let mut buffer = BytesMut::with_capacity(capacity);
    file.take(limit.min(u64::try_from(capacity).unwrap_or(limit))).read_buf(&mut buffer).await?;
    Ok(buffer.freeze())
}

const CHUNK_BYTES: usize = 256 * 1024;
