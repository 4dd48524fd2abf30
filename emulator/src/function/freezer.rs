//! How many requests use an instance, and whether it is frozen.

use std::sync::Mutex;

/// How often an instance is leased and whether it is frozen. The lock also orders what either does
/// to the process.
#[derive(Debug)]
pub(super) struct Freezer {
    pub(super) leases: usize,
    pub(super) frozen: bool,
    /// It takes no more requests.
    pub(super) closed: bool,
}

impl Freezer {
    /// Of an instance that was started for a lease.
    pub(super) fn leased() -> Mutex<Self> {
        Mutex::new(Self { leases: 1, frozen: false, closed: false })
    }
}
