//! Where does a caller sit, as far as limits are concerned? One IPv4 address, or an IPv6 /64: what one attacker owns.

use std::net::{IpAddr, Ipv6Addr};

/// An address as attackers own them: one IPv4, or an IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientAddress(IpAddr);

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: write it as 192.0.2.7 or 2001:db8::7")]
pub struct ClientAddressError(String);

impl From<IpAddr> for ClientAddress {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }
}

impl ClientAddress {
    /// Its bytes, for keys.
    #[must_use]
    pub fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

impl std::fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => v4.fmt(f),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

impl std::str::FromStr for ClientAddress {
    type Err = ClientAddressError;

    /// Reads an address, or a /64 as it is printed.
    fn from_str(text: &str) -> Result<Self, ClientAddressError> {
        let address = text.strip_suffix("/64").filter(|prefix| prefix.contains(':')).unwrap_or(text);
        address.parse::<IpAddr>().map(Self::from).map_err(|_| ClientAddressError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_ipv4_or_a_64_and_reads_back_as_it_prints() {
        for (written, printed) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
            ("2001:db8::/64", "2001:db8::/64"),
        ] {
            let source: ClientAddress = written.parse().unwrap();
            assert_eq!(source.to_string(), printed);
            assert_eq!(printed.parse(), Ok(source));
        }
        for text in ["", "alice", "192.0.2.0/64", "192.0.2", "2001:db8::/32"] {
            assert!(text.parse::<ClientAddress>().is_err(), "{text}");
        }
    }
}
