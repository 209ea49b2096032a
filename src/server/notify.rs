//! Messages to the service manager: the daemon is ready, alive, stopping (`sd_notify(3)`). Without
//! `NOTIFY_SOCKET` there is no manager, and nothing is sent.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::{debug, warn};
use sd_notify::NotifyState;

use super::log_format::escaped;

/// How long the daemon waits for a manager that does not read, before it serves the first peer. A
/// manager starts many programs while a machine boots, and would kill a daemon that never reports
/// that it is ready.
const START_SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The same in service, where every peer waits meanwhile: practically no wait.
const SERVICE_SEND_TIMEOUT: Duration = Duration::from_millis(1);

/// The service manager, if there is one. Its socket is opened once, because the sandbox forbids
/// another one.
#[derive(Debug)]
pub(super) struct Manager(io::Result<Option<UnixDatagram>>);

impl Manager {
    /// Connects. [`Self::ready`] logs a failure.
    pub(super) fn connect() -> Self {
        Self(connect())
    }

    /// Reports that every listener is bound. `status` is for people.
    pub(super) fn ready(&self, status: &str) {
        let message = [NotifyState::Ready, NotifyState::Status(&escaped(status))];
        let sent = match &self.0 {
            Ok(None) => return,
            Ok(Some(socket)) => socket
                .set_write_timeout(Some(START_SEND_TIMEOUT))
                .and_then(|()| send(socket, &message))
                .and_then(|()| socket.set_write_timeout(Some(SERVICE_SEND_TIMEOUT)))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            warn!("cannot notify the service manager that the daemon is ready: {error}");
        }
    }

    /// Reports that the daemon reads its files again; [`Self::reloaded`] has to follow.
    pub(super) fn reloading(&self) {
        // The manager ignores a message without the time of this one.
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.send_in_service(&[NotifyState::Reloading, now]);
        }
    }

    /// Reports that it has read them.
    pub(super) fn reloaded(&self) {
        self.send_in_service(&[NotifyState::Ready]);
    }

    /// Reports that the daemon is draining.
    pub(super) fn stopping(&self, status: &str) {
        self.send_in_service(&[NotifyState::Stopping, NotifyState::Status(&escaped(status))]);
    }

    /// Reports that the loop is running.
    pub(super) fn watchdog(&self) {
        self.send_in_service(&[NotifyState::Watchdog]);
    }

    fn send_in_service(&self, states: &[NotifyState<'_>]) {
        if let Ok(Some(socket)) = &self.0
            && let Err(error) = send(socket, states)
        {
            debug!("cannot notify the service manager of {states:?}: {error}");
        }
    }
}

/// Returns the interval of [`Manager::watchdog`]: half of `WATCHDOG_USEC`, or none
/// (`sd_watchdog_enabled(3)`).
pub(super) fn interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map(|limit| limit / 2)
}

fn connect() -> io::Result<Option<UnixDatagram>> {
    let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address(&name)?)?;
    Ok(Some(socket))
}

/// Sends states, as [`sd_notify::notify`] does. But that would block if the manager does not read,
/// would not find one in the abstract namespace, and would open a socket for each message.
fn send(socket: &UnixDatagram, states: &[NotifyState<'_>]) -> io::Result<()> {
    let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
    socket.send(lines.join("\n").as_bytes()).map(drop)
}

/// Returns the address of a path, or of `@` and a name in the abstract namespace, where there is
/// one (unix(7)).
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;

        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(name);
        }
    }
    SocketAddr::from_pathname(name)
}
