//! The binary that instances are started from, and the ones that follow it.
//!
//! # Guarantees
//! While the file is watched, every instance is started from a copy that was whole when it was
//! taken, never from a file that may be half-written. Unwatched, the file itself is run.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::sync::lock;

/// One version of the binary.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    generation: u64,
    newest_generation: Arc<AtomicU64>,
    /// Where the copy lies, for as long as it may be started.
    _copy: Option<TempDir>,
}

/// All versions: the one that runs is the newest that was accepted.
#[derive(Debug)]
pub(super) struct Programs {
    source: PathBuf,
    current: Mutex<Arc<Program>>,
    newest_generation: Arc<AtomicU64>,
}

/// What differs between two versions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    device: u64,
    inode: u64,
    mode: u32,
    size: u64,
    modified: (i64, i64),
}

impl Program {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn newest_generation(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.newest_generation)
    }
}

impl Programs {
    pub(super) fn open(source: &Path, watched: bool) -> io::Result<Self> {
        let newest_generation = Arc::new(AtomicU64::new(0));
        let (path, copy) = if watched {
            let (path, directory) = copy(source)?;
            (path, Some(directory))
        } else {
            (source.to_owned(), None)
        };
        let first = Program {
            path,
            generation: 0,
            newest_generation: Arc::clone(&newest_generation),
            _copy: copy,
        };
        Ok(Self {
            source: source.to_owned(),
            current: Mutex::new(Arc::new(first)),
            newest_generation,
        })
    }

    pub(super) fn current(&self) -> Arc<Program> {
        Arc::clone(&lock(&self.current))
    }

    /// A copy of the file as `fingerprint` saw it; `None` if it has changed since.
    pub(super) fn candidate(&self, fingerprint: Fingerprint) -> io::Result<Option<Arc<Program>>> {
        let (path, directory) = copy(&self.source)?;
        if Fingerprint::of(&self.source) != Some(fingerprint) {
            return Ok(None);
        }
        let newest = self.newest_generation.load(Ordering::SeqCst);
        Ok(Some(Arc::new(Program {
            path,
            generation: newest.saturating_add(1),
            newest_generation: Arc::clone(&self.newest_generation),
            _copy: Some(directory),
        })))
    }

    /// From here on every instance of another version is outdated.
    pub(super) fn accept(&self, program: Arc<Program>) {
        self.newest_generation.store(program.generation, Ordering::SeqCst);
        *lock(&self.current) = program;
    }
}

impl Fingerprint {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            mode: metadata.mode(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// Under its own name, with its own permissions.
fn copy(source: &Path) -> io::Result<(PathBuf, TempDir)> {
    let name = source.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let directory = TempDir::new()?;
    let path = directory.path().join(name);
    std::fs::copy(source, &path)?;
    Ok((path, directory))
}
