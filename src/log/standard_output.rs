//! Standard output and standard error, without waiting for their reader.
//!
//! A pipe that is writable takes [`PIPE_BUF`] bytes at once, and a file takes everything.
//! <https://man7.org/linux/man-pages/man7/pipe.7.html>

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

use super::output::Sink;

/// Standard output.
pub(super) struct StandardOutput {
    /// It was closed when the process started.
    is_closed: bool,
}

impl StandardOutput {
    pub(super) fn new() -> Self {
        Self { is_closed: was_closed(io::stdout().as_fd()) }
    }
}

impl Sink for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut output = io::stdout();
        write(&bytes, &mut output)
    }
}

/// Standard error.
pub(super) struct StandardError;

impl Sink for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write(&bytes, &mut io::stderr())
    }
}

fn write(bytes: &&[u8], output: &mut (impl Write + AsFd)) -> io::Result<usize> {
    let mut ready = [PollFd::new(output, PollFlags::OUT)];
    poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    let [ready] = ready;
    if ready.revents().is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let part = bytes.get(..PIPE_BUF).unwrap_or(bytes);
    output.write_all(part)?;
    output.flush()?;
    Ok(part.len())
}

/// Rust opens `/dev/null` for reading and writing in place of a closed descriptor. A shell that
/// redirects output there opens it for writing only.
fn was_closed(output: BorrowedFd<'_>) -> bool {
    let is_device = fstat(output)
        .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice);
    let is_null = is_device && fstat(output).is_ok_and(|status| status.st_rdev == NULL_DEVICE);
    let mode = fcntl_getfl(output).unwrap_or(OFlags::WRONLY);
    is_null && mode.contains(OFlags::RDWR)
}

const PIPE_BUF: usize = 4096;

/// Major 1, minor 3: <https://www.kernel.org/doc/html/latest/admin-guide/devices.html>
const NULL_DEVICE: u64 = 0x103;
