//! Models of the clients' parsers that cannot run here: Android, iOS, Flutter, React Native,
//! HarmonyOS, Java, Go.
//!
//! # Guarantees
//!
//! A model reads the members that its source reads, with the source's types, defaults and
//! coercions, and fails where the source fails, with the source's message. Each names the
//! repository, commit, file and lines. What a source accepts silently a model accepts too:
//! [`SessionKey::signs`] checks whether the result is usable.
//!
//! # Not covered
//!
//! Sending, caching, refreshing and signing; behaviour that only a device shows; leniencies of JSON
//! parsers that our answers cannot reach.

pub mod android;
pub mod coscli;
pub mod flutter;
pub mod go;
mod go_json;
pub mod harmonyos;
pub mod ios;
pub mod java;
mod javascript;
mod org_json;
pub mod react_native;

use std::fmt;

/// How a client reads an answer.
pub type Model = fn(&Answered<'_>) -> Result<SessionKey, Complaint>;

/// What reached a client.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "its text contains issued credentials")]
pub struct Answered<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: &'a str,
    /// The time of the device's clock, in seconds.
    pub now: i64,
}

/// What a client keeps of an answer.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_debug_implementations, reason = "it is an issued credential")]
pub struct SessionKey {
    /// The SecretId, if it has one.
    pub secret_id: Option<String>,
    /// The SecretKey, if it has one.
    pub secret_key: Option<String>,
    /// The session token, if it has one.
    pub token: Option<String>,
    /// When it begins; without one the client signs from its own clock.
    pub start: Option<i64>,
    /// When it ends; without one it never does for the client.
    pub expiry: Option<i64>,
}

impl SessionKey {
    /// Whether a request that is signed with it now could be accepted.
    pub fn signs(&self, now: i64) -> bool {
        let is_there = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let parts = [&self.secret_id, &self.secret_key, &self.token];
        parts.into_iter().all(is_there)
            && self.start.is_none_or(|start| start <= now)
            && self.expiry.is_none_or(|expiry| expiry > now)
    }
}

/// The error of a client that rejects an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Complaint(String);

impl Complaint {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
