//! The address of the client: who reports it, and the setting `CLIENT_ADDRESS`.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// The address of a client, and who reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// The address.
    pub address: IpAddr,
    /// Who reports it.
    pub source: AddressSource,
}

/// Who reports the address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// The connection to this server.
    Connection,
    /// The event of the platform.
    Platform,
    /// A header that a trusted proxy writes.
    Header,
}

impl AddressSource {
    /// The name in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Platform => "platform",
            Self::Header => "header",
        }
    }
}

/// A header that trusted proxies write, such as `X-Forwarded-For`.
///
/// A proxy appends the address that it was called from. A client can write anything further left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHeader {
    /// The header.
    pub name: HeaderName,
    /// How many trusted proxies are in front: the address is so many places from the right.
    pub hops: usize,
}

impl AddressHeader {
    /// The address in the header; `None` if that place has none.
    pub(super) fn address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        // Several headers of one name are one list.
        // <https://www.rfc-editor.org/rfc/rfc9110#section-5.3>
        let values = headers.get_all(&self.name).iter().rev();
        let mut places = values.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let place = places.nth(self.hops.checked_sub(1)?)?.trim();
        let with_port = || place.parse::<SocketAddr>().map(|address| address.ip());
        let plain = place.trim_start_matches('[').trim_end_matches(']');
        plain.parse().or_else(|_| with_port()).ok()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::AddressHeader;

    #[test]
    fn the_address_is_counted_from_the_right() {
        let name = HeaderName::from_static("x-forwarded-for");
        let of = |hops, values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&name, HeaderValue::from_static(value));
            }
            let header = AddressHeader { name: name.clone(), hops };
            header.address(&headers).map(|address| address.to_string())
        };
        let found = |text: &str| Some(text.to_owned());
        let forged = ["203.0.113.9, 192.0.2.1", "10.0.0.1"];
        assert_eq!(of(1, &forged), found("10.0.0.1"));
        assert_eq!(of(2, &forged), found("192.0.2.1"));
        assert_eq!(of(3, &forged), found("203.0.113.9"));
        assert_eq!(of(4, &forged), None);
        assert_eq!(of(1, &["192.0.2.1:4711"]), found("192.0.2.1"));
        assert_eq!(of(1, &["[2001:db8::1]:4711"]), found("2001:db8::1"));
        assert_eq!(of(1, &["[2001:db8::1]"]), found("2001:db8::1"));
        for wrong in ["", "unknown", "192.0.2.1,", "192.0.2", "a, b"] {
            assert_eq!(of(1, &[wrong]), None, "{wrong}");
        }
        assert_eq!(of(1, &[]), None);
    }
}
