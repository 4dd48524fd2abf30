//! COS: the object storage of this cloud.
//!
//! One request goes one way; each step is one file, and nothing is stored or shown before `door` has admitted it:
//!
//! ```text
//! HTTP head -> Ask            ask         host, raw path and query, headers, source address
//!           -> Operation      operation   what is asked, or an answer that nothing here does that
//!           -> Caller         door        whose signature it is (or nobody's)
//!           -> Decision       door        each access, decided by the account's and the session's policies
//!           -> answer         service     the operation itself, on `store`
//! ```

mod admission;
mod ask;
pub(crate) mod door;
mod error;
mod operation;
