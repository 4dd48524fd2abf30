//! `--healthcheck`: one request for `/livez` to the server on this machine.
//!
//! An image without a shell has no other program that could ask.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Asks the server at `address`.
///
/// # Errors
/// When it cannot be reached, or its answer does not have status 200.
pub fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, TIME_LIMIT)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    write!(stream, "GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; ALIVE.len()];
    stream.read_exact(&mut status)?;
    if status == *ALIVE { Ok(()) } else { Err(io::Error::other("the answer is not status 200")) }
}

const ALIVE: &[u8; 13] = b"HTTP/1.1 200 ";

const TIME_LIMIT: Duration = Duration::from_secs(2);
