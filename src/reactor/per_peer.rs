//! Counts the connections of each peer address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::IpAddr;

use crate::connection::Peer;
use crate::net::access;

/// The limit on the connections of an address. IPv6 addresses with the same first bits count as
/// one, because a host has a whole network of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimit {
    /// The maximum number of connections.
    pub connections: usize,
    /// The number of bits of an IPv6 address that count.
    pub v6_prefix: u8,
}

impl PeerLimit {
    /// The usual allocation to a host (RFC 6177, section 2): at least a /64.
    pub const V6_PREFIX: u8 = 64;

    /// A limit for each IPv4 address and for each IPv6 network of that usual size.
    pub const fn of(connections: usize) -> Self {
        Self { connections, v6_prefix: Self::V6_PREFIX }
    }
}

impl fmt::Display for PeerLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (IPv6: each /{})", self.connections, self.v6_prefix)
    }
}

/// Counts connections by address, if there is a limit. The peers of Unix sockets have no address
/// and are not counted.
#[derive(Debug, Default)]
pub(super) struct PerPeer {
    limit: Option<PeerLimit>,
    counts: HashMap<IpAddr, usize>,
    /// By key, the connections that count for the address they come from until a PROXY header names
    /// their client.
    unidentified: HashMap<usize, IpAddr>,
}

impl PerPeer {
    /// Creates a counter for `limit`; none means no limit.
    pub(super) fn new(limit: Option<PeerLimit>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Counts a new connection. Returns false, without counting, if the address is at its limit.
    pub(super) fn try_acquire(&mut self, peer: &Peer) -> bool {
        let Some((limit, address)) = self.counted_as(peer) else { return true };
        let count = self.counts.entry(address).or_default();
        let room = *count < limit;
        *count += usize::from(room);
        room
    }

    /// Removes a connection that was counted.
    pub(super) fn release(&mut self, peer: &Peer) {
        if let Some((_, address)) = self.counted_as(peer) {
            self.decrement(address);
        }
    }

    /// Like [`Self::try_acquire`], for the connection with this key, before its PROXY header has
    /// arrived.
    pub(super) fn try_acquire_unidentified(&mut self, key: usize, peer: &Peer) -> bool {
        let room = self.try_acquire(peer);
        if let Some((_, address)) = self.counted_as(peer).filter(|_| room) {
            self.unidentified.insert(key, address);
        }
        room
    }

    /// Removes the connection with this key once it has been identified or has ended.
    pub(super) fn release_unidentified(&mut self, key: usize) {
        if let Some(address) = self.unidentified.remove(&key) {
            self.decrement(address);
        }
    }

    /// Returns the limit for a peer, and the address for which it counts.
    fn counted_as(&self, peer: &Peer) -> Option<(usize, IpAddr)> {
        let (limit, address) = self.limit.zip(peer.address())?;
        Some((limit.connections, access::counted_as(address.ip(), limit.v6_prefix)))
    }

    fn decrement(&mut self, address: IpAddr) {
        if let Entry::Occupied(mut counted) = self.counts.entry(address) {
            *counted.get_mut() -= 1;
            if *counted.get() == 0 {
                counted.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse::<SocketAddr>().unwrap().into()
    }

    #[test]
    fn each_address_has_one_count_for_all_ports() {
        let mut counts = PerPeer::new(Some(PeerLimit::of(2)));
        assert!(
            counts.try_acquire(&peer("127.0.0.1:1")) && counts.try_acquire(&peer("127.0.0.1:2"))
        );
        assert!(!counts.try_acquire(&peer("127.0.0.1:3")), "the third");
        assert!(!counts.try_acquire(&peer("[::ffff:127.0.0.1]:3")), "the same address, mapped");
        assert!(counts.try_acquire(&peer("127.0.0.2:1")));
        assert!(counts.try_acquire(&Peer::unix(1)) && counts.try_acquire(&Peer::unix(1)));
        assert!(counts.try_acquire(&Peer::unix(1)), "it has no address");
        counts.release(&peer("127.0.0.1:2"));
        assert!(counts.try_acquire(&peer("127.0.0.1:9")));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let mut counts = PerPeer::new(Some(PeerLimit::of(1)));
        assert!(counts.try_acquire(&peer("[2001:db8::1]:1")));
        assert!(!counts.try_acquire(&peer("[2001:db8::ffff:2]:1")), "of the same /64");
        assert!(counts.try_acquire(&peer("[2001:db8:0:1::1]:1")), "of the next one");
        counts.release(&peer("[2001:db8::1]:1"));
        assert!(counts.try_acquire(&peer("[2001:db8::2]:1")));
        let single = PeerLimit { connections: 1, v6_prefix: 128 };
        let mut counts = PerPeer::new(Some(single));
        assert!(
            counts.try_acquire(&peer("[2001:db8::1]:1"))
                && counts.try_acquire(&peer("[2001:db8::2]:1"))
        );
        let all = PeerLimit { connections: 1, v6_prefix: 0 };
        let mut counts = PerPeer::new(Some(all));
        assert!(
            counts.try_acquire(&peer("[2001:db8::1]:1"))
                && !counts.try_acquire(&peer("[2002::1]:1"))
        );
        assert!(
            counts.try_acquire(&peer("192.0.2.1:1")) && counts.try_acquire(&peer("192.0.2.2:1"))
        );
    }

    #[test]
    fn an_unidentified_connection_counts_for_its_own_address_until_it_is_identified() {
        let mut counts = PerPeer::new(Some(PeerLimit::of(1)));
        let proxy = peer("192.0.2.1:1");
        assert!(counts.try_acquire_unidentified(7, &proxy));
        assert!(!counts.try_acquire_unidentified(8, &proxy) && !counts.try_acquire(&proxy));
        counts.release_unidentified(8);
        assert!(!counts.try_acquire(&proxy), "it never was counted");
        counts.release_unidentified(7);
        counts.release_unidentified(7);
        assert!(counts.try_acquire(&proxy));
        assert!(counts.unidentified.is_empty());
    }

    #[test]
    fn a_peer_that_has_left_takes_no_room() {
        let mut counts = PerPeer::new(Some(PeerLimit::of(1)));
        for port in 1..1000 {
            let peer = Peer::from(SocketAddr::from(([10, 0, 3, 1], port)));
            assert!(counts.try_acquire(&peer));
            counts.release(&peer);
        }
        assert!(counts.counts.is_empty());
    }
}
