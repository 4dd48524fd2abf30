//! Whether an instance is in use, and whether it is frozen.

use std::sync::Mutex;

/// Whether somebody uses it, and whether it stands still. The lock also orders what the two do to
/// the process.
#[derive(Debug)]
pub(super) struct Freezer {
    pub(super) leased: bool,
    pub(super) frozen: bool,
}

impl Freezer {
    /// Of an instance that was started for somebody.
    pub(super) fn leased() -> Mutex<Self> {
        Mutex::new(Self {
            leased: true,
            frozen: false,
        })
    }
}
