//! Binds the listeners.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use log::warn;
use socket2::{SockRef, Socket, TcpKeepalive};

use crate::net::endpoint::Endpoint;
use crate::net::keepalive::set_user_timeout;
use crate::os::errno;
use crate::sys::Listener;

use super::config::{Keepalive, ListenerConfig, ServerConfig};
use super::hand_over::Predecessor;
use super::privileges;
use super::resolve::{self, ListenTarget};
use super::socket_file::{self, Permissions, SocketFile};

/// The most unsent bytes in the kernel for each connection (`TCP_NOTSENT_LOWAT`, tcp(7)). Without
/// it a socket is writable only when a third of its buffer is free again, which is megabytes: a
/// peer that reads all the time would look stalled.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES_MAX: u32 = 128 << 10;

/// One daemon asks at a time.
const HAND_OVER_BACKLOG: u32 = 8;

/// A bound listener and its endpoint.
#[derive(Debug)]
pub(super) struct Bound {
    pub listener: Listener,
    pub endpoint: Endpoint,
    /// The socket file, which is removed with the listener.
    pub file: Option<SocketFile>,
    pub config: ListenerConfig,
}

/// Binds every configured address, in order, or takes its listener over.
pub(super) fn bind(
    config: &ServerConfig,
    predecessor: &mut Predecessor,
) -> anyhow::Result<Vec<Bound>> {
    let mut bound = Vec::new();
    for target in resolve::listeners(config)? {
        warn_about_backlog(target.config.backlog);
        match bind_one(&target, config, predecessor) {
            Ok(one) => bound.push(one),
            Err(error) if target.optional && is_unsupported(&error) => {
                warn!("not listening on {}: {error}", target.endpoint);
            }
            Err(error) => return Err(cannot_listen(&target, &error)),
        }
    }
    if bound.is_empty() {
        bail!("cannot listen: this machine has none of the addresses");
    }
    Ok(bound)
}

/// Binds the admin listener, if configured: to the first of its addresses that the machine has.
pub(super) fn bind_admin(
    config: &ServerConfig,
    predecessor: &mut Predecessor,
) -> anyhow::Result<Option<Bound>> {
    let mut targets = resolve::admin(config)?.into_iter().peekable();
    while let Some(target) = targets.next() {
        match bind_one(&target, config, predecessor) {
            Err(error) if targets.peek().is_some() && is_unsupported(&error) => {}
            bound => return bound.map(Some).map_err(|error| cannot_listen(&target, &error)),
        }
    }
    Ok(None)
}

/// Listens where the next daemon will ask for the listeners. Only this user, and root, may ask.
pub(super) fn bind_hand_over(
    path: &Path,
    predecessor: &mut Predecessor,
) -> anyhow::Result<(Listener, SocketFile)> {
    let permissions = Permissions { mode: Some(0o600), group: None };
    if let Some(asked) = predecessor.asked.take() {
        let file = socket_file::adopt(path, permissions)?;
        return Ok((UnixListener::from(asked).into(), file));
    }
    let (listener, file) = socket_file::listen(path, HAND_OVER_BACKLOG, permissions)
        .with_context(|| format!("cannot listen on unix:{} for the next daemon", path.display()))?;
    Ok((listener.into(), file))
}

fn is_unsupported(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(errno::is_unsupported_family)
}

fn cannot_listen(target: &ListenTarget, error: &anyhow::Error) -> anyhow::Error {
    let advice = error.downcast_ref().and_then(errno::bind_advice);
    let advice = advice.map(|advice| format!(": {advice}")).unwrap_or_default();
    anyhow!("cannot listen on {}: {error:#}{advice}", target.endpoint)
}

fn bind_one(
    target: &ListenTarget,
    config: &ServerConfig,
    predecessor: &mut Predecessor,
) -> anyhow::Result<Bound> {
    let ListenTarget { endpoint, config: own, .. } = target.clone();
    if let Some(taken) = predecessor.take(&endpoint) {
        return take_over(taken, target, config);
    }
    let (listener, endpoint, file): (Listener, _, _) = match &endpoint {
        Endpoint::Tcp(address) => {
            warn_about_port(address.port());
            let listener = tcp_listener(*address, target, config)?;
            let endpoint = listener.local_addr()?.into();
            (listener.into(), endpoint, None)
        }
        Endpoint::Unix(_) if endpoint.is_abstract() => {
            (socket_file::listen_abstract(&endpoint, own.backlog)?.into(), endpoint, None)
        }
        Endpoint::Unix(path) => {
            let (listener, file) = socket_file::listen(path, own.backlog, permissions(&own)?)?;
            (listener.into(), endpoint, Some(file))
        }
    };
    Ok(Bound { listener, endpoint, file, config: own })
}

/// Listens on as before, with the options of this daemon.
fn take_over(
    taken: OwnedFd,
    target: &ListenTarget,
    config: &ServerConfig,
) -> anyhow::Result<Bound> {
    let ListenTarget { endpoint, config: own, .. } = target.clone();
    let socket = Socket::from(taken);
    socket.listen(i32::try_from(own.backlog).unwrap_or(i32::MAX))?;
    let (listener, file): (Listener, _) = match &endpoint {
        Endpoint::Tcp(address) => {
            set_inherited(&SockRef::from(&socket), config, address)?;
            (TcpListener::from(socket).into(), None)
        }
        Endpoint::Unix(path) => {
            let file = (!endpoint.is_abstract()).then(|| permissions(&own));
            let file = file.transpose()?.map(|permissions| socket_file::adopt(path, permissions));
            (UnixListener::from(socket).into(), file.transpose()?)
        }
    };
    Ok(Bound { listener, endpoint, file, config: own })
}

fn permissions(own: &ListenerConfig) -> anyhow::Result<Permissions> {
    let group = own.group.as_deref().map(privileges::group_of).transpose()?;
    Ok(Permissions { mode: own.mode, group })
}

fn tcp_listener(
    address: SocketAddr,
    target: &ListenTarget,
    config: &ServerConfig,
) -> io::Result<TcpListener> {
    let socket = Endpoint::from(address).socket()?;
    if address.is_ipv6() {
        socket.set_only_v6(!target.both_families)?;
    }
    socket.set_reuse_address(true)?;
    if config.reuse_port {
        socket.set_reuse_port(true)?;
    }
    set_inherited(&SockRef::from(&socket), config, address)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(target.config.backlog).unwrap_or(i32::MAX))?;
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
