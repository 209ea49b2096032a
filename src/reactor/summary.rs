//! A periodic summary, for the operator, of connections that the daemon or the network ended. Each
//! of them alone is only a debug line; the summary shows an attack without filling the log.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::Peer;
use crate::net::access;

/// The causes in the summary.
const CAUSES: [Cause; 7] = [
    Cause::Refused,
    Cause::Evicted,
    Cause::Idle,
    Cause::LineTimeout,
    Cause::Stalled,
    Cause::TimedOut,
    Cause::Protocol,
];

/// The delay of a summary after its first event, so that it covers more than one.
const SUMMARY_DELAY: Duration = Duration::from_secs(1);

/// The minimum time between two summaries.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// The maximum number of addresses counted between two summaries: some 100 KB. Beyond it, frequent
/// addresses stay (Misra and Gries, "Finding repeated elements", 1982).
const ADDRESSES_MAX: usize = 1024;

/// The number of addresses in a summary.
const WORST: usize = 3;

/// The events since the last summary.
#[derive(Debug, Default)]
pub(super) struct Summary {
    counts: [u64; CAUSES.len()],
    addresses: HashMap<IpAddr, u64>,
    /// The number of bits of an IPv6 address that identify a peer.
    v6_prefix: u8,
    /// Admin connections closed without an answer.
    admin_rejected: u64,
    since: Option<MonotonicMs>,
    last: Option<MonotonicMs>,
}

impl Summary {
    /// Creates a summary that counts IPv6 addresses by networks of this prefix length.
    pub(super) fn new(v6_prefix: u8) -> Self {
        Self { v6_prefix, ..Self::default() }
    }

    /// Counts the end of a connection. Returns the time of the next summary if this is its first
    /// event.
    pub(super) fn note(
        &mut self,
        cause: Cause,
        peer: &Peer,
        now: MonotonicMs,
    ) -> Option<MonotonicMs> {
        let place = CAUSES.iter().position(|summed| *summed == cause)?;
        *self.counts.get_mut(place)? += 1;
        self.note_peer(peer, now)
    }

    /// The same for an admin connection closed without an answer.
    pub(super) fn note_admin(&mut self, peer: &Peer, now: MonotonicMs) -> Option<MonotonicMs> {
        self.admin_rejected += 1;
        self.note_peer(peer, now)
    }

    fn note_peer(&mut self, peer: &Peer, now: MonotonicMs) -> Option<MonotonicMs> {
        if let Some(address) = peer.address() {
            let address = access::counted_as(address.ip(), self.v6_prefix);
            if self.addresses.len() < ADDRESSES_MAX || self.addresses.contains_key(&address) {
                *self.addresses.entry(address).or_default() += 1;
            } else {
                self.addresses.retain(|_, count| {
                    *count -= 1;
                    *count > 0
                });
            }
        }
        if self.since.is_some() {
            return None;
        }
        self.since = Some(now);
        let soonest = self.last.map_or(MonotonicMs(0), |last| last.after(SUMMARY_INTERVAL));
        Some(now.after(SUMMARY_DELAY).max(soonest))
    }

    /// Returns the summary, and starts the next one.
    pub(super) fn take(&mut self, now: MonotonicMs) -> String {
        let since = self.since.take().unwrap_or(now);
        self.last = Some(now);
        let seconds = now.since(since).as_secs().max(1);
        let counts = CAUSES.iter().zip(std::mem::take(&mut self.counts));
        let counts = counts.filter(|(_, count)| *count > 0);
        let counts = counts.map(|(cause, count)| format!("{}={count}", cause.word()));
        let admin = Some(std::mem::take(&mut self.admin_rejected)).filter(|count| *count > 0);
        let admin = admin.map(|count| format!("metrics-rejected={count}"));
        let counts = counts.chain(admin).collect::<Vec<_>>().join(" ");
        let mut worst: Vec<_> = std::mem::take(&mut self.addresses).into_iter().collect();
        worst.sort_unstable_by_key(|(address, count)| (Reverse(*count), *address));
        let worst = worst.iter().take(WORST).map(|(address, count)| {
            let network =
                if address.is_ipv6() { format!("/{}", self.v6_prefix) } else { String::new() };
            format!("{address}{network} ({count})")
        });
        let worst = worst.collect::<Vec<_>>().join(", ");
        let most = if worst.is_empty() { "" } else { "; most from " };
        format!("connections ended in the last {seconds} s: {counts}{most}{worst}")
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer(host: u8) -> Peer {
        SocketAddr::from(([10, 0, 0, host], 1)).into()
    }

    #[test]
    fn an_attack_is_one_line_with_its_worst_addresses() {
        let mut summary = Summary::default();
        assert_eq!(
            summary.note(Cause::Refused, &peer(1), MonotonicMs(5000)),
            Some(MonotonicMs(6000))
        );
        for host in [1, 2, 3, 3, 3, 2, 4] {
            assert_eq!(summary.note(Cause::Refused, &peer(host), MonotonicMs(5500)), None);
        }
        assert_eq!(summary.note(Cause::Stalled, &Peer::unix(1), MonotonicMs(5500)), None);
        let text = "connections ended in the last 3 s: refused=8 stalled=1; most from \
                    10.0.0.3 (3), 10.0.0.1 (2), 10.0.0.2 (2)";
        assert_eq!(summary.take(MonotonicMs(8000)), text);
        assert_eq!(
            summary.note(Cause::Idle, &peer(1), MonotonicMs(9000)),
            Some(MonotonicMs(68_000)),
            "a minute after the last"
        );
        let text = "connections ended in the last 59 s: idle=1; most from 10.0.0.1 (1)";
        assert_eq!(summary.take(MonotonicMs(68_000)), text);
    }

    #[test]
    fn an_orderly_end_is_not_summed_up() {
        let mut summary = Summary::default();
        for cause in [Cause::Finished, Cause::Reset, Cause::Drained, Cause::Cut] {
            assert_eq!(summary.note(cause, &peer(1), MonotonicMs(0)), None);
        }
        assert!(summary.since.is_none());
    }

    #[test]
    fn the_worst_address_is_named_however_many_others_there_are() {
        let mut summary = Summary::new(64);
        let decoy = |number: u32| {
            Peer::from(SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + number), 1)))
        };
        for number in 0..20_000 {
            summary.note(Cause::Refused, &decoy(number), MonotonicMs(0));
        }
        for _ in 0..3000 {
            summary.note(
                Cause::Refused,
                &Peer::from(SocketAddr::from(([192, 0, 2, 1], 1))),
                MonotonicMs(0),
            );
        }
        assert!(summary.addresses.len() <= ADDRESSES_MAX);
        let text = summary.take(MonotonicMs(0));
        assert!(text.contains("refused=23000; most from 192.0.2.1 (3000)"), "{text}");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let mut summary = Summary::new(64);
        for host in 1..=500_u16 {
            let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host);
            summary.note(Cause::Refused, &SocketAddr::from((address, 1)).into(), MonotonicMs(0));
        }
        summary.note_admin(&peer(1), MonotonicMs(0));
        let text = "connections ended in the last 1 s: refused=500 metrics-rejected=1; most from \
                    2001:db8::/64 (500), 10.0.0.1 (1)";
        assert_eq!(summary.take(MonotonicMs(0)), text);
    }
}
