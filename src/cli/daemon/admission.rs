//! The options of `tcpechod` that say who may come in.

use clap::{Args, ValueEnum};

use crate::reactor::OverLimit;

#[derive(Debug, Args)]
pub(super) struct Admission {
    /// How many connections there may be [default: the limit on descriptors, less 64]
    #[arg(short = 'c', long, value_name = "N", env = "TCPECHOD_MAX_CONNECTIONS",
          value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,

    /// What happens to one more
    #[arg(long, value_name = "POLICY", env = "TCPECHOD_OVER_LIMIT", default_value = "wait")]
    over_limit: Policy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    /// It waits in the backlog until there is room
    Wait,
    /// It is accepted and closed
    Refuse,
    /// It comes in, and the longest idle goes
    Evict,
}

impl Admission {
    pub(super) fn connections_max(&self) -> Option<usize> {
        self.max_connections.map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    pub(super) const fn over_limit(&self) -> OverLimit {
        match self.over_limit {
            Policy::Wait => OverLimit::Wait,
            Policy::Refuse => OverLimit::Refuse,
            Policy::Evict => OverLimit::Evict,
        }
    }
}
