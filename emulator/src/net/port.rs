//! Ports for child processes.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST_CHILD_PORT: u16 = 20_000;
const CHILD_PORTS: u16 = 12_000;

/// A port for a child to listen on, free a moment ago. It lies below those that systems hand out by
/// themselves (from 32768 on, or higher), so that no other process gets it before the child
/// listens; children of one process get different ones.
pub(crate) fn free_port() -> io::Result<u16> {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random()));
    for _ in 0..CHILD_PORTS {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).checked_rem(CHILD_PORTS).unwrap_or(0);
        let port = FIRST_CHILD_PORT.saturating_add(offset);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}
