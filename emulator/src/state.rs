//! The state of a cloud: what COS stores, and the clock. It is kept in a file, put back, and reset.
//!
//! # Guarantees
//!
//! A file is replaced as a whole, and a state takes effect as a whole or not at all. It contains no
//! key: keys are those of the account and of each run.
//!
//! # Not covered
//!
//! Faults, the trace, and keys that were revoked.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::io::{AsyncBufRead, AsyncWriteExt as _, BufReader};

use crate::clock::{ClockState, EmulatedClock};
use crate::cos::Store;
use crate::net::Body;
use crate::sync::lock;

/// The parts of a cloud that have a state.
pub(crate) struct CloudState {
    store: Arc<Store>,
    clock: Arc<EmulatedClock>,
    initial_clock: Mutex<ClockState>,
}

impl CloudState {
    pub(crate) fn new(store: Arc<Store>, clock: Arc<EmulatedClock>) -> Self {
        Self { store, clock, initial_clock: Mutex::default() }
    }

    /// Writes the state to a file.
    pub(crate) async fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let unfinished = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
        let mut file = tokio::fs::File::from_std(unfinished.reopen()?);
        let mut state = self.store.state(self.clock.state());
        while let Some(bytes) = state.next().await? {
            file.write_all(&bytes).await?;
        }
        file.flush().await?;
        unfinished.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Puts the state of a file into effect.
    pub(crate) async fn load(&self, path: &Path) -> io::Result<()> {
        self.read(BufReader::new(tokio::fs::File::open(path).await?)).await
    }

    /// The state as the body of a response.
    pub(crate) fn to_body(&self) -> Body {
        let state = self.store.state(self.clock.state());
        let frames = stream::try_unfold(state, |mut state| async move {
            let bytes = state.next().await?;
            Ok(bytes.map(|bytes| (Frame::data(bytes), state)))
        });
        StreamBody::new(frames).boxed()
    }

    /// Puts the state in the body of a request into effect.
    pub(crate) async fn load_body(&self, mut body: Incoming) -> io::Result<()> {
        let (mut writer, reader) = tokio::io::duplex(PIECE_BYTES);
        let receive = async move {
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(io::Error::other)?;
                if let Ok(bytes) = frame.into_data() {
                    writer.write_all(&bytes).await?;
                }
            }
            io::Result::Ok(())
        };
        let read = self.read(BufReader::new(reader));
        let (received, read) = tokio::join!(receive, read);
        // If both failed, the state is why: reading it ended first.
        read.and(received)
    }

    /// From now on, a reset goes back to this moment.
    pub(crate) fn keep_as_initial(&self) {
        self.store.keep_as_initial();
        *lock(&self.initial_clock) = self.clock.state();
    }

    /// Goes back to the start.
    pub(crate) fn reset(&self) -> io::Result<()> {
        self.store.reset()?;
        self.clock.restore(*lock(&self.initial_clock));
        Ok(())
    }

    async fn read(&self, from: impl AsyncBufRead + Send + Unpin) -> io::Result<()> {
        let state = self.store.read_state(from).await?;
        let clock = state.clock;
        self.store.replace(state)?;
        self.clock.restore(clock);
        Ok(())
    }
}

const PIECE_BYTES: usize = 256 * 1024;
