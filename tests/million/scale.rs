//! How many processes and addresses so many connections need.

use std::net::Ipv4Addr;

use tcpecho::server;

/// Descriptors of a load process that are not for connections, with some to spare.
const LOAD_RESERVE: u64 = 100;

/// How many connections come from one address: of the 28,232 ports that the system chooses from, so
/// few that a connect finds a free one at the first or second look.
const PER_SOURCE_MAX: u64 = 2_500;

/// The first source address; each load process has a /24 of its own. Nobody else uses them.
const SOURCES: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 0);

/// How many addresses of a /24 one load process takes at the most, and how many processes there
/// is room for.
const SOURCES_MAX: u64 = 250;
const LOADS_MAX: u64 = 10_000;

/// One in so many is asked for a second line.
const ASKED_ONE_IN: u64 = 100;

/// A crowd, and what holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) connections: u64,
    pub(crate) daemons: u64,
    pub(crate) loads: u64,
    /// Of each load process.
    pub(crate) sources: u64,
}

impl Scale {
    /// What so many connections need where a process may have that many descriptors, and the
    /// system chooses from that many ports.
    pub(crate) fn of(connections: u64, descriptors: u64, ports: u64) -> Result<Self, String> {
        let a_daemon =
            descriptors.saturating_sub(u64::try_from(server::DESCRIPTORS_RESERVED).unwrap());
        let a_load = descriptors.saturating_sub(LOAD_RESERVE);
        if a_load < 100 {
            return Err(format!("{descriptors} descriptors a process are too few: ulimit -Hn"));
        }
        // SO_REUSEPORT spreads by a hash of the addresses, so some get more than others.
        let full = connections.div_ceil(a_daemon);
        let loads = connections.div_ceil(a_load).min(connections);
        let a_source = PER_SOURCE_MAX.min(ports / 2).max(1);
        let sources = connections.div_ceil(loads).div_ceil(a_source);
        if sources > SOURCES_MAX || loads > LOADS_MAX {
            return Err(format!("{connections} connections are too many for this machine"));
        }
        Ok(Self { connections, daemons: full + full.div_ceil(8), loads, sources })
    }

    /// How many connections each load process makes, as evenly as it goes.
    pub(crate) fn shares(&self) -> impl Iterator<Item = u64> + use<> {
        let Self { connections, loads, .. } = *self;
        (0..loads).map(move |load| (load + 1) * connections / loads - load * connections / loads)
    }

    /// How many of so many connections are asked again.
    pub(crate) const fn again(share: u64) -> u64 {
        share.div_ceil(ASKED_ONE_IN)
    }

    /// How many lines there are in all: one for each connection, and those of a second time.
    pub(crate) fn lines(&self) -> u64 {
        self.connections + self.shares().map(Self::again).sum::<u64>()
    }

    /// From where a load process connects, as `--source` takes it.
    pub(crate) fn source(&self, load: u64) -> String {
        let net = u32::from(SOURCES) + (u32::try_from(load).unwrap() << 8);
        let last = net + u32::try_from(self.sources).unwrap();
        format!("{}-{}", Ipv4Addr::from(net + 1), Ipv4Addr::from(last))
    }
}
