//! The socket that a server listens on: its own, or the one that systemd keeps open while one
//! process replaces another.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::io;
use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::TcpListener;

/// The socket that systemd passes, else a new one at `address`.
///
/// # Errors
/// When systemd passes several sockets or another kind, or the address cannot be listened on.
pub(super) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let mut passed = ListenFd::from_env();
    if passed.len() > 1 {
        let text = "LISTEN_FDS: must be one socket, for example one ListenStream= of the unit";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    match passed.take_tcp_listener(0)? {
        Some(socket) => {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        }
        None => TcpListener::bind(address).await,
    }
}
