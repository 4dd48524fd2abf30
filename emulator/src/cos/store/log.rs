//! The log: one file to which every change is appended, and which a start reads from its beginning.
//!
//! ```text
//! 4 bytes   the length of the payload
//! 4 bytes   a part of the CRC-64 of the offset of this frame, and of the other 12 bytes
//! 8 bytes   the CRC-64 of the payload
//! payload   a record, and the bytes of a small object; without bytes: what is before it is compact
//! ```
//!
//! # Guarantees
//!
//! A change is one write, so after a crash it is complete or absent. What no complete change
//! follows is the rest of a change that was never finished; damage before a complete change is an
//! error. A log that has doubled is written again without what no longer counts, to a new file that
//! takes its place: at each moment one of them is complete.
//!
//! # Not covered
//!
//! Once a file could not be synced, or not be cut after a failed write, every later change fails:
//! what the file has is not known.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::content::Content;
use super::files::Files;
use super::record::Record;
use crate::cos::checksum::crc64;

/// A log that is open for changes.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// Its length when it was written as a whole.
    compact: u64,
    is_failed: bool,
}

/// A change that is not in a log yet.
pub(super) struct Frame(Vec<u8>);

impl Frame {
    /// `None` as the record is the end of what is compact.
    pub(super) fn of(record: Option<&mut Record>, content: &Content) -> io::Result<Self> {
        let mut bytes = vec![0; HEADER_BYTES];
        if let Some(record) = record {
            record.write(content, &mut bytes)?;
        }
        Ok(Self(bytes))
    }

    /// Its bytes at this place of a log.
    fn at(mut self, offset: u64) -> io::Result<Vec<u8>> {
        if let Some((header, payload)) = self.0.split_first_chunk_mut() {
            let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
            *header = Header::of(offset, length, crc64(payload)).bytes();
        }
        Ok(self.0)
    }
}

struct Header {
    length: u32,
    check: u32,
    sum: u64,
}

impl Header {
    fn of(offset: u64, length: u32, sum: u64) -> Self {
        let numbers = [offset, u64::from(length), sum].map(u64::to_le_bytes);
        let [first, second, third, fourth, ..] = crc64(numbers.as_flattened()).to_le_bytes();
        Self { length, check: u32::from_le_bytes([first, second, third, fourth]), sum }
    }

    fn bytes(&self) -> [u8; HEADER_BYTES] {
        let first = u64::from(self.length) | u64::from(self.check) << u32::BITS;
        let mut bytes = [0; HEADER_BYTES];
        bytes.copy_from_slice([first, self.sum].map(u64::to_le_bytes).as_flattened());
        bytes
    }
}

/// The length of the payload of a complete frame at the beginning of `bytes`.
fn complete(bytes: &[u8], offset: u64) -> Option<usize> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (check, rest) = rest.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (length, sum) = (u32::from_le_bytes(*length), u64::from_le_bytes(*sum));
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    let is_complete = Header::of(offset, length, sum).check == u32::from_le_bytes(*check)
        && crc64(payload) == sum;
    is_complete.then_some(payload.len())
}

/// Reads a log from its beginning.
pub(super) struct Frames {
    file: File,
    /// What was read, from `offset` on.
    window: Vec<u8>,
    offset: u64,
    /// The bytes of the window that were passed.
    passed: usize,
    /// The payload of the last frame, in bytes.
    payload: usize,
}

impl Frames {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { file, window: Vec::new(), offset: 0, passed: 0, payload: 0 })
    }

    /// Goes to the next complete frame. Without one, the offset is the end of the last.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.pass(self.payload);
        loop {
            let rest = self.window.get(self.passed..).unwrap_or_default();
            if let Some(payload) = complete(rest, self.offset) {
                self.payload = payload;
                self.pass(HEADER_BYTES);
                return Ok(true);
            }
            self.window.drain(..self.passed);
            self.passed = 0;
            if (&mut self.file).take(WINDOW_BYTES).read_to_end(&mut self.window)? == 0 {
                self.payload = 0;
                return self.check_rest().map(|()| false);
            }
        }
    }

    /// The payload of that frame.
    pub(super) fn payload(&self) -> &[u8] {
        let end = self.passed.saturating_add(self.payload);
        self.window.get(self.passed..end).unwrap_or_default()
    }

    /// The place of that payload; at the end, the end of the last frame.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    fn pass(&mut self, bytes: usize) {
        self.passed = self.passed.saturating_add(bytes);
        self.offset = self.offset.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// What is left is not complete, and no frame may follow it.
    fn check_rest(&self) -> io::Result<()> {
        let offsets = self.offset.saturating_add(1)..;
        let follows = offsets.zip(1..self.window.len()).any(|(offset, start)| {
            self.window.get(start..).is_some_and(|rest| complete(rest, offset).is_some())
        });
        match follows {
            true => Err(io::Error::other("it is damaged")),
            false => Ok(()),
        }
    }
}

impl Log {
    /// Writes a log with these changes to a new file, which takes the place of the one at `path`.
    pub(super) fn create(
        path: &Path,
        files: &Files,
        changes: impl Iterator<Item = (Record, Content)>,
    ) -> io::Result<Self> {
        let unfinished = remove_unfinished(path)?;
        let file = files.system.create(&unfinished)?;
        let (mut length, mut bytes) = (0_u64, Vec::new());
        let ends = changes.map(|(mut record, content)| Frame::of(Some(&mut record), &content));
        for frame in ends.chain([Frame::of(None, &Content::default())]) {
            let place = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            bytes.append(&mut frame?.at(place)?);
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= WINDOW_BYTES {
                files.system.write(&file, &unfinished, &bytes, length)?;
                length = place_after(length, &bytes);
                bytes.clear();
            }
        }
        files.system.write(&file, &unfinished, &bytes, length)?;
        let length = place_after(length, &bytes);
        files.settle(&file, &unfinished)?;
        files.system.rename(&unfinished, path)?;
        let mut log =
            Self { path: path.to_owned(), file, length, compact: length, is_failed: false };
        // While the name is not durable, the changes in the file are not either.
        log.is_failed = path.parent().is_some_and(|all| files.settle_directory(all).is_err());
        Ok(log)
    }

    /// Opens a log that was read up to `length`, and drops what is after it.
    pub(super) fn open(path: &Path, files: &Files, length: u64, compact: u64) -> io::Result<Self> {
        remove_unfinished(path)?;
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() > length {
            files.system.truncate(&file, path, length)?;
            files.settle(&file, path)?;
        }
        Ok(Self { path: path.to_owned(), file, length, compact, is_failed: false })
    }

    /// Appends a change.
    pub(super) fn append(&mut self, files: &Files, change: Frame) -> io::Result<()> {
        if self.is_failed {
            return Err(io::Error::other("an earlier change failed on the disk: start again"));
        }
        let bytes = change.at(self.length)?;
        let written = files.system.write(&self.file, &self.path, &bytes, self.length);
        let settle = || files.settle(&self.file, &self.path);
        let settled = written.and_then(|()| settle().inspect_err(|_| self.is_failed = true));
        if let Err(error) = settled {
            // What is left of it would be damage before the next change.
            let cut = files.system.truncate(&self.file, &self.path, self.length);
            self.is_failed |= cut.is_err();
            return Err(error);
        }
        self.length = place_after(self.length, &bytes);
        Ok(())
    }

    /// Whether it has doubled since it was written as a whole.
    pub(super) fn is_due(&self) -> bool {
        self.length.saturating_sub(self.compact) > self.compact.max(MIN_APPENDED_BYTES)
    }

    /// Writes it again, with these changes in place of its own. Without success it stays as it is,
    /// until it has doubled again.
    pub(super) fn compact(
        &mut self,
        files: &Files,
        changes: impl Iterator<Item = (Record, Content)>,
    ) {
        match Self::create(&self.path, files, changes) {
            Ok(log) => *self = log,
            Err(_) => {
                self.compact = self.length;
                // What remains is deleted before the next attempt.
                let _ = remove_unfinished(&self.path);
            }
        }
    }
}

/// A crash leaves it.
fn remove_unfinished(path: &Path) -> io::Result<PathBuf> {
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(unfinished),
    }
}

fn place_after(length: u64, bytes: &[u8]) -> u64 {
    length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

const HEADER_BYTES: usize = 16;

/// Read and written at once.
const WINDOW_BYTES: u64 = 1024 * 1024;

/// What a log grows by at least before it is written again.
const MIN_APPENDED_BYTES: u64 = 8 * 1024 * 1024;
