//! Where does the request really come from? The peer, unless the peer is a listed proxy.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the connection and trusted proxies say about the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The caller's address.
    pub client_ip: IpAddr,
    /// Whether the caller speaks TLS, to us or to a trusted proxy.
    pub secure: bool,
}

/// Reads the source. `X-Forwarded-For` is walked from its end, and the first address that is no trusted proxy is the
/// caller's; whatever stands before it was written by the caller and is worth nothing.
#[must_use]
pub fn source(peer: SocketAddr, tls: bool, headers: &HeaderMap, trusted: &[IpNet]) -> Source {
    let peer = canonical(peer.ip());
    if !is_trusted(peer, trusted) {
        return Source { client_ip: peer, secure: tls };
    }
    let hops: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut client_ip = peer;
    for hop in hops.iter().rev() {
        // What cannot be read is not skipped: everything before it is of unknown origin.
        let Some(address) = read_hop(hop) else { break };
        client_ip = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    let mut protos = headers.get_all(FORWARDED_PROTO).iter();
    let secure = match (protos.next(), protos.next()) {
        (Some(proto), None) => proto.as_bytes().eq_ignore_ascii_case(b"https"),
        (None, _) => tls,
        _ => false,
    };
    Source { client_ip, secure }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// An address, or an address with a port, in brackets if it is IPv6.
fn read_hop(hop: &str) -> Option<IpAddr> {
    let address = hop.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok()).map(canonical)
}

/// `::ffff:10.0.0.1` is 10.0.0.1, or a list of IPv4 networks would not match it.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        source(peer.parse().unwrap(), false, &headers, &trusted).client_ip.to_string()
    }

    #[test]
    fn a_stranger_cannot_name_another_address() {
        assert_eq!(from("203.0.113.7:1", &["127.0.0.1"]), "203.0.113.7");
    }

    #[test]
    fn behind_a_listed_proxy_the_last_stranger_counts() {
        assert_eq!(from("10.0.0.1:1", &["127.0.0.1, 198.51.100.4, 10.9.9.9"]), "198.51.100.4");
        assert_eq!(from("10.0.0.1:1", &["127.0.0.1", "198.51.100.4"]), "198.51.100.4");
        assert_eq!(from("[::ffff:10.0.0.1]:1", &["198.51.100.4:5000"]), "198.51.100.4");
    }

    #[test]
    fn an_unreadable_hop_ends_the_walk() {
        assert_eq!(from("10.0.0.1:1", &["127.0.0.1, unknown, 10.2.2.2"]), "10.2.2.2");
    }
}
