//! How many connections each peer's address has.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use crate::connection::Peer;

/// Counts connections by address, as long as there is a limit to them. The peers of Unix sockets
/// have no address, and are not counted.
#[derive(Debug, Default)]
pub(super) struct PerPeer {
    most: Option<usize>,
    of: HashMap<IpAddr, usize>,
}

impl PerPeer {
    /// With at most so many for each address; none for no limit.
    pub(super) fn new(most: Option<usize>) -> Self {
        Self { most, of: HashMap::new() }
    }

    /// Counts one more, unless its address has as many as it may: then returns false.
    pub(super) fn enter(&mut self, peer: &Peer) -> bool {
        let (Some(most), Some(address)) = (self.most, peer.address()) else { return true };
        let count = self.of.entry(address.ip()).or_default();
        let room = *count < most;
        *count += usize::from(room);
        room
    }

    /// Counts one less, of a peer that had entered.
    pub(super) fn leave(&mut self, peer: &Peer) {
        let (Some(_), Some(address)) = (self.most, peer.address()) else { return };
        if let Entry::Occupied(mut counted) = self.of.entry(address.ip()) {
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
        let mut counts = PerPeer::new(Some(2));
        assert!(counts.enter(&peer("127.0.0.1:1")) && counts.enter(&peer("127.0.0.1:2")));
        assert!(!counts.enter(&peer("127.0.0.1:3")), "the third");
        assert!(!counts.enter(&peer("[::ffff:127.0.0.1]:3")), "the same address, mapped");
        assert!(counts.enter(&peer("127.0.0.2:1")));
        assert!(counts.enter(&Peer::unix(1)) && counts.enter(&Peer::unix(1)));
        assert!(counts.enter(&Peer::unix(1)), "it has no address");
        counts.leave(&peer("127.0.0.1:2"));
        assert!(counts.enter(&peer("127.0.0.1:9")));
    }

    #[test]
    fn who_has_left_takes_no_room() {
        let mut counts = PerPeer::new(Some(1));
        for port in 1..1000 {
            let peer = Peer::from(SocketAddr::from(([10, 0, 3, 1], port)));
            assert!(counts.enter(&peer));
            counts.leave(&peer);
        }
        assert!(counts.of.is_empty());
    }
}
