//! The number of processes and addresses for a number of connections.

use std::net::Ipv4Addr;

use tcpecho::server;

/// Descriptors of a load generator that are not connections, with a margin.
const LOAD_RESERVE: u64 = 100;

/// Connections per source address: so few of the 28,232 ephemeral ports that a connect finds a free
/// one at the first or second attempt.
const PER_SOURCE_MAX: u64 = 2_500;

/// The first source address; each load generator uses a /24 of its own, which no other process
/// uses.
const SOURCES: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 0);

/// Most addresses of a /24 for one load generator, and most load generators.
const SOURCES_MAX: u64 = 250;
const LOADS_MAX: u64 = 10_000;

/// One connection in this many echoes a second line.
const VERIFIED_ONE_IN: u64 = 100;

/// A number of connections, and the processes for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) connections: u64,
    pub(crate) daemons: u64,
    pub(crate) loads: u64,
    /// Per load generator.
    pub(crate) sources: u64,
}

impl Scale {
    /// Returns the processes needed, given the descriptor limit of a process and the number of
    /// ephemeral ports.
    pub(crate) fn of(connections: u64, descriptors: u64, ports: u64) -> Result<Self, String> {
        let a_daemon =
            descriptors.saturating_sub(u64::try_from(server::DESCRIPTORS_RESERVED).unwrap());
        let a_load = descriptors.saturating_sub(LOAD_RESERVE);
        if a_load < 100 {
            return Err(format!("{descriptors} descriptors per process are too few: ulimit -Hn"));
        }
        // SO_REUSEPORT spreads by a hash of the addresses, so some daemons get more than others.
        let full = connections.div_ceil(a_daemon);
        let loads = connections.div_ceil(a_load).min(connections);
        let a_source = PER_SOURCE_MAX.min(ports / 2).max(1);
        let sources = connections.div_ceil(loads).div_ceil(a_source);
        if sources > SOURCES_MAX || loads > LOADS_MAX {
            return Err(format!("{connections} connections are too many for this machine"));
        }
        Ok(Self { connections, daemons: full + full.div_ceil(8), loads, sources })
    }

    /// The number of connections of each load generator, as even as possible.
    pub(crate) fn shares(&self) -> impl Iterator<Item = u64> + use<> {
        let Self { connections, loads, .. } = *self;
        (0..loads).map(move |load| (load + 1) * connections / loads - load * connections / loads)
    }

    /// The number of connections that echo a second line.
    pub(crate) const fn again(share: u64) -> u64 {
        share.div_ceil(VERIFIED_ONE_IN)
    }

    /// The number of lines in all: one per connection, and the second lines.
    pub(crate) fn lines(&self) -> u64 {
        self.connections + self.shares().map(Self::again).sum::<u64>()
    }

    /// The source addresses of a load generator, in the format of `--source`.
    pub(crate) fn source(&self, load: u64) -> String {
        let net = u32::from(SOURCES) + (u32::try_from(load).unwrap() << 8);
        let last = net + u32::try_from(self.sources).unwrap();
        format!("{}-{}", Ipv4Addr::from(net + 1), Ipv4Addr::from(last))
    }
}
