//! What a credential does not cover, asked for by real clients: each is told so with COS's own code, nothing is stored or changed, and
//! the cloud knows why.
//!
//! Each row is one call of one SDK (`tests/clients/cos_story.js`, `cos_client.py`). A row holds the status and code that the SDK
//! reports, and words of the reason that the door noted for exactly that request; around each group of rows the owner of the account
//! compares all that is stored. Leaves out: the door's own unit tests, which have every form of a bad signature.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

mod callers;
mod judge;
mod limits;
mod origins;
mod places;
mod proofs;
mod verbs;
mod world;
