//! Access to the admin API: for programs of this machine that have the token, and for no page in a
//! browser.
//!
//! Checked in this order, before anything is read or done: the `Host` is a loopback name, so that a
//! foreign name that resolves to this machine is refused (DNS rebinding); a request with an
//! `Origin` is refused; the token is right, compared in constant time; a body is JSON, which no
//! form of a page can send unasked. There are no CORS headers.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderName, Method};
use subtle::ConstantTimeEq as _;
use tencent::secret::Secret;

use super::Refusal;

pub(super) struct Guard {
    pub(super) token: Secret,
}

impl Guard {
    pub(super) fn admit(&self, head: &Parts) -> Result<(), Refusal> {
        if !host(head).is_some_and(is_loopback) {
            return Err(Refusal::new(
                403,
                "ForeignHost",
                "the Host has to be 127.0.0.1, localhost or [::1]",
            ));
        }
        if head.headers.contains_key(ORIGIN) {
            return Err(Refusal::new(
                403,
                "Browser",
                "requests with an Origin are refused: use curl or a program",
            ));
        }
        let sent = single(head, AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let ours = self.token.expose().as_bytes();
        if !sent.is_some_and(|sent| bool::from(ours.ct_eq(sent.as_bytes()))) {
            return Err(Refusal::new(
                401,
                "Token",
                "send `Authorization: Bearer <token>`; the token is printed at start",
            ));
        }
        if head.method == Method::POST && !is_json(head) {
            return Err(Refusal::new(
                415,
                "NotJson",
                "send the body with `Content-Type: application/json`",
            ));
        }
        Ok(())
    }
}

/// The one host that the request names: both places have to agree where there are two.
fn host(head: &Parts) -> Option<&str> {
    let named = single(head, HOST)?;
    match head.uri.authority() {
        Some(authority) if authority.as_str() != named => None,
        _ => Some(named),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

fn is_json(head: &Parts) -> bool {
    let sent = single(head, CONTENT_TYPE).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The value of a header that is there once.
fn single(head: &Parts, name: HeaderName) -> Option<&str> {
    let mut values = head.headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_names_are_hosts() {
        for host in ["127.0.0.1", "127.0.0.1:80", "localhost:5000", "localhost", "[::1]:1", "[::1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        let hosts = "evil.example evil.example:5000 localhost.evil.example \
            127.0.0.1.evil.example:80 127.0.0.1:80:evil 127.0.0.1@evil.example evil.localhost \
            0.0.0.0 192.168.0.1 ::1";
        for host in hosts.split(' ').chain([""]) {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
