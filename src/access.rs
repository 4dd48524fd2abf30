//! Who may get what at this moment: the grants and the kill switch, which can change while the
//! function runs.
//!
//! # Guarantees
//! One request is decided by one state, whatever changes meanwhile.

mod current;
mod decision;
mod shared_deny_list;

pub use current::{AccessSources, CurrentAccess};
pub use decision::Access;
pub use shared_deny_list::SharedDenyList;
