//! How many connections each peer's address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::IpAddr;

use crate::connection::Peer;
use crate::net::access;

/// How many connections an address may have. IPv6 addresses that share their first bits count as
/// one, because a host has a whole network of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimit {
    /// The most connections.
    pub connections: usize,
    /// How many bits of an IPv6 address count.
    pub v6_prefix: u8,
}

impl PeerLimit {
    /// What a host is commonly given (RFC 6177, section 2): a /64 at least.
    pub const V6_PREFIX: u8 = 64;

    /// As many connections for each address, and for each IPv6 network of that common size.
    pub const fn of(connections: usize) -> Self {
        Self { connections, v6_prefix: Self::V6_PREFIX }
    }
}

impl fmt::Display for PeerLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (IPv6: each /{})", self.connections, self.v6_prefix)
    }
}

/// Counts connections by address, as long as there is a limit to them. The peers of Unix sockets
/// have no address, and are not counted.
#[derive(Debug, Default)]
pub(super) struct PerPeer {
    limit: Option<PeerLimit>,
    counts: HashMap<IpAddr, usize>,
    /// The connections that count for the address they came from until a PROXY header has named
    /// their client, by key.
    unidentified: HashMap<usize, IpAddr>,
}

impl PerPeer {
    /// With that limit; none for no limit.
    pub(super) fn new(limit: Option<PeerLimit>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Counts one more, unless its address has as many as it may: then returns false.
    pub(super) fn try_acquire(&mut self, peer: &Peer) -> bool {
        let Some((limit, address)) = self.counted_as(peer) else { return true };
        let count = self.counts.entry(address).or_default();
        let room = *count < limit;
        *count += usize::from(room);
        room
    }

    /// Counts one less, of a peer that had entered.
    pub(super) fn release(&mut self, peer: &Peer) {
        if let Some((_, address)) = self.counted_as(peer) {
            self.decrement(address);
        }
    }

    /// Like [`Self::try_acquire`], for the connection with that key, whose PROXY header has not
    /// come.
    pub(super) fn try_acquire_unidentified(&mut self, key: usize, peer: &Peer) -> bool {
        let room = self.try_acquire(peer);
        if let Some((_, address)) = self.counted_as(peer).filter(|_| room) {
            self.unidentified.insert(key, address);
        }
        room
    }

    /// The connection with that key has been identified, or has ended.
    pub(super) fn release_unidentified(&mut self, key: usize) {
        if let Some(address) = self.unidentified.remove(&key) {
            self.decrement(address);
        }
    }

    /// The limit for a peer, and the address that it counts for.
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
    fn each_address_has_its_own_count_whatever_the_port() {
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
