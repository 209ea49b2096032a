//! Binds the listeners.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use anyhow::{Context, anyhow, bail};
use log::warn;
use socket2::{SockRef, TcpKeepalive};

use crate::net::endpoint::{Endpoint, UNIX_PREFIX};
use crate::net::keepalive::set_user_timeout;
use crate::os::errno;
use crate::sys::Listener;

use super::config::{Keepalive, Listen, ServerConfig};
use super::socket_file::{self, SocketFile};

/// The most unsent bytes in the kernel for each connection (`TCP_NOTSENT_LOWAT`, tcp(7)). Without
/// it a socket is writable only when a third of its buffer is free again, which is megabytes: a
/// peer that reads all the time would look stalled.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// An endpoint to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenTarget {
    pub endpoint: Endpoint,
    /// A name or the default implies this endpoint: it may be missing on this machine.
    pub optional: bool,
}

/// A bound listener and its endpoint.
#[derive(Debug)]
pub(super) struct Bound {
    pub listener: Listener,
    pub endpoint: Endpoint,
    /// The socket file, which is removed with the listener.
    pub file: Option<SocketFile>,
}

/// Binds every configured address, in order.
pub(super) fn bind(config: &ServerConfig) -> anyhow::Result<Vec<Bound>> {
    warn_about_backlog(config.backlog);
    let mut bound = Vec::new();
    for ListenTarget { endpoint, optional } in resolve(config)? {
        match bind_one(&endpoint, config) {
            Ok(one) => bound.push(one),
            Err(error) if optional && errno::is_unsupported_family(&error) => {
                warn!("not listening on {endpoint}: {error}");
            }
            Err(error) => return Err(cannot_listen(&endpoint, &error)),
        }
    }
    if bound.is_empty() {
        bail!("cannot listen: this machine has none of the addresses");
    }
    Ok(bound)
}

/// Binds the admin listener, if configured: the first address of a name.
pub(super) fn bind_admin(config: &ServerConfig) -> anyhow::Result<Option<Bound>> {
    let Some(endpoint) = resolve_admin(config)? else { return Ok(None) };
    bind_one(&endpoint, config).map(Some).map_err(|error| cannot_listen(&endpoint, &error))
}

/// Returns the endpoint of the admin listener, if configured.
pub(super) fn resolve_admin(config: &ServerConfig) -> anyhow::Result<Option<Endpoint>> {
    let Some(name) = &config.metrics else { return Ok(None) };
    Ok(Some(named(name)?.swap_remove(0).endpoint))
}

fn cannot_listen(endpoint: &Endpoint, error: &io::Error) -> anyhow::Error {
    let advice = errno::bind_advice(error);
    let advice = advice.map(|advice| format!(": {advice}")).unwrap_or_default();
    anyhow!("cannot listen on {endpoint}: {error}{advice}")
}

fn bind_one(endpoint: &Endpoint, config: &ServerConfig) -> io::Result<Bound> {
    match endpoint {
        Endpoint::Tcp(address) => {
            warn_about_port(address.port());
            let listener = tcp_listener(*address, config)?;
            let endpoint = listener.local_addr()?.into();
            Ok(Bound { listener: listener.into(), endpoint, file: None })
        }
        Endpoint::Unix(path) => {
            let (listener, file) = socket_file::listen(path, config.backlog)?;
            Ok(Bound { listener: listener.into(), endpoint: endpoint.clone(), file: Some(file) })
        }
    }
}

/// Returns the configured endpoints. A name stands for all addresses that it resolves to.
pub(super) fn resolve(config: &ServerConfig) -> anyhow::Result<Vec<ListenTarget>> {
    let mut all = Vec::new();
    match &config.listen {
        Listen::Everywhere { port } => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port));
            let v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port));
            all.push(ListenTarget { endpoint: v4.into(), optional: false });
            all.push(ListenTarget { endpoint: v6.into(), optional: true });
        }
        Listen::At(names) => {
            for name in names {
                for wanted in named(name)? {
                    let any_port = wanted.endpoint.tcp().is_some_and(|at| at.port() == 0);
                    if any_port || !all.contains(&wanted) {
                        all.push(wanted);
                    }
                }
            }
        }
    }
    Ok(all)
}

/// Returns the endpoints of a name or an address: at least one.
fn named(name: &str) -> anyhow::Result<Vec<ListenTarget>> {
    if let Some(path) = name.strip_prefix(UNIX_PREFIX) {
        return Ok(vec![ListenTarget { endpoint: Endpoint::Unix(path.into()), optional: false }]);
    }
    let addresses = name.to_socket_addrs().with_context(|| format!("cannot listen on {name}"))?;
    let optional = name.parse::<SocketAddr>().is_err();
    let all: Vec<_> =
        addresses.map(|address| ListenTarget { endpoint: address.into(), optional }).collect();
    if all.is_empty() {
        bail!("cannot listen on {name}: it has no address");
    }
    Ok(all)
}

fn tcp_listener(address: SocketAddr, config: &ServerConfig) -> io::Result<TcpListener> {
    let socket = Endpoint::from(address).socket()?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    set_inherited(&SockRef::from(&socket), config, address)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// Sets the options that accepted sockets inherit (tcp(7)), which saves system calls per
/// connection. `SO_LINGER` is never among them: a close that waits would delay all connections.
///
/// A socket, such as one of MPTCP, may lack an option. The options are only tuning, so a missing
/// one causes a warning.
pub(super) fn set_inherited(
    socket: &SockRef<'_>,
    config: &ServerConfig,
    shown: impl fmt::Display,
) -> io::Result<()> {
    let probes = TcpKeepalive::new();
    let mut set = vec![("TCP_NODELAY", socket.set_tcp_nodelay(true))];
    #[cfg(any(target_os = "linux", target_os = "android"))]
    set.push(("TCP_NOTSENT_LOWAT", socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)));
    set.push(("SO_KEEPALIVE", socket.set_keepalive(config.keepalive.is_some())));
    if let Some(Keepalive { idle, interval, count }) = config.keepalive {
        let probe = |probes: TcpKeepalive| socket.set_tcp_keepalive(&probes);
        set.push(("TCP_KEEPIDLE", probe(probes.clone().with_time(idle))));
        set.push(("TCP_KEEPINTVL", probe(probes.clone().with_interval(interval))));
        set.push(("TCP_KEEPCNT", probe(probes.with_retries(count))));
    }
    if let Some(timeout) = config.user_timeout {
        set.push(("TCP_USER_TIMEOUT", set_user_timeout(socket, timeout)));
    }
    for (option, outcome) in set {
        if let Err(error) = outcome {
            warn!("{shown} is without {option}: {error}");
        }
    }
    socket.set_nonblocking(true)
}

/// Warns of a backlog that the kernel reduces to its own limit without an error (listen(2)).
fn warn_about_backlog(backlog: u32) {
    let Some(somaxconn) = sysctl("/proc/sys/net/core/somaxconn").first().copied() else { return };
    if backlog > somaxconn {
        warn!("the backlog of {backlog} is limited to net.core.somaxconn = {somaxconn}");
    }
}

/// Warns of a port that an outgoing connection may get while the daemon is not running.
fn warn_about_port(port: u16) {
    let range = sysctl("/proc/sys/net/ipv4/ip_local_port_range");
    let [first, last] = range.as_slice() else { return };
    if port != 0 && (*first..=*last).contains(&u32::from(port)) {
        warn!(
            "port {port} is in the range for outgoing connections ({first} to {last}): one of them \
             may hold it when the daemon starts again"
        );
    }
}

/// Returns the numbers in a file of /proc/sys; none if there is no such file.
fn sysctl(path: &str) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
