//! Where STS is: a host of the vendor, or a URL.
//!
//! Endpoints: <https://www.tencentcloud.com/document/product/1150/49445>.
//!
//! # Guarantees
//! HTTPS, unless the address is loopback; no user name, path or query, since the signature covers
//! only `/`.

use url::{Host, Url};

/// One address of STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host: String,
    is_loopback: bool,
    is_plain: bool,
}

impl Endpoint {
    /// Reads a host (`sts.tencentcloudapi.com`) or a URL.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        // The parser drops line breaks, decodes `%2e` and accepts `*`: the host would differ from
        // the text.
        let known = |c: char| c.is_ascii_alphanumeric() || "-._:/[]@?#=&".contains(c);
        if !text.chars().all(known) {
            return Err(EndpointError::Url);
        }
        let url = Url::parse(&text).map_err(|_| EndpointError::Url)?;
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(EndpointError::Url),
        };
        // An empty user name leaves no other trace.
        let bare = !text.contains('@') && url.path() == "/";
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::NotBare);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            _ => return Err(EndpointError::Plain),
        }
        let name = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Ok(Self { is_plain: url.scheme() == "http", host, is_loopback, url })
    }

    /// The URL to post to.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The value of the `Host` header, which the signature covers.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the address never leaves this machine.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// Whether it uses plain HTTP.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }
}

/// Why a text is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// More than scheme, host and port.
    #[error("must be a host and at most a port, for example `sts.tencentcloudapi.com:443`")]
    NotBare,
    /// Plain HTTP to another machine.
    #[error("must use HTTPS; only loopback addresses may use `http://`")]
    Plain,
    /// Not a host or URL.
    #[error("must be a host or a URL, for example `sts.tencentcloudapi.com`")]
    Url,
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError};

    #[test]
    fn a_host_is_reached_by_https() {
        let endpoint = Endpoint::parse("sts.tencentcloudapi.com").unwrap();
        assert_eq!(endpoint.url().as_str(), "https://sts.tencentcloudapi.com/");
        assert_eq!(endpoint.host(), "sts.tencentcloudapi.com");
        assert!(!endpoint.is_loopback());
        assert_eq!(Endpoint::parse("https://localhost:8443").unwrap().host(), "localhost:8443");
    }

    #[test]
    fn plain_http_is_only_for_loopback() {
        for text in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
            assert!(Endpoint::parse(text).unwrap().is_plain(), "{text}");
        }
        for text in [
            "http://sts.tencentcloudapi.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
        ] {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::Plain), "{text}");
        }
    }

    #[test]
    fn anything_but_a_host_is_refused() {
        for text in [
            "https://user@sts.tencentcloudapi.com",
            "https://a:b@127.0.0.1",
            "https://@127.0.0.1",
            "sts.tencentcloudapi.com/v2",
            "https://h/?a=b",
            "https://h/#f",
        ] {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::NotBare), "{text}");
        }
        let texts = "https:// https://[::1 sts.tencent\ncloudapi.com sts%2etencentcloudapi.com \
            *.tencentcloudapi.com sts.tencentcloudapi.com\\";
        for text in texts.split(' ').chain(["", " ", "a b"]) {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::Url), "{text}");
        }
    }
}
