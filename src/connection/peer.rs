//! The peer's address, in a third less room than [`SocketAddr`] takes.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address and port. An IPv4 address is kept as the IPv6 address it maps to (RFC 4291,
/// section 2.5.5.2), and shown as IPv4 again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    ip: [u8; 16],
    /// The interface of a link-local address; bytes, so that nothing is lost to alignment.
    scope: [u8; 4],
    port: [u8; 2],
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        let (ip, scope) = match address {
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        Self { ip: ip.octets(), scope: scope.to_ne_bytes(), port: address.port().to_ne_bytes() }
    }
}

impl Peer {
    /// The address as the standard library has it.
    pub fn address(&self) -> SocketAddr {
        let ip = Ipv6Addr::from(self.ip);
        let port = u16::from_ne_bytes(self.port);
        match ip.to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), port),
            None => SocketAddrV6::new(ip, port, 0, u32::from_ne_bytes(self.scope)).into(),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address(), f)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was() {
        for text in ["127.0.0.1:9877", "[::1]:7", "[fe80::1%3]:65535", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Peer::from(address).address(), address);
            assert_eq!(Peer::from(address).to_string(), text);
        }
    }
}
