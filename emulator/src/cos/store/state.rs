//! All that is stored, as one stream of bytes: to keep it in a file, and to go back to it.
//!
//! ```text
//! {"cos-issuer-state":1,"clock":{…}}    what it is, and the clock of the cloud
//! {"bucket":{…}}                        a record, as in a directory
//! {"object":{…}}                        the same, then the bytes of the object and a line feed
//! {"end":2}                             the number of records
//! ```
//!
//! # Guarantees
//!
//! A stream that is cut, of another version, or that contains an object whose bytes are not those
//! of its checksum, changes nothing. There is no key in it.

use std::io;
use std::sync::PoisonError;
use std::vec;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use super::Store;
use super::content::{Content, Reader};
use super::index::Index;
use super::record::{ObjectMetadata, Record};
use crate::clock::ClockState;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Header {
    cos_issuer_state: u32,
    clock: ClockState,
}

/// Each line after it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Record(Box<Record>),
    End { end: usize },
}

/// Writes a state, a piece at a time.
pub(crate) struct StateWriter {
    header: Option<Header>,
    records: vec::IntoIter<(Record, Content)>,
    count: usize,
    /// The bytes of the record that was written last.
    content: Option<Reader>,
    is_complete: bool,
}

/// A state that was read, and is not in effect yet.
pub(crate) struct State {
    pub(crate) clock: ClockState,
    index: Index,
}

impl StateWriter {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(header) = self.header.take() {
            return line(&header).map(Some);
        }
        if let Some(content) = &mut self.content {
            if let Some(bytes) = content.next().await? {
                return Ok(Some(bytes));
            }
            self.content = None;
            return Ok(Some(Bytes::from_static(b"\n")));
        }
        if let Some((record, content)) = self.records.next() {
            let has_content = record.metadata().is_some();
            self.content = has_content.then(|| content.reader());
            return line(&record).map(Some);
        }
        if std::mem::replace(&mut self.is_complete, true) {
            return Ok(None);
        }
        line(&Line::End { end: self.count }).map(Some)
    }
}

impl Store {
    /// All that is stored at this moment.
    pub(crate) fn state(&self, clock: ClockState) -> StateWriter {
        let records: Vec<_> = self.read().records().collect();
        StateWriter {
            header: Some(Header { cos_issuer_state: VERSION, clock }),
            count: records.len(),
            records: records.into_iter(),
            content: None,
            is_complete: false,
        }
    }

    /// Reads a state. It takes effect with [`Store::replace`].
    pub(crate) async fn read_state(
        &self,
        mut from: impl AsyncBufRead + Send + Unpin,
    ) -> io::Result<State> {
        let header: Header = parsed(&mut from).await?;
        if header.cos_issuer_state != VERSION {
            return Err(bad("its version is not one that this program reads"));
        }
        let mut index = Index::default();
        let mut count = 0_usize;
        loop {
            let record = match parsed(&mut from).await? {
                Line::Record(record) => *record,
                Line::End { end } if end == count => break,
                Line::End { .. } => return Err(bad("it lacks records")),
            };
            count = count.saturating_add(1);
            let content = match record.metadata() {
                Some(metadata) => self.read_content(&mut from, metadata).await?,
                None => Content::default(),
            };
            index
                .apply(record, content)
                .ok_or_else(|| bad("a record names a bucket or an upload that it lacks"))?;
        }
        if !from.fill_buf().await?.is_empty() {
            return Err(bad("it goes on after its end"));
        }
        Ok(State { clock: header.clock, index })
    }

    async fn read_content(
        &self,
        from: &mut (impl AsyncBufRead + Send + Unpin),
        metadata: &ObjectMetadata,
    ) -> io::Result<Content> {
        let mut sink = self.sink();
        let mut left = metadata.length;
        while left > 0 {
            let buffer = from.fill_buf().await?;
            let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let bytes = buffer.get(..piece).filter(|bytes| !bytes.is_empty());
            sink.write(bytes.ok_or_else(|| bad("it is cut"))?).await?;
            from.consume(piece);
            left = left.saturating_sub(u64::try_from(piece).unwrap_or(u64::MAX));
        }
        if from.read_u8().await? != b'\n' {
            return Err(bad("the bytes of an object do not end where they should"));
        }
        let written = sink.finish().await?;
        if written.checksums.crc64 != metadata.crc64 {
            return Err(bad("the bytes of an object are not those of its checksum"));
        }
        Ok(written.content)
    }

    /// Puts a state in place of all that is stored.
    ///
    /// # Errors
    /// When the store is a directory, which is a state already.
    pub(crate) fn replace(&self, state: State) -> io::Result<()> {
        self.replace_index(state.index)
    }

    /// From now on, [`Store::reset`] goes back to what is stored now.
    pub(crate) fn keep_as_initial(&self) {
        if self.disk.is_some() {
            return;
        }
        let index = self.read().clone();
        *self.initial.lock().unwrap_or_else(PoisonError::into_inner) = Some(index);
    }

    /// Goes back to what was stored at the start.
    ///
    /// # Errors
    /// When the store is a directory, which is a state already.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let initial = self.initial.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.replace_index(initial.unwrap_or_default())
    }

    fn replace_index(&self, index: Index) -> io::Result<()> {
        if self.disk.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a directory has its own state",
            ));
        }
        let before = {
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *self.write(), index)
        };
        // Without the locks: many objects take a while.
        drop(before);
        Ok(())
    }
}

fn line(value: &impl Serialize) -> io::Result<Bytes> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text.into())
}

async fn parsed<T: for<'a> Deserialize<'a>>(
    from: &mut (impl AsyncBufRead + Send + Unpin),
) -> io::Result<T> {
    let mut text = Vec::new();
    from.take(MAX_LINE_BYTES).read_until(b'\n', &mut text).await?;
    serde_json::from_slice(&text).map_err(|error| bad(&error.to_string()))
}

fn bad(reason: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it is not the state of a cloud, or not all of it: {reason}"),
    )
}

const VERSION: u32 = 1;

/// More than any record has: documents of a bucket have 64 KB each.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
