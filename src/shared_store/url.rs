//! The URL of the shared store.

use percent_encoding::percent_decode_str;
use tencent::secret::Secret;
use url::Url;

/// `redis://` or `rediss://`, host, port, user, password and database.
#[expect(missing_debug_implementations, reason = "it may contain a password")]
pub struct StoreUrl {
    is_tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Secret>,
    database: i64,
    is_loopback: bool,
}

/// The text is not the URL of a store. It never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a URL `redis://` or `rediss://` with a host, for example `rediss://:password@store.example.com:6379/0`"
)]
pub struct StoreUrlError;

impl StoreUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`StoreUrlError`].
    pub fn parse(text: &str) -> Result<Self, StoreUrlError> {
        let url = Url::parse(text).map_err(|_| StoreUrlError)?;
        let is_tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(StoreUrlError),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(StoreUrlError)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let database = match url.path().trim_start_matches('/') {
            "" => 0,
            digits => digits.parse().ok().filter(|number| *number >= 0).ok_or(StoreUrlError)?,
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err(StoreUrlError);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decoded).transpose();
        let password = url.password().map(decoded).transpose().map_err(|_| StoreUrlError)?;
        let is_loopback = host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        Ok(Self {
            is_tls,
            host: host.to_owned(),
            port: url.port().unwrap_or(6379),
            user: user.map_err(|_| StoreUrlError)?,
            password: password.and_then(Secret::new),
            database,
            is_loopback,
        })
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Whether a password would cross a network that is not private, in plain text.
    pub fn exposes_password(&self) -> bool {
        let is_private = match self.host.parse() {
            Ok(std::net::IpAddr::V4(address)) => address.is_private() || address.is_link_local(),
            Ok(std::net::IpAddr::V6(address)) => address.is_unique_local(),
            // A name can be that of a private address.
            Err(_) => !self.host.contains('.'),
        };
        self.password.is_some() && !self.is_tls && !self.is_loopback && !is_private
    }

    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    pub(super) fn database(&self) -> i64 {
        self.database
    }
}

#[cfg(test)]
mod tests {
    use super::{StoreUrl, StoreUrlError};

    #[test]
    fn a_url_has_a_host_and_nothing_that_is_ignored() {
        let url = StoreUrl::parse("rediss://app:CANARY%2Fpass@store.example.com/2").ok().unwrap();
        assert_eq!(url.address(), ("store.example.com", 6379));
        assert_eq!((url.user(), url.database(), url.is_tls()), (Some("app"), 2, true));
        assert_eq!(url.password().unwrap().expose(), "CANARY/pass");
        let url = StoreUrl::parse("redis://[::1]:7000").ok().unwrap();
        assert_eq!(url.address(), ("::1", 7000));
        let refused = "store.example.com http://store.example.com redis: redis:// redis:///0 \
            redis://store.example.com/x redis://store.example.com/-1 \
            redis://store.example.com/0?protocol=3 redis://store.example.com:99999";
        for wrong in refused.split(' ').chain([""]) {
            assert!(StoreUrl::parse(wrong).err() == Some(StoreUrlError), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_plain_text_is_exposed_outside_private_networks() {
        for (url, is_exposed) in [
            ("redis://:p@store.example.com", true),
            ("redis://:p@203.0.113.7", true),
            ("rediss://:p@store.example.com", false),
            ("redis://store.example.com", false),
            ("redis://:p@localhost", false),
            ("redis://:p@127.0.0.1", false),
            ("redis://:p@10.0.0.7", false),
            ("redis://:p@[fd00::1]", false),
            ("redis://:p@store", false),
        ] {
            let parsed = StoreUrl::parse(url).ok().unwrap();
            assert_eq!(parsed.exposes_password(), is_exposed, "{url}");
        }
    }
}
