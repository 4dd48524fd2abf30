//! Whether an instance is in use, and whether it is frozen.

use std::sync::Mutex;

/// Whether an instance is leased and whether it is frozen. The lock also orders what either does to
/// the process.
#[derive(Debug)]
pub(super) struct Freezer {
    pub(super) leased: bool,
    pub(super) frozen: bool,
}

impl Freezer {
    /// Of an instance that was started for a lease.
    pub(super) fn leased() -> Mutex<Self> {
        Mutex::new(Self { leased: true, frozen: false })
    }
}
