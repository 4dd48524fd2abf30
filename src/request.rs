//! What a caller sends: one HTTP request, whatever platform delivered it, and the credential
//! request inside it.
//!
//! # Guarantees
//! A [`Request`] is within its limits and its body is text. A [`CredentialRequest`] contains only
//! values that were understood.
//!
//! # Not covered
//! Who the caller is (`auth`), and what they may get (`grant`).

mod client_address;
mod credential_request;
mod format;
mod id;
mod identity;
mod inbound;
mod parameters;
mod role_key;
mod route;
mod scope;
mod trace_id;

pub use client_address::{AddressHeader, AddressSource, ClientAddress};
pub use credential_request::{CredentialRequest, RequestedScope, SignedRequest};
pub use format::Format;
pub use id::RequestId;
pub use identity::{Identity, IdentitySource};
pub use inbound::{Inbound, MAX_BODY_BYTES, Request, body_too_large};
pub use role_key::RoleKey;
pub use route::{IssueRoute, Route, strip_base_path};
pub use scope::{ObjectKeys, Scope, Scopes};
pub use trace_id::TraceId;
