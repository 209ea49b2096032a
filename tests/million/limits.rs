//! What the machine must have for so many connections, said before it begins, with a remedy.

use std::fmt;
use std::fs;

use rustix::process::{Resource, getrlimit};

use super::memory;
use super::scale::Scale;

/// What both ends of a connection take at the most, in bytes, with some to spare: while a million
/// were held the kernel had 10.3 KB for each, and 13.5 KB for a moment when they closed; the daemon
/// and the load generator have 450 bytes.
const PAIR_BYTES: u64 = 14_336;

/// What every process takes before it has a connection, in bytes, with some to spare.
const PROCESS_BYTES: u64 = 4 << 20;

/// Descriptors of everybody else on this machine, and of each process beside its connections.
const OTHER_DESCRIPTORS: u64 = 10_000;

/// How many connections of one load process wait for their first echo at a time, as
/// `docs/load.md` says.
const YOUNG_MAX: u64 = 512;

/// What TCP's buffers take of the connections that echo at a moment, in pages each.
const BUSY_PAGES: u64 = 4;

/// One thing that a machine has so much of.
#[derive(Debug)]
pub(crate) struct Limit {
    name: &'static str,
    has: u64,
    needs: u64,
    remedy: String,
}

impl Limit {
    pub(crate) fn suffices(&self) -> bool {
        self.has >= self.needs
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, has, needs, remedy } = self;
        if self.suffices() {
            write!(f, "{name}: {has}, and {needs} are needed")
        } else {
            write!(f, "{name}: {has}, but {needs} are NEEDED: {remedy}")
        }
    }
}

/// How a crowd of that size is held here. An error if no number of processes can.
pub(crate) fn scale(connections: u64) -> Result<Scale, String> {
    // What the daemon and the load generator raise their own to.
    let descriptors = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    Scale::of(connections, descriptors.min(numbers("fs/nr_open")[0]), ports())
}

/// All that is looked at, enough or not.
pub(crate) fn all(scale: &Scale) -> Vec<Limit> {
    let Scale { connections, daemons, loads, .. } = *scale;
    let ends = 2 * connections;
    let descriptors = ends + OTHER_DESCRIPTORS;
    let busy = loads * YOUNG_MAX;
    let mut limits = vec![
        Limit {
            name: "free descriptors of the system",
            has: numbers("fs/file-max")[0] - numbers("fs/file-nr")[0],
            needs: descriptors,
            remedy: format!("sysctl fs.file-max={}", numbers("fs/file-nr")[0] + descriptors),
        },
        Limit {
            name: "sockets in epoll, for one user",
            has: numbers("fs/epoll/max_user_watches")[0],
            needs: ends + OTHER_DESCRIPTORS,
            remedy: format!("sysctl fs.epoll.max_user_watches={descriptors}"),
        },
        Limit {
            name: "pages for TCP's buffers",
            has: numbers("net/ipv4/tcp_mem")[1],
            needs: busy * BUSY_PAGES,
            remedy: "a higher second number of sysctl net.ipv4.tcp_mem".to_owned(),
        },
        Limit {
            name: "connections that wait to be accepted, for one daemon",
            has: numbers("net/core/somaxconn")[0],
            // Twice the mean: a hash does not spread evenly.
            needs: 2 * busy / daemons,
            remedy: format!("sysctl net.core.somaxconn={}", 2 * busy / daemons),
        },
        Limit {
            name: "ports for one address to connect from",
            has: ports(),
            needs: 2 * connections.div_ceil(loads * scale.sources),
            remedy: "sysctl net.ipv4.ip_local_port_range='32768 60999'".to_owned(),
        },
        Limit {
            name: "bytes of memory available",
            has: memory::available_bytes(),
            needs: connections * PAIR_BYTES + (daemons + loads) * PROCESS_BYTES,
            remedy: "a machine with more, or fewer connections (--connections)".to_owned(),
        },
    ];
    limits.extend(tracked(connections));
    limits
}

/// Where a firewall follows connections, it has to follow these too; most do not on loopback.
fn tracked(connections: u64) -> Option<Limit> {
    let number = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    };
    let (has, count) = (number("max")?, number("count")?);
    (count > 0).then(|| Limit {
        name: "connections that the firewall can follow",
        has: has.saturating_sub(count),
        needs: connections,
        remedy: format!("sysctl net.netfilter.nf_conntrack_max={}", count + connections),
    })
}

/// How many ports the system chooses from.
fn ports() -> u64 {
    let range = numbers("net/ipv4/ip_local_port_range");
    (range[1] + 1).saturating_sub(range[0])
}

/// The numbers of a file below /proc/sys.
fn numbers(name: &str) -> Vec<u64> {
    let text = fs::read_to_string(format!("/proc/sys/{name}")).expect("Linux has it");
    // Some are the greatest number that there is, of whatever width.
    text.split_whitespace().map(|word| word.parse().unwrap_or(u64::MAX)).collect()
}
