//! A look at every connection, for the status: phases, traffic, transitions, and the addresses with
//! the most connections.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::connection::{History, Peer, PhaseKind, Traffic, transitions_of};
use crate::net::access;

use super::{Os, Reactor};

/// The most connections whose addresses are counted, evenly spread over all: this takes a
/// millisecond.
const ADDRESSES_MAX: usize = 1 << 14;

/// The addresses that are listed.
const LISTED_MAX: usize = 10;

/// The state of all connections, those that have ended included.
#[derive(Debug)]
pub struct Survey {
    /// The number of connections in each phase of [`PhaseKind::ALIVE`].
    pub phases: [usize; PhaseKind::ALIVE.len()],
    /// The traffic of all connections.
    pub traffic: Traffic,
    /// The number of connections that have made each transition.
    pub transitions: BTreeMap<(PhaseKind, PhaseKind), u64>,
    /// The ten addresses with the most connections, and how many each has. Of many connections
    /// only a part is counted, and the numbers are estimates.
    pub peers: Vec<(String, usize)>,
    /// True if those numbers are estimates.
    pub peers_estimated: bool,
}

impl<O: Os> Reactor<O> {
    /// Looks at every connection, once.
    pub fn survey(&self) -> Survey {
        let every = self.open_count().div_ceil(ADDRESSES_MAX).max(1);
        let mut traffic = self.counters.traffic;
        let mut phases = [0; PhaseKind::ALIVE.len()];
        let mut paths = self.counters.paths;
        let mut addresses = HashMap::new();
        let mut note = |number: usize, peer: &Peer, history: History| {
            if let Some(count) = paths.get_mut(history.path()) {
                *count += 1;
            }
            if number.is_multiple_of(every) {
                *addresses.entry(self.counted_as(peer)).or_default() += every;
            }
        };
        for (number, connection) in self.slots.iter().enumerate() {
            note(number, connection.peer(), connection.history());
            count_phase(&mut phases, connection.phase().kind());
            traffic.add(connection.traffic());
        }
        for (number, (peer, history)) in self.children.iter().enumerate() {
            note(number, peer, history);
        }
        let peers = self.busiest(addresses);
        let peers_estimated = every > 1;
        Survey { phases, traffic, transitions: transitions(&paths), peers, peers_estimated }
    }

    /// The address for which a peer counts, as for `--max-per-peer`; the peers of Unix sockets have
    /// none.
    fn counted_as(&self, peer: &Peer) -> Option<IpAddr> {
        peer.address().map(|address| access::counted_as(address.ip(), self.v6_prefix()))
    }

    fn v6_prefix(&self) -> u8 {
        self.options.per_peer_max.map_or(128, |limit| limit.v6_prefix)
    }

    fn busiest(&self, addresses: HashMap<Option<IpAddr>, usize>) -> Vec<(String, usize)> {
        let mut counts: Vec<_> = addresses.into_iter().collect();
        counts.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then(a.cmp(b)));
        counts.truncate(LISTED_MAX);
        let name = |address| match (address, self.v6_prefix()) {
            (None, _) => "unix".to_owned(),
            (Some(IpAddr::V6(v6)), prefix @ ..=127) => format!("{v6}/{prefix}"),
            (Some(address), _) => address.to_string(),
        };
        counts.into_iter().map(|(address, count)| (name(address), count)).collect()
    }
}

/// Counts a connection in that phase.
pub(super) fn count_phase(phases: &mut [usize], kind: PhaseKind) {
    let counts = PhaseKind::ALIVE.iter().zip(phases);
    counts.filter(|(alive, _)| **alive == kind).for_each(|(_, count)| *count += 1);
}

fn transitions(paths: &[u64]) -> BTreeMap<(PhaseKind, PhaseKind), u64> {
    let mut transitions = BTreeMap::new();
    for (path, count) in paths.iter().enumerate().filter(|(_, count)| **count > 0) {
        for transition in transitions_of(path) {
            *transitions.entry(transition).or_default() += count;
        }
    }
    transitions
}
