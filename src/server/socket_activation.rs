//! Sockets that the service manager has opened for the daemon, and keeps open while the daemon is
//! not running (`sd_listen_fds(3)`).

use std::env;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use listenfd::ListenFd;
use socket2::SockRef;

use crate::net::endpoint::Endpoint;
use crate::os::descriptors;

use super::config::ServerConfig;
use super::listen::{self, Bound};

/// The name of a socket for the admin endpoint (`FileDescriptorName=`, systemd.socket(5)).
const METRICS: &str = "metrics";

/// The inherited sockets, by purpose.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    /// Listeners for peers.
    pub listeners: Vec<Bound>,
    /// Listeners with the name `metrics`.
    pub metrics: Vec<Bound>,
}

/// Descriptors that were passed to this process, and are not checked yet.
pub(super) struct Claimed(ListenFd);

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("count", &self.0.len()).finish_non_exhaustive()
    }
}

/// Claims the descriptors that `LISTEN_FDS` and `LISTEN_PID` pass to this process, and unsets these
/// variables. It has to run before anything is opened: a count that is too large would include a
/// descriptor of our own.
///
/// # Errors
///
/// A variable is no number, or counts descriptors that are not open.
pub(super) fn claim() -> anyhow::Result<Claimed> {
    let own = number("LISTEN_PID")?.is_none_or(|process| process == std::process::id());
    if let Some(count) = number("LISTEN_FDS")?.filter(|_| own) {
        let first = number("LISTEN_FDS_FIRST_FD")?.unwrap_or(FIRST);
        let mut all = (0..count).map(|nth| u64::from(first) + u64::from(nth));
        if let Some(missing) = all.find(|one| !descriptors::is_open(*one)) {
            bail!("LISTEN_FDS={count}: descriptor {missing} is not open");
        }
    }
    Ok(Claimed(ListenFd::from_env()))
}

/// The first descriptor after standard error (`SD_LISTEN_FDS_START`).
const FIRST: u32 = 3;

/// Returns the number in an environment variable; none if it is unset or empty.
fn number(name: &str) -> anyhow::Result<Option<u32>> {
    let Some(text) = env::var_os(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.to_str().and_then(|text| text.parse().ok());
    let number = number.with_context(|| {
        format!("{name}={}: expected a number from 0 to {}", text.display(), u32::MAX)
    })?;
    Ok(Some(number))
}

/// Takes the claimed sockets.
///
/// # Errors
///
/// A socket is no listening stream socket.
pub(super) fn take(claimed: Claimed, config: &ServerConfig) -> anyhow::Result<Inherited> {
    let Claimed(mut descriptors) = claimed;
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut inherited = Inherited::default();
    for number in 0..descriptors.len() {
        let name = names.next().unwrap_or_default();
        let bound = take_one(&mut descriptors, number, config)
            .with_context(|| format!("cannot listen on inherited socket {number} ({name:?})"))?;
        let kind = if name == METRICS { &mut inherited.metrics } else { &mut inherited.listeners };
        kind.push(bound);
    }
    Ok(inherited)
}

fn take_one(
    descriptors: &mut ListenFd,
    number: usize,
    config: &ServerConfig,
) -> anyhow::Result<Bound> {
    let taken = || anyhow!("it was taken already");
    if let Ok(tcp) = descriptors.take_tcp_listener(number) {
        let listener = tcp.ok_or_else(taken)?;
        assert_listening(&listener)?;
        let endpoint: Endpoint = listener.local_addr()?.into();
        listen::set_inherited(&SockRef::from(&listener), config, &endpoint)?;
        return Ok(Bound {
            listener: listener.into(),
            endpoint,
            file: None,
            config: config.listener(),
        });
    }
    let unix = descriptors.take_unix_listener(number);
    let listener = unix.context("it is no stream socket, TCP or Unix")?.ok_or_else(taken)?;
    assert_listening(&listener)?;
    listener.set_nonblocking(true)?;
    let address = SockRef::from(&listener).local_addr()?;
    let endpoint = Endpoint::of(&address).unwrap_or_else(|| Endpoint::Unix(PathBuf::new()));
    // The socket file belongs to the manager, as the socket does.
    Ok(Bound { listener: listener.into(), endpoint, file: None, config: config.listener() })
}

/// Returns an error if the socket does not listen. Otherwise the first `accept` would fail.
fn assert_listening(socket: impl AsFd) -> anyhow::Result<()> {
    listens(socket)?.then_some(()).ok_or_else(|| anyhow!("it does not listen"))
}

/// Returns `SO_ACCEPTCONN` (socket(7)). Apple's systems do not support it; no manager there passes
/// sockets in this way either.
#[cfg(not(target_vendor = "apple"))]
fn listens(socket: impl AsFd) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(socket)?)
}

#[cfg(target_vendor = "apple")]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is such an option")]
fn listens(_socket: impl AsFd) -> io::Result<bool> {
    Ok(true)
}
