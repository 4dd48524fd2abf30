//! Fuzz targets: each is a function from bytes that panics when its guarantee is broken, and
//! returns whether the input was accepted, because a target that rejects everything tests nothing.
//!
//! The same functions run twice: for minutes under libFuzzer (`make fuzz`, `src/main.rs`), and
//! briefly, with seeded mutations of the corpus, in every test run (`tests/short.rs`). How to add a
//! target or a finding: `docs/fuzzing.md`.
//!
//! # Guarantees
//!
//! No clock, no randomness, no I/O: the same bytes give the same outcome. The checks share no code
//! with what they check.
//!
//! # Not covered
//!
//! Speed, and what a whole process does.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a broken promise is a panic, here on purpose"
)]

mod access_request;
mod cos_address;
mod cos_auth;
mod cos_form;
mod cos_headers;
mod cos_image;
mod cos_s3;
mod cos_xml;
mod decision;
mod event;
mod grant;
mod hmac_caller;
mod http_head;
mod message;
mod policy;
mod request;
mod sts_answer;
mod url_config;

pub use cos_address::cos_address;
pub use cos_auth::cos_auth;
pub use cos_form::cos_form;
pub use cos_headers::cos_headers;
pub use cos_image::cos_image;
pub use cos_s3::cos_s3;
pub use cos_xml::cos_xml;
pub use decision::decision;
pub use event::{lambda_event, scf_event};
pub use grant::{Outcome, check_grants, grant, settings};
pub use hmac_caller::hmac_caller;
pub use policy::policy;
pub use request::request;
pub use sts_answer::sts_answer;
pub use url_config::url_config;

/// A target by its name, which is that of its folder in `corpus/` and of its file in `dict/`.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every target.
pub const TARGETS: &[Target] = &[
    ("cos_address", cos_address),
    ("cos_auth", cos_auth),
    ("cos_form", cos_form),
    ("cos_headers", cos_headers),
    ("cos_image", cos_image),
    ("cos_s3", cos_s3),
    ("cos_xml", cos_xml),
    ("decision", decision),
    ("grant", grant),
    ("hmac_caller", hmac_caller),
    ("lambda_event", lambda_event),
    ("policy", policy),
    ("request", request),
    ("scf_event", scf_event),
    ("sts_answer", sts_answer),
    ("url_config", url_config),
];
