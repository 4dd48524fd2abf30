//! Standard output and standard error, without waiting for a reader.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fcntl_getfl, fstat, open, stat};

use super::output::Sink;

/// Standard output.
pub(super) enum StandardOutput {
    /// It was closed when the process started.
    Closed,
    /// A pipe or terminal, opened once more: only this handle does not block. Or a file, which
    /// takes everything, and whose position all handles share.
    Direct(File),
    /// A socket, which cannot be opened once more.
    Inherited(io::Stdout),
}

impl StandardOutput {
    pub(super) fn new() -> Self {
        let output = io::stdout();
        if was_closed(output.as_fd()) {
            return Self::Closed;
        }
        match direct(output.as_fd()) {
            Some(file) => Self::Direct(file),
            None => Self::Inherited(output),
        }
    }
}

impl Sink for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Self::Direct(file) => file.write(bytes),
            Self::Inherited(output) => write_polled(bytes, output),
        }
    }

    fn check(&mut self) -> io::Result<()> {
        match self {
            Self::Closed => Err(io::ErrorKind::BrokenPipe.into()),
            Self::Direct(file) => check(file),
            Self::Inherited(output) => check(output),
        }
    }
}

/// Standard error.
pub(super) struct StandardError;

impl Sink for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_polled(bytes, &mut io::stderr())
    }

    fn check(&mut self) -> io::Result<()> {
        check(&io::stderr())
    }
}

/// A pipe that is writable takes [`PIPE_BUF`] bytes at once, and a file takes everything.
/// <https://man7.org/linux/man-pages/man7/pipe.7.html>
fn write_polled(bytes: &[u8], output: &mut (impl Write + AsFd)) -> io::Result<usize> {
    check(output)?;
    let part = bytes.get(..PIPE_BUF).unwrap_or(bytes);
    output.write_all(part)?;
    output.flush()?;
    Ok(part.len())
}

fn check(output: &impl AsFd) -> io::Result<()> {
    let mut ready = [PollFd::new(output, PollFlags::OUT)];
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    let [ready] = ready;
    let events = ready.revents();
    if events.is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    // The other end is closed.
    if events.intersects(PollFlags::ERR | PollFlags::HUP) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// A handle that is written to without a look at it first.
fn direct(output: BorrowedFd<'_>) -> Option<File> {
    match FileType::from_raw_mode(fstat(output).ok()?.st_mode) {
        FileType::Fifo | FileType::CharacterDevice => {
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            open("/proc/self/fd/1", flags, Mode::empty()).ok().map(File::from)
        }
        // Opened once more, it would have its own position, and overwrite what others write.
        FileType::RegularFile => output.try_clone_to_owned().ok().map(File::from),
        _ => None,
    }
}

/// Rust opens `/dev/null` for reading and writing in place of a closed descriptor. A shell opens it
/// for writing only.
fn was_closed(output: BorrowedFd<'_>) -> bool {
    let is_read = fcntl_getfl(output).is_ok_and(|flags| flags.contains(OFlags::RDWR));
    let is_null = || match (fstat(output), stat("/dev/null")) {
        (Ok(output), Ok(null)) => output.st_rdev == null.st_rdev && output.st_ino == null.st_ino,
        _ => false,
    };
    is_read && is_null()
}

const PIPE_BUF: usize = 4096;
