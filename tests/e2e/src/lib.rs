//! What the end-to-end tests share: finding what is built or installed, running it with a time
//! limit, and explaining why it cannot run.
//!
//! # Guarantees
//!
//! Nothing skips: what is missing is a [`Failure`], and a test unwraps it.

mod child;
mod chromium;
mod client;
mod cloud;
mod documented;
mod failure;
mod front;
mod in_process;
mod installed;
mod issuer;
pub mod models;
mod page;
mod page_server;
mod peer;
mod rie;
mod signed;
mod storage;
mod store;
mod tls_relay;
mod tokens;
mod variables;

pub use child::{Process, VARIABLES, variables_for};
pub use chromium::Chromium;
pub use client::Client;
pub use cloud::cloud;
pub use documented::{Language, documented};
pub use failure::Failure;
pub use front::{Front, Passed, Passing, Spoiler};
pub use in_process::InProcess;
pub use installed::{bootstrap, client_file, example, program, search_path, soak_seconds};
pub use issuer::{Answer, Browser, EACH_KIND, PLATFORMS, issuer_on, printed, start};
pub use page::{read, send_as_written};
pub use page_server::PageServer;
use peer::http_client;
pub use peer::{Canary, ClosedPort, ConnectProxy, FlakyPort};
pub use rie::{Invocation, Rie};
pub use signed::{HMAC_KEY, signed};
pub use storage::{Storage, pattern};
pub use store::Store;
pub use tls_relay::TlsRelay;
pub use tokens::{KeyServer, Signer, TokenIssuer};
pub use variables::{NO_CACHE, Variables};

/// A key of a caller.
pub const API_KEY: &str = "CANARY-api-key-of-a-caller-0123456789";

/// `printf %s KEY | openssl dgst -sha256` of [`API_KEY`].
pub const API_KEY_SHA256: &str = "711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8";

/// A key of another caller.
pub const OTHER_API_KEY: &str = "CANARY-api-key-of-another-caller-0123456789";

/// A secret that an issuer of tokens shares.
pub const HS_SECRET: &str = "CANARY-secret-of-an-issuer-0123456789";

/// Secrets that tests make up themselves; the leak check looks for them too.
pub const FIXED_SECRETS: [&str; 6] = [
    "CANARY-wrong-secret-key",
    "CANARY-secret-key-of-a-process",
    API_KEY,
    OTHER_API_KEY,
    HMAC_KEY,
    HS_SECRET,
];
