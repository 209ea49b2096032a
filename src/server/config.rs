//! The daemon's validated configuration: no later code sees a flag or parses a string.

use std::path::{Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;

use crate::net::address::Address;
use crate::net::proxy::HeaderPolicy;
use crate::reactor::{FaultSpec, Options};
use crate::service::Service;
use crate::sys::ExecCommand;

use super::{LogFormat, Sandbox};

pub use super::access_lists::AccessLists;

pub use crate::net::keepalive::Keepalive;

/// An address to listen on.
#[derive(Clone, Debug)]
pub struct ListenSpec {
    /// The address; without a host, every address of the machine.
    pub address: Address,
    /// How to listen there.
    pub config: ListenerConfig,
}

/// How to listen, and how to treat the connections of the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The service that replies to requests.
    pub service: Service,
    /// Whether connections begin with a PROXY header; none if they never do.
    pub proxy_header: Option<HeaderPolicy>,
    /// The length of the accept queue.
    pub backlog: u32,
    /// The permissions of a Unix socket's file; none for those of the umask.
    pub mode: Option<u32>,
    /// The group of a Unix socket's file; none for that of the process.
    pub group: Option<String>,
}

impl ListenerConfig {
    /// Describes the backlog, and the options that differ from those of other listeners.
    pub(super) fn summary(&self, others: &Self) -> String {
        let mut all = Vec::new();
        if self.service != others.service {
            all.push(format!("service {}", self.service.name));
        }
        if self.proxy_header != others.proxy_header {
            all.push(format!("PROXY header {}", header_word(self.proxy_header)));
        }
        all.extend(self.mode.map(|mode| format!("mode {mode:o}")));
        all.extend(self.group.as_ref().map(|group| format!("group {group}")));
        all.push(format!("backlog {}", self.backlog));
        all.join(", ")
    }
}

const fn header_word(policy: Option<HeaderPolicy>) -> &'static str {
    match policy {
        None => "off",
        Some(HeaderPolicy::Optional) => "optional",
        Some(HeaderPolicy::Required) => "required",
    }
}

/// Where connections come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the default addresses, or from inherited sockets if there are any.
    DefaultAddresses,
    /// From the addresses that were given, and from inherited sockets.
    Addresses,
    /// The only connection is on standard input, and the daemon ends with it (inetd(8)).
    StandardInput,
}

/// The source of the log's level or filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `RUST_LOG`, or else the default.
    Environment,
    /// This level.
    Fixed(LevelFilter),
    /// This file, which SIGHUP reads again.
    File(PathBuf),
}

/// The daemon's configuration.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The addresses to listen on.
    pub listen: Vec<ListenSpec>,
    /// Where connections come from.
    pub origin: Origin,
    /// The address of the metrics listener; it has a port.
    pub metrics: Option<Address>,
    /// The Unix socket on which daemons hand over their listeners.
    pub hand_over: Option<PathBuf>,
    /// The file to write the bound addresses to.
    pub port_file: Option<PathBuf>,
    /// How the reactor treats connections. The networks of `access` are added when it runs.
    pub options: Options,
    /// The networks that may connect, and files that list more of them.
    pub access: AccessLists,
    /// The command that replies instead of the service, as a child process per connection.
    pub exec: Option<ExecCommand>,
    /// The faults to inject.
    pub faults: Vec<FaultSpec>,
    /// The seed by which connections are chosen for them.
    pub fault_seed: u64,
    /// The limit of open connections; none for as many as there are descriptors.
    pub connections_max: Option<usize>,
    /// The length of the accept queue of a listener for which nothing else is said.
    pub backlog: u32,
    /// Several processes may listen on one port (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Keep-alive probes.
    pub keepalive: Option<Keepalive>,
    /// How long sent data may stay unacknowledged: `TCP_USER_TIMEOUT` (RFC 5482).
    pub user_timeout: Option<Duration>,
    /// The file of the log; none for standard error.
    pub log_file: Option<PathBuf>,
    /// The log level.
    pub log_level: LogLevel,
    /// The format of log lines.
    pub log_format: LogFormat,
    /// The user, and perhaps group, to become once all addresses are bound.
    pub user: Option<String>,
    /// Whether to give up the rights that are not needed after the start.
    pub sandbox: Sandbox,
    /// A line for each option: its value, and the source of the value.
    pub in_force: Vec<String>,
}

impl ServerConfig {
    /// Returns the configuration with the networks that may connect, which are read from files.
    pub(super) fn with_access(&self) -> anyhow::Result<Self> {
        let options = Options { access: self.access.read()?, ..self.options.clone() };
        Ok(Self { options, ..self.clone() })
    }

    /// Returns the configuration of a listener for which nothing else is said.
    pub(super) const fn listener(&self) -> ListenerConfig {
        let Options { service, proxy_header, .. } = self.options;
        ListenerConfig { service, proxy_header, backlog: self.backlog, mode: None, group: None }
    }

    /// Returns the files that SIGHUP reads again.
    pub(super) fn files_read_again(&self) -> impl Iterator<Item = &Path> {
        let level = match &self.log_level {
            LogLevel::File(path) => Some(path.as_path()),
            LogLevel::Environment | LogLevel::Fixed(_) => None,
        };
        self.access.files().chain(level)
    }

    fn admission_summary(&self) -> String {
        let per_peer =
            self.options.per_peer_max.map(|most| format!("; at most {most} for each peer"));
        let access = (!self.options.access.is_open()).then(|| format!("; {}", self.options.access));
        let proxied = self.options.proxy_header.map(|demand| match demand {
            HeaderPolicy::Optional => "; a PROXY header may come first".to_owned(),
            HeaderPolicy::Required => "; a PROXY header has to come first".to_owned(),
        });
        per_peer.into_iter().chain(access).chain(proxied).collect()
    }

    /// The injected faults in a line for the log.
    pub(super) fn faults_summary(&self) -> String {
        let all: Vec<_> = self.faults.iter().map(ToString::to_string).collect();
        format!("{}, seed {}", all.join(" "), self.fault_seed)
    }

    /// The configuration in a line for the log.
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
                    self.options.service.name,
                    self.options.line_bytes_max,
                    wait(self.options.timeouts.idle),
                    wait(self.options.timeouts.line),
                    wait(self.options.timeouts.stall),
                )
            },
            |program| format!("a child for each connection: {program}; timeouts: its own"),
        );
        format!(
            "{answering}, user {}, keep-alive {keepalive}, drain {}, grace {}{}",
            wait(self.user_timeout),
            wait(Some(self.options.drain)),
            wait(Some(self.options.drain_grace).filter(|grace| !grace.is_zero())),
            self.admission_summary(),
        )
    }
}
