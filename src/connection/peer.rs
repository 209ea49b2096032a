//! The peer's address, in a third less space than [`SocketAddr`].

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// An address and port, or for a Unix socket, the process that connected.
///
/// An IPv4 address is kept as the IPv6 address it maps to (RFC 4291, section 2.5.5.2), and shown as
/// IPv4 again. No peer connects from the unspecified address, so it marks a Unix socket; the scope
/// is then the process id of its peer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    ip: [u8; 16],
    /// The interface of a link-local address; bytes, so that alignment adds no padding.
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
    /// Creates the peer of a Unix socket: the process that connected, 0 if unknown.
    pub const fn unix(process: u32) -> Self {
        Self { ip: [0; 16], scope: process.to_ne_bytes(), port: [0; 2] }
    }

    /// Returns true for the peer of a Unix socket.
    pub fn is_unix(&self) -> bool {
        Ipv6Addr::from(self.ip).is_unspecified()
    }

    /// Returns true if a short read from this peer has emptied the socket. The peer of a Unix
    /// socket can send descriptors, and a read stops behind the byte that carries them (unix(7)).
    pub(super) fn short_read_empties(&self) -> bool {
        !self.is_unix()
    }

    /// Returns the internet address in the form of the standard library; a Unix socket's peer has
    /// none.
    pub fn address(&self) -> Option<SocketAddr> {
        if self.is_unix() {
            return None;
        }
        let ip = Ipv6Addr::from(self.ip);
        let port = u16::from_ne_bytes(self.port);
        Some(match ip.to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), port),
            None => SocketAddrV6::new(ip, port, 0, u32::from_ne_bytes(self.scope)).into(),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address(), u32::from_ne_bytes(self.scope)) {
            (Some(address), _) => fmt::Display::fmt(&address, f),
            (None, 0) => f.write_str("unix"),
            (None, process) => write!(f, "unix:{process}"),
        }
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
            assert_eq!(Peer::from(address).address(), Some(address));
            assert_eq!(Peer::from(address).to_string(), text);
        }
    }

    #[test]
    fn a_unix_peer_is_a_process() {
        assert_eq!(Peer::unix(4711).to_string(), "unix:4711");
        assert_eq!(Peer::unix(0).to_string(), "unix");
        assert!(Peer::unix(1).is_unix() && Peer::unix(1).address().is_none());
        assert!(!Peer::from(SocketAddr::from(([127, 0, 0, 1], 9))).is_unix());
    }
}
