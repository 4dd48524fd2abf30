//! Signals of the process, for servers.

use signal_hook::low_level::pipe;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// Signals, as a socket that becomes readable.
///
/// tokio's own signals start their driver on every platform, this socket only in a server.
pub(super) struct Signal(UnixStream);

impl Signal {
    /// Waits for any of `signals` from now on.
    pub(super) fn listen(signals: &[i32]) -> std::io::Result<Self> {
        let (ours, other) = UnixStream::pair()?;
        let other = other.into_std()?;
        for signal in signals {
            pipe::register(*signal, other.try_clone()?)?;
        }
        Ok(Self(ours))
    }

    pub(super) async fn received(&mut self) {
        let byte = self.0.read_u8().await;
        drop(byte);
    }
}
