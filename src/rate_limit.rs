//! The rate limit of each caller: `RATE_LIMIT` and `RATE_LIMIT_BLOCK`.
//!
//! The algorithm is GCRA: one time for each caller, a burst of the whole limit, and an exact time
//! at which the next request is accepted.
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>
//!
//! # Guarantees
//! - A caller who is authenticated is limited by who they are, never by an address.
//! - A refusal is immediate. Its `Retry-After` is never too early, and up to twice as long, so that
//!   refused callers do not return together.
//! - Memory is bounded. The callers who have been away the longest are forgotten first; requests
//!   without credentials cannot make the table forget an authenticated caller.
//!
//! # Not covered
//! Other instances, without a shared store or while it is down: each one counts by itself.

mod gcra;
mod limiter;
mod shared;

pub use gcra::RateLimit;
pub use limiter::RateLimiter;
