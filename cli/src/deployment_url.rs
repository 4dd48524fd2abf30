//! Where a deployment is: its scheme, its host, and the path that its routes are below.
//!
//! # Guarantees
//! Nothing but these is in it: no user, query or fragment, which logs and refusals would repeat.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;
use tencent::percent::percent_encode;

/// The URL of a deployment or of a bucket, without a `/` at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeploymentUrl {
    pub(crate) is_https: bool,
    authority: Authority,
    /// Empty, or with a leading `/`.
    path: String,
}

impl DeploymentUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let form = || "must be a URL, for example https://issuer.example.com".to_owned();
        let uri: Uri = text.parse().map_err(|_| form())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(form()),
        };
        let authority = uri.authority().cloned().ok_or_else(form)?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(form());
        }
        if uri.query().is_some() || text.contains('#') {
            return Err("must have no query, for example https://issuer.example.com".to_owned());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { is_https, authority, path })
    }

    /// The host, and the port if it is not the usual one: the value of `Host`.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        let usual = if self.is_https { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(usual)
    }

    /// The path of a route below the deployment's own.
    pub(crate) fn path(&self, route: &str) -> String {
        format!("{}{route}", self.path)
    }

    /// The path of a route with a query, which is percent-encoded here.
    pub(crate) fn target(&self, route: &str, query: &[(impl AsRef<str>, String)]) -> String {
        let pairs = query.iter();
        let pairs =
            pairs.map(|(name, value)| format!("{}={}", name.as_ref(), percent_encode(value)));
        let query = pairs.collect::<Vec<_>>().join("&");
        let question_mark = if query.is_empty() { "" } else { "?" };
        format!("{}{question_mark}{query}", self.path(route))
    }

    /// Whether only this machine is reached. Names below `localhost` never leave it (RFC 6761).
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        let is_name = host == "localhost" || host.ends_with(".localhost");
        is_name || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for DeploymentUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::DeploymentUrl;

    #[test]
    fn a_url_is_scheme_host_and_path() {
        for (text, host, port, sts, is_loopback) in [
            ("https://issuer.example.com", "issuer.example.com", 443, "/sts", false),
            ("http://127.0.0.1:5000/", "127.0.0.1", 5000, "/sts", true),
            ("http://[::1]:5000", "::1", 5000, "/sts", true),
            ("https://a.example/b/c/", "a.example", 443, "/b/c/sts", false),
            ("http://b-1.cos.localhost:5001", "b-1.cos.localhost", 5001, "/sts", true),
            ("http://localhost.example", "localhost.example", 80, "/sts", false),
        ] {
            let url = DeploymentUrl::parse(text).unwrap();
            let found = (url.host(), url.port(), url.path("/sts"), url.is_loopback());
            assert_eq!(found, (host, port, sts.to_owned(), is_loopback), "{text}");
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
        for text in [
            "",
            "issuer.example.com",
            "ftp://issuer.example.com",
            "https://",
            "https://user:password@issuer.example.com",
            "https://issuer.example.com?token=secret",
            "https://issuer.example.com/#a",
            "https://a b",
        ] {
            assert!(DeploymentUrl::parse(text).is_err(), "{text}");
        }
    }
}
