//! Real clients ask for what their credential does not cover: each receives COS's own code, nothing
//! is stored or changed, and the decision log has the reason.
//!
//! Each row is one call of one SDK (`tests/clients/cos_story.js`, `cos_client.py`): the status and
//! code that the SDK reports, and words of the reason logged for exactly that request. The
//! account's owner compares everything stored before and after each group of rows.
//!
//! # Not covered
//!
//! Every form of a bad signature, which unit tests cover.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

mod callers;
mod limits;
mod origins;
mod places;
mod proofs;
mod row;
mod verbs;
mod world;
