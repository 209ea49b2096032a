//! The listener options of `tcpechod`.

use std::mem;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::cli::units::within;
use crate::net::access::{self, Access, IpNet};
use crate::net::address::{self, Address};
use crate::net::endpoint::{Endpoint, UNIX_PREFIX};
use crate::net::proxy::HeaderPolicy;
use crate::server::{ListenSpec, ListenerConfig};
use crate::service::{self, Service};

use super::{PORT, admission};

/// The largest backlog that listen(2) accepts.
const BACKLOG_MAX: u32 = i32::MAX.unsigned_abs();

#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    #[arg(short, long, help = LISTEN_HELP, value_name = "ADDR[,KEY=VALUE]...",
          env = "TCPECHOD_LISTEN", value_parser = listen_list)]
    listen: Vec<ListenList>,

    /// Listen on this port of every address of the machine; the same as --listen PORT
    // It has no variable: Docker and Kubernetes set TCPECHOD_PORT to an address.
    #[arg(short, long, value_name = "PORT", value_parser = address::port,
          conflicts_with = "listen")]
    port: Option<u16>,

    /// Serve a status page, `/metrics` (OpenMetrics), `/healthz` and `/readyz` over HTTP on this
    /// address, in one of the forms of --listen
    #[arg(long, value_name = "ADDR", env = "TCPECHOD_METRICS", value_parser = metrics_address)]
    pub(super) metrics: Option<Address>,

    /// Accept metrics connections only from these networks, such as 10.0.0.0/8 or `2001:db8::/32`,
    /// or addresses; close others at once. May be given several times
    #[arg(long, value_name = "CIDR", env = "TCPECHOD_METRICS_ALLOW", value_delimiter = ',',
          value_parser = access::network)]
    metrics_allow: Vec<IpNet>,

    /// Once ready, write the bound addresses to this file, one per line. A regular file is
    /// replaced; a device, a FIFO or a link such as `/dev/stdout` is written in place
    #[arg(long, value_name = "FILE", env = "TCPECHOD_PORT_FILE")]
    pub(super) port_file: Option<PathBuf>,

    /// Take the listeners over from the daemon that answers on this Unix socket, if one does, and
    /// give them to the next one that asks there: a restart without systemd, which loses nothing
    #[arg(long, value_name = "PATH", env = "TCPECHOD_HAND_OVER", value_parser = unix_path)]
    pub(super) hand_over: Option<PathBuf>,

    /// Length of the kernel's accept queue
    #[arg(short, long, value_name = "N", env = "TCPECHOD_BACKLOG", default_value_t = 4096,
          value_parser = within(1..=BACKLOG_MAX))]
    pub(super) backlog: u32,

    /// Let several processes listen on the same port
    #[arg(long, env = "TCPECHOD_REUSE_PORT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    pub(super) reuse_port: bool,
}

/// Parses a path, with or without the prefix of addresses.
fn unix_path(text: &str) -> Result<PathBuf, String> {
    match text.strip_prefix(UNIX_PREFIX).unwrap_or(text) {
        "" => Err("expected the path of a Unix socket".to_owned()),
        path => Ok(path.into()),
    }
}

// Not a doc comment, in which brackets would be links.
const LISTEN_HELP: &str = "\
Address to listen on: HOST:PORT, [ip6]:PORT, PORT, unix:/path or unix:@name; port 0 picks a free \
one. May be given several times. KEY=VALUE sets an option of this listener alone: service, proxy \
(off, optional, require), backlog, and for a Unix socket mode and group \
[default: 0.0.0.0:9877 and [::]:9877]";

/// The addresses in one value of `--listen`, with their options.
#[derive(Clone, Debug)]
struct ListenList(Vec<ListenArg>);

#[derive(Clone, Debug)]
struct ListenArg {
    address: Address,
    options: Vec<ListenOption>,
}

/// An option of one listener.
#[derive(Clone, Debug)]
enum ListenOption {
    Service(Service),
    Proxy(Option<HeaderPolicy>),
    Backlog(u32),
    Mode(u32),
    Group(String),
}

impl ListenArgs {
    pub(super) fn metrics_access(&self) -> Access {
        Access::of(&self.metrics_allow, &[])
    }

    /// Returns true if an address, or a port, was given.
    pub(super) fn is_given(&self) -> bool {
        !self.listen.is_empty() || self.port.is_some()
    }

    /// Returns true if a listener has a service of its own.
    pub(super) fn names_service(&self) -> bool {
        let mut options = self.listen.iter().flat_map(|list| &list.0).flat_map(|one| &one.options);
        options.any(|option| matches!(option, ListenOption::Service(_)))
    }

    /// Returns the addresses to listen on; an option that one does not set is that of `others`.
    pub(super) fn specs(&self, others: &ListenerConfig) -> Vec<ListenSpec> {
        let port = self.port.unwrap_or(PORT);
        let everywhere = || ListenArg {
            address: Address::Internet { host: None, port: Some(port) },
            options: Vec::new(),
        };
        let given: Vec<_> = self.listen.iter().flat_map(|list| list.0.clone()).collect();
        let all = if given.is_empty() { vec![everywhere()] } else { given };
        all.into_iter().map(|one| one.spec(others.clone())).collect()
    }
}

impl ListenArg {
    fn spec(self, mut config: ListenerConfig) -> ListenSpec {
        for option in self.options {
            match option {
                ListenOption::Service(service) => config.service = service,
                ListenOption::Proxy(policy) => config.proxy_header = policy,
                ListenOption::Backlog(backlog) => config.backlog = backlog,
                ListenOption::Mode(mode) => config.mode = Some(mode),
                ListenOption::Group(group) => config.group = Some(group),
            }
        }
        ListenSpec { address: self.address, config }
    }
}

/// Parses `ADDR[,KEY=VALUE]...[,ADDR...]`. An address has no `=`, but for the path of a Unix
/// socket.
fn listen_list(text: &str) -> Result<ListenList, String> {
    let mut all: Vec<ListenArg> = Vec::new();
    for piece in text.split(',') {
        match piece.split_once('=').filter(|_| !piece.starts_with(UNIX_PREFIX)) {
            None => {
                all.push(ListenArg { address: listen_address(piece)?, options: Vec::new() });
            }
            Some((key, value)) => {
                let one = all.last_mut().ok_or("expected an address before its options")?;
                let option = listen_option(key, value, &one.address)?;
                let kind = mem::discriminant(&option);
                if one.options.iter().any(|other| mem::discriminant(other) == kind) {
                    return Err(format!("{key} is given twice for {}", one.address));
                }
                one.options.push(option);
            }
        }
    }
    Ok(ListenList(all))
}

fn listen_option(key: &str, value: &str, address: &Address) -> Result<ListenOption, String> {
    let said = |error: String| format!("{key}={value}: {error}");
    match key {
        "service" => {
            let names: Vec<_> = service::ALL.iter().map(|one| one.name).collect();
            let found = service::by_name(value).map(ListenOption::Service);
            found.ok_or_else(|| said(format!("expected one of {}", names.join(", "))))
        }
        "proxy" => admission::policy(value).map(ListenOption::Proxy).map_err(said),
        "backlog" => within(1..=BACKLOG_MAX)(value).map(ListenOption::Backlog).map_err(said),
        "mode" | "group" if !has_file(address) => {
            Err(format!("{key} is for the file of a Unix socket, and {address} has none"))
        }
        "mode" => {
            let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o777);
            mode.map(ListenOption::Mode)
                .ok_or_else(|| said("expected permissions in octal, as in 660".to_owned()))
        }
        "group" if value.is_empty() => Err(said("expected a name or a number".to_owned())),
        "group" => Ok(ListenOption::Group(value.to_owned())),
        _ => Err(format!("no option {key:?}: expected service, proxy, backlog, mode or group")),
    }
}

fn has_file(address: &Address) -> bool {
    matches!(address, Address::Unix(path) if !Endpoint::Unix(path.clone()).is_abstract())
}

/// Parses an address to listen on; its default port is that of the course.
fn listen_address(text: &str) -> Result<Address, String> {
    Ok(match text.parse()? {
        Address::Internet { host, port } => Address::Internet { host, port: port.or(Some(PORT)) },
        unix @ Address::Unix(_) => unix,
    })
}

/// Parses an address for metrics, which have no default port.
pub(super) fn metrics_address(text: &str) -> Result<Address, String> {
    match text.parse()? {
        Address::Internet { port: None, .. } => Err(format!("expected a port, as in {text}:9090")),
        address @ (Address::Internet { .. } | Address::Unix(_)) => Ok(address),
    }
}
