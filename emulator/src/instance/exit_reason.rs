//! Why an instance is gone, and what that means for an invocation that waits for it.

use std::time::Duration;

use crate::platform::PlatformError;

/// Why an instance is gone.
#[derive(Clone, Debug)]
pub(crate) enum ExitReason {
    Exited { status: String },
    InitFailed { message: String },
    OutOfMemory { limit_mb: u32 },
    Killed,
}

/// Why an invocation ended without an outcome of the function.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The instance was gone before it took the event, which may therefore go to another
    /// (inferred).
    Untouched(PlatformError),
    /// The platform's error.
    Failed(PlatformError),
}

impl ExitReason {
    /// For an invocation that waits for its start.
    pub(super) fn in_init(&self, limit: Duration) -> PlatformError {
        match self.clone() {
            Self::Exited { status } => PlatformError::ExitedInInit { status },
            Self::InitFailed { message } => PlatformError::InitFailed { message },
            Self::OutOfMemory { limit_mb } => PlatformError::OutOfMemory { limit_mb },
            Self::Killed => PlatformError::InitTimeout { limit },
        }
    }

    /// For an invocation whose event it had `fetched` or not.
    pub(super) fn lost(&self, fetched: bool, limit: Duration) -> Lost {
        match self {
            Self::Killed if fetched => Lost::Failed(PlatformError::CallTimeout { limit }),
            Self::Killed => Lost::Failed(PlatformError::FetchTimeout { limit }),
            Self::OutOfMemory { .. } => Lost::Failed(self.while_busy()),
            Self::Exited { .. } | Self::InitFailed { .. } if fetched => {
                Lost::Failed(self.while_busy())
            }
            Self::Exited { .. } | Self::InitFailed { .. } => Lost::Untouched(self.while_busy()),
        }
    }

    /// For an invocation that waits for its response.
    pub(super) fn while_busy(&self) -> PlatformError {
        match self.clone() {
            Self::Exited { status } | Self::InitFailed { message: status } => {
                PlatformError::ExitedBusy { status }
            }
            Self::OutOfMemory { limit_mb } => PlatformError::OutOfMemory { limit_mb },
            Self::Killed => PlatformError::ExitedBusy { status: "killed".to_owned() },
        }
    }
}
