//! What the daemon is to do, validated: nothing after this sees a flag or a string to parse.

use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use crate::connection::Timeouts;
use crate::net::access::Access;
use crate::net::proxy::HeaderPolicy;
use crate::reactor::Banner;
use crate::reactor::FaultSpec;
use crate::reactor::{Options, OverLimit, PeerLimit};
use crate::service::Service;
use crate::sys::ExecCommand;

use super::{LogFormat, Sandbox};

pub use crate::net::keepalive::Keepalive;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On every address of the machine, IPv4 and, where it has that, IPv6.
    Everywhere {
        /// The port, 0 for any that is free.
        port: u16,
    },
    /// On each of these: `ip:port`, `[ip6]:port`, `name:port` or `unix:/path`.
    At(Vec<String>),
}

/// The daemon's configuration.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen.
    pub listen: Listen,
    /// Where to tell visitors how the daemon is.
    pub metrics: Option<String>,
    /// Which addresses may ask.
    pub metrics_access: Access,
    /// Where to write the addresses once they are bound.
    pub port_file: Option<PathBuf>,
    /// What answers.
    pub service: Service,
    /// What a peer is greeted with.
    pub banner: Option<Banner>,
    /// What is done to some peers on request.
    pub faults: Vec<FaultSpec>,
    /// What decides to whom.
    pub fault_seed: u64,
    /// What answers in the service's place, in a child for each connection.
    pub exec: Option<ExecCommand>,
    /// The longest line, in bytes.
    pub line_bytes_max: usize,
    /// How many connections there may be; none for as many as there are descriptors.
    pub connections_max: Option<usize>,
    /// What happens to one more.
    pub over_limit: OverLimit,
    /// Who may connect.
    pub access: Access,
    /// Whether connections begin with a PROXY header.
    pub proxy_header: Option<HeaderPolicy>,
    /// How many connections each peer's address may have.
    pub per_peer_max: Option<PeerLimit>,
    /// How many connections wait in the kernel for `accept`, per listener.
    pub backlog: u32,
    /// Whether several processes may listen on one port.
    pub reuse_port: bool,
    /// Deadlines of each connection.
    pub timeouts: Timeouts,
    /// Keep-alive probes.
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged: `TCP_USER_TIMEOUT` (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// How long draining may take.
    pub drain: Duration,
    /// How much is logged; none for as much as the environment says.
    pub log_level: Option<LevelFilter>,
    /// How the log is written.
    pub log_format: LogFormat,
    /// Which user, and perhaps group, the daemon becomes once it has bound its addresses.
    pub user: Option<String>,
    /// Whether what is not needed after the start is given up.
    pub sandbox: Sandbox,
}

impl ServerConfig {
    /// What the reactor has to know of it.
    pub(super) fn reactor_options(&self) -> Options {
        Options {
            service: self.service,
            banner: self.banner.clone(),
            descriptors: 0,
            exec: self.exec.is_some(),
            line_bytes_max: self.line_bytes_max,
            connections_max: self.connections_max.unwrap_or(usize::MAX),
            over_limit: self.over_limit,
            access: self.access.clone(),
            metrics_access: self.metrics_access.clone(),
            proxy_header: self.proxy_header,
            per_peer_max: self.per_peer_max,
            timeouts: self.timeouts,
            drain: self.drain,
            listeners_inherited: 0,
        }
    }

    fn admission_summary(&self) -> String {
        let per_peer = self.per_peer_max.map(|most| format!("; at most {most} for each peer"));
        let access = (!self.access.is_open()).then(|| format!("; {}", self.access));
        let proxied = self.proxy_header.map(|demand| match demand {
            HeaderPolicy::Optional => "; a PROXY header may come first".to_owned(),
            HeaderPolicy::Required => "; a PROXY header has to come first".to_owned(),
        });
        per_peer.into_iter().chain(access).chain(proxied).collect()
    }

    /// What it says, in a line for the log.
    pub(super) fn summary(&self) -> String {
        let wait = |wait: Option<Duration>| {
            wait.map_or_else(
                || "off".to_owned(),
                |wait| humantime::format_duration(wait).to_string(),
            )
        };
        let keepalive = self.keepalive.map_or_else(
            || "off".to_owned(),
            |Keepalive { idle, interval, count }| {
                format!("{}/{}/{count}", wait(Some(idle)), wait(Some(interval)))
            },
        );
        let answering = self.exec.as_ref().map_or_else(
            || {
                format!(
                    "service {}, lines up to {} bytes; timeouts: idle {}, line {}, stall {}",
                    self.service.name,
                    self.line_bytes_max,
                    wait(self.timeouts.idle),
                    wait(self.timeouts.line),
                    wait(self.timeouts.stall),
                )
            },
            |program| format!("a child for each connection: {program}; timeouts: its own"),
        );
        format!(
            "{answering}, user {}, keep-alive {keepalive}, drain {}{}",
            wait(self.user_timeout),
            wait(Some(self.drain)),
            self.admission_summary(),
        )
    }
}
