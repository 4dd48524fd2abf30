//! What can go wrong with a call, on order: by a test, a file, or the admin API.
//!
//! ```text
//! rule (service, action, which call) ──plan──> fault of this call ──effect──> the answer, bent
//! ```
//!
//! # Guarantees
//! A fault never issues anything that the call would not have issued without it, and never lets
//! through what would have been refused; it changes one call and leaves the next alone.
//!
//! # Not covered
//! Ways to order a fault through a request of the function's own. A header that does so becomes a
//! contract.

mod active;
pub(crate) mod effect;
mod file;
mod kind;
mod plan;
mod rule;

pub use self::kind::{Fault, Member, Service, WhichKey};
pub use self::plan::{FaultState, Faults, RefusedFault};
pub use self::rule::{BadFault, FaultRule};
