//! The limits of the machine that so many connections need, checked before the run, each with a
//! remedy.

use std::fmt;
use std::fs;

use rustix::process::{Resource, getrlimit};

use super::memory;
use super::scale::Scale;

/// Most bytes that both ends of a connection take, with a margin: with a million held, the kernel
/// used 10.3 KB for each, and for a moment 13.5 KB while they closed; the daemon and the load
/// generator use 450 bytes.
const PAIR_BYTES: u64 = 14_336;

/// Bytes of a process without connections, with a margin.
const PROCESS_BYTES: u64 = 4 << 20;

/// Descriptors of all other processes, and of each process beside its connections.
const OTHER_DESCRIPTORS: u64 = 10_000;

/// Connections of one load generator that wait for their first echo at a time (`docs/load.md`).
const UNANSWERED_MAX: u64 = 512;

/// Pages in TCP buffers per connection that is echoing at the moment.
const BUSY_PAGES: u64 = 4;

/// One limit of the machine.
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
            write!(f, "{name}: {has}, {needs} needed")
        } else {
            write!(f, "{name}: {has}, but {needs} NEEDED: {remedy}")
        }
    }
}

/// Chooses the processes for that many connections. Returns an error if no number of them suffices.
pub(crate) fn scale(connections: u64) -> Result<Scale, String> {
    // The daemon and the load generator raise their soft limits to this.
    let descriptors = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    Scale::of(connections, descriptors.min(numbers("fs/nr_open")[0]), ports())
}

/// Returns all checked limits, sufficient or not.
pub(crate) fn all(scale: &Scale) -> Vec<Limit> {
    let Scale { connections, daemons, loads, .. } = *scale;
    let ends = 2 * connections;
    let descriptors = ends + OTHER_DESCRIPTORS;
    let busy = loads * UNANSWERED_MAX;
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
            name: "pages for TCP buffers",
            has: numbers("net/ipv4/tcp_mem")[1],
            needs: busy * BUSY_PAGES,
            remedy: "a higher second number of sysctl net.ipv4.tcp_mem".to_owned(),
        },
        Limit {
            name: "accept queue of one daemon, in connections",
            has: numbers("net/core/somaxconn")[0],
            // Twice the mean: a hash does not spread evenly.
            needs: 2 * busy / daemons,
            remedy: format!("sysctl net.core.somaxconn={}", 2 * busy / daemons),
        },
        Limit {
            name: "ports per source address",
            has: ports(),
            needs: 2 * connections.div_ceil(loads * scale.sources),
            remedy: "sysctl net.ipv4.ip_local_port_range='32768 60999'".to_owned(),
        },
        Limit {
            name: "bytes of memory available",
            has: memory::available_bytes(),
            needs: connections * PAIR_BYTES + (daemons + loads) * PROCESS_BYTES,
            remedy: "a larger machine, or fewer connections (--connections)".to_owned(),
        },
    ];
    limits.extend(tracked(connections));
    limits
}

/// The table of a firewall that tracks connections; most do not on loopback.
fn tracked(connections: u64) -> Option<Limit> {
    let number = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()
    };
    let (has, count) = (number("max")?, number("count")?);
    (count > 0).then(|| Limit {
        name: "connections that the firewall can track",
        has: has.saturating_sub(count),
        needs: connections,
        remedy: format!("sysctl net.netfilter.nf_conntrack_max={}", count + connections),
    })
}

/// The number of ephemeral ports.
fn ports() -> u64 {
    let range = numbers("net/ipv4/ip_local_port_range");
    (range[1] + 1).saturating_sub(range[0])
}

/// The numbers in a file below /proc/sys.
fn numbers(name: &str) -> Vec<u64> {
    let text = fs::read_to_string(format!("/proc/sys/{name}")).expect("Linux has it");
    // Some have the highest value of their integer type, of any width.
    text.split_whitespace().map(|word| word.parse().unwrap_or(u64::MAX)).collect()
}
