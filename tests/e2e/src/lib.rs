//! What the end-to-end tests share: finding what is built or installed, running it with a time limit, and saying in plain
//! words what is wrong when it cannot run.
//!
//! Nothing here skips: whatever is missing is a [`Failure`], and a test unwraps it. Nothing here judges an outcome either;
//! that is each test's own business.

use std::collections::BTreeMap;

mod client;
mod cloud;
mod failure;
mod installed;
mod rie;

pub use client::Client;
pub use cloud::cloud;
pub use failure::Failure;
pub use installed::bootstrap;
pub use rie::{Invocation, Rie};

/// Environment variables by name, for a child that sees no others.
pub type Variables = BTreeMap<&'static str, String>;
