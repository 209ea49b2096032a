//! The options of `tcpechod` that limit the connections it admits.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::units::within;
use crate::net::access::{self, IpNet};
use crate::net::proxy::HeaderPolicy;
use crate::num;
use crate::reactor::{OverLimit, PeerLimit};
use crate::server::AccessLists;

#[derive(Debug, Args)]
pub(super) struct AdmissionArgs {
    /// Maximum number of connections [default: descriptor limit minus 64; 40 with --exec]
    #[arg(short = 'c', long, value_name = "N", env = "TCPECHOD_MAX_CONNECTIONS",
          value_parser = within(1..=u32::MAX))]
    max_connections: Option<u32>,

    /// Action at the connection limit
    #[arg(long, value_name = "POLICY", env = "TCPECHOD_OVER_LIMIT", default_value = "wait")]
    over_limit: OverLimitArg,

    /// Whether to expect a PROXY protocol header (version 1 or 2) from a proxy at the start of each
    /// connection. --allow and --deny then apply to proxies, --max-per-peer to their clients
    #[arg(long, value_name = "MODE", env = "TCPECHOD_PROXY_PROTOCOL", default_value = "off")]
    proxy_protocol: ProxyHeaderArg,

    /// Maximum number of connections per peer address; further ones are closed at once. IPv6
    /// addresses with the same first PREFIX bits (64 if not given) count as one
    #[arg(long, value_name = "N[/PREFIX]", env = "TCPECHOD_MAX_PER_PEER",
          value_parser = peer_limit)]
    max_per_peer: Option<PeerLimit>,

    /// Accept connections only from these networks, such as 10.0.0.0/8 or `2001:db8::/32`, or
    /// addresses; close others at once. May be given several times
    #[arg(long, value_name = "CIDR", env = "TCPECHOD_ALLOW", value_delimiter = ',',
          value_parser = access::network)]
    allow: Vec<IpNet>,

    /// Reject connections from these networks, even if --allow includes them
    #[arg(long, value_name = "CIDR", env = "TCPECHOD_DENY", value_delimiter = ',',
          value_parser = access::network)]
    deny: Vec<IpNet>,

    /// Add the networks in this file to --allow: one network or address per line, and comments
    /// after #. An empty list allows no address. SIGHUP reads the file again, for connections from
    /// then on. May be given several times
    #[arg(long, value_name = "FILE", env = "TCPECHOD_ALLOW_FILE", value_delimiter = ',')]
    allow_file: Vec<PathBuf>,

    /// Add the networks in this file to --deny, in the same way
    #[arg(long, value_name = "FILE", env = "TCPECHOD_DENY_FILE", value_delimiter = ',')]
    deny_file: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProxyHeaderArg {
    /// Treat a header as ordinary input
    Off,
    /// Read a header if there is one
    Optional,
    /// Close connections that send no header within 5 s
    Require,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OverLimitArg {
    /// Leave a new connection in the backlog until there is room
    Wait,
    /// Accept a new connection and close it
    Refuse,
    /// Accept a new connection and close the longest-idle one
    Evict,
}

impl ProxyHeaderArg {
    const fn policy(self) -> Option<HeaderPolicy> {
        match self {
            Self::Off => None,
            Self::Optional => Some(HeaderPolicy::Optional),
            Self::Require => Some(HeaderPolicy::Required),
        }
    }
}

/// Parses a value of `--proxy-protocol`.
pub(super) fn policy(text: &str) -> Result<Option<HeaderPolicy>, String> {
    let parsed = ProxyHeaderArg::from_str(text, false).map(ProxyHeaderArg::policy);
    parsed.map_err(|_unknown| "expected off, optional or require".to_owned())
}

impl AdmissionArgs {
    pub(super) fn connections_max(&self) -> Option<usize> {
        self.max_connections.map(size)
    }

    pub(super) const fn per_peer_max(&self) -> Option<PeerLimit> {
        self.max_per_peer
    }

    pub(super) const fn header_policy(&self) -> Option<HeaderPolicy> {
        self.proxy_protocol.policy()
    }

    pub(super) fn access(&self) -> AccessLists {
        AccessLists {
            allow: self.allow.clone(),
            allow_files: self.allow_file.clone(),
            deny: self.deny.clone(),
            deny_files: self.deny_file.clone(),
        }
    }

    pub(super) const fn over_limit(&self) -> OverLimit {
        match self.over_limit {
            OverLimitArg::Wait => OverLimit::Wait,
            OverLimitArg::Refuse => OverLimit::Refuse,
            OverLimitArg::Evict => OverLimit::Evict,
        }
    }
}

/// Parses `N` or `N/PREFIX`.
fn peer_limit(text: &str) -> Result<PeerLimit, String> {
    let (count, prefix) = text.split_once('/').map_or((text, None), |(n, p)| (n, Some(p)));
    let connections = count.parse().ok().filter(|count| (1..=u32::MAX).contains(count));
    let connections = connections.map(size).ok_or_else(|| {
        format!("{count:?} is no limit: expected a number from 1 to {}", u32::MAX)
    })?;
    let v6_prefix = match prefix {
        None => PeerLimit::V6_PREFIX,
        Some(prefix) => prefix.parse().ok().filter(|bits| *bits <= 128).ok_or_else(|| {
            format!("{prefix:?} is no length of an IPv6 prefix: expected 0 to 128, as in 10/64")
        })?,
    };
    Ok(PeerLimit { connections, v6_prefix })
}

fn size(count: u32) -> usize {
    num::to_usize(count)
}
