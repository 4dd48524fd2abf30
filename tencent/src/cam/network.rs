//! Networks of `ip_equal`: one address, or CIDR. Host bits may be set, as in the documents'
//! `10.217.182.3/24` (<https://www.tencentcloud.com/document/product/598/10608>).
//!
//! # Guarantees
//! An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is that IPv4 address. `::/0` contains every IPv6
//! address and no IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Network {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().ok()?;
        let width = if written.is_ipv4() { 32 } else { 128 };
        let prefix_bits: u32 = match bits {
            Some(bits) if bits.chars().all(|c| c.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => width,
        };
        if prefix_bits > width {
            return None;
        }
        let address = written.to_canonical();
        if written.is_ipv6() && address.is_ipv4() {
            // Shorter than the prefix of mapped addresses: an IPv6 network.
            return Some(match prefix_bits.checked_sub(96) {
                Some(prefix_bits) => Self { address, prefix_bits },
                None => Self { address: written, prefix_bits },
            });
        }
        Some(Self { address, prefix_bits })
    }

    /// Its first and its last address.
    pub(super) fn bounds(self) -> (IpAddr, IpAddr) {
        match self.address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(self.prefix_bits).unwrap_or(0);
                let bits = address.to_bits();
                let ends = (bits & !host, bits | host);
                (Ipv4Addr::from_bits(ends.0).into(), Ipv4Addr::from_bits(ends.1).into())
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(self.prefix_bits).unwrap_or(0);
                let bits = address.to_bits();
                let ends = (bits & !host, bits | host);
                (Ipv6Addr::from_bits(ends.0).into(), Ipv6Addr::from_bits(ends.1).into())
            }
        }
    }

    /// Whether `address` is in it.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix_bits));
                let mask = mask.unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.prefix_bits));
                let mask = mask.unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_in_its_network() {
        for (network, address) in [
            ("10.217.182.3/24", "10.217.182.255"),
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1/32", "10.0.0.1"),
            ("0.0.0.0/0", "203.0.113.9"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"),
            ("::ffff:10.0.0.0/104", "10.1.2.3"),
            ("2001:db8::/32", "2001:db8:ffff::1"),
            ("2001:db8::1", "2001:db8:0::1"),
            ("::/0", "2001:db8::1"),
        ] {
            assert!(contains(network, address), "{address} in {network}");
        }
        for (network, address) in [
            ("10.217.182.3/24", "10.217.183.0"),
            ("10.0.0.1", "10.0.0.2"),
            ("10.0.0.0/31", "10.0.0.2"),
            ("::/0", "10.0.0.1"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("2001:db8::/33", "2001:db8:8000::"),
        ] {
            assert!(!contains(network, address), "{address} in {network}");
        }
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        let texts = "10.0.0 10.0.0.0/33 10.0.0.0/ 10.0.0.0/+8 10.0.0.0/8/8 ::/129 a";
        for text in texts.split(' ').chain(["", "10.0.0.1 "]) {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
