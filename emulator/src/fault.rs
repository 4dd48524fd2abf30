//! Faults that a test, a file or the admin API injects into calls.
//!
//! ```text
//! rule (service, action, which call) ──plan──> fault of this call ──effect──> the tampered response
//! ```
//!
//! # Guarantees
//! A fault never issues anything that the call would not have issued without it, and never lets
//! through what would have been refused; it changes one call and not the next.
//!
//! # Not covered
//! A request of the function itself cannot inject a fault: such a header would become a contract.

mod active;
pub(crate) mod effect;
mod file;
mod kind;
mod plan;
mod rule;

pub use self::kind::{Fault, Member, Service, WhichKey};
pub use self::plan::{FaultState, Faults, RefusedFault};
pub use self::rule::{BadFault, FaultRule};
