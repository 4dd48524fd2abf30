//! The execution role's key in the headers of a request.
//!
//! SCF documents these headers for image functions:
//! <https://www.tencentcloud.com/document/product/583/40688>. Whether it drops those that a client
//! writes is not confirmed, so they are read only with `ROLE_KEYS=headers`, and a key is used only
//! for the request that brought it.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use tencent::secret::Secret;

/// A key that is valid for one request.
pub struct RoleKey {
    /// The public half.
    pub secret_id: String,
    /// The secret half.
    pub secret_key: Arc<Secret>,
    /// The token that belongs to both.
    pub session_token: Arc<Secret>,
}

impl RoleKey {
    /// `None` unless all three headers are there, each once.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = |name| {
            let mut values = headers.get_all(name).iter();
            let value = values.next().filter(|_| values.next().is_none())?;
            value.to_str().ok().map(str::to_owned)
        };
        let secret = |name| Some(Arc::new(Secret::new(text(name)?)?));
        Some(Self {
            secret_id: text("x-scf-secret-id")?,
            secret_key: secret("x-scf-secret-key")?,
            session_token: secret("x-scf-session-token")?,
        })
    }
}

impl fmt::Debug for RoleKey {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RoleKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::RoleKey;

    fn read(headers: &[(&str, &str)]) -> Option<String> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        RoleKey::from_headers(&headers).map(|key| key.secret_id)
    }

    #[test]
    fn a_key_is_whole_and_there_once() {
        let id = ("x-scf-secret-id", "AKIDexample");
        let (key, token) = (("x-scf-secret-key", "a"), ("x-scf-session-token", "b"));
        assert_eq!(read(&[id, key, token]).as_deref(), Some("AKIDexample"));
        for headers in [
            &[id, key][..],
            &[id, token],
            &[key, token],
            &[id, key, ("x-scf-session-token", "")],
            &[id, id, key, token],
            &[id, key, token, token],
        ] {
            assert_eq!(read(headers), None, "{headers:?}");
        }
    }
}
