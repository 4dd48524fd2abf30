//! Ports for child processes.

use std::io;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST_CHILD_PORT: u16 = 20_000;
const CHILD_PORTS: u16 = 12_000;

/// A port for a child to listen on, free a moment ago. It lies below those that systems hand out by
/// themselves (from 32768 on, or higher), so that no other process gets it before the child
/// listens; children of one process get different ones. It is asked and not taken: a child that is
/// started at the same moment would inherit it for an instant.
pub(crate) fn free_port() -> io::Result<u16> {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    for _ in 0..CHILD_PORTS {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).checked_rem(CHILD_PORTS).unwrap_or(0);
        let port = FIRST_CHILD_PORT.saturating_add(offset);
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(port),
            _ => {}
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}
