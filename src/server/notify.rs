//! What the service manager is told: that the daemon is ready, that it is alive, that it is ending
//! (`sd_notify(3)`). Without one, and so without `NOTIFY_SOCKET`, nothing is said.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::{debug, warn};
use sd_notify::NotifyState;

use super::log_format::escaped;

/// How long a manager that does not read is waited for before anybody is served. It starts much
/// else besides while a machine boots, and would end a daemon of which it never hears.
const START_SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// The same in service, where everybody waits meanwhile: as good as not at all.
const SERVICE_SEND_TIMEOUT: Duration = Duration::from_millis(1);

/// The service manager, if there is one that wants to be told. Its socket is opened once, because
/// the sandbox forbids to open another one.
#[derive(Debug)]
pub(super) struct Manager(io::Result<Option<UnixDatagram>>);

impl Manager {
    /// Connects; what went wrong is told when the daemon is ready.
    pub(super) fn connect() -> Self {
        Self(connect())
    }

    /// Everything is bound; `status` is for people.
    pub(super) fn ready(&self, status: &str) {
        let message = [NotifyState::Ready, NotifyState::Status(&escaped(status))];
        let told = match &self.0 {
            Ok(None) => return,
            Ok(Some(socket)) => socket
                .set_write_timeout(Some(START_SEND_TIMEOUT))
                .and_then(|()| send(socket, &message))
                .and_then(|()| socket.set_write_timeout(Some(SERVICE_SEND_TIMEOUT)))
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = told {
            warn!("the service manager could not be told that the daemon is ready: {error}");
        }
    }

    /// The daemon is draining.
    pub(super) fn stopping(&self, status: &str) {
        self.send_in_service(&[NotifyState::Stopping, NotifyState::Status(&escaped(status))]);
    }

    /// The loop goes round.
    pub(super) fn watchdog(&self) {
        self.send_in_service(&[NotifyState::Watchdog]);
    }

    fn send_in_service(&self, states: &[NotifyState<'_>]) {
        if let Ok(Some(socket)) = &self.0
            && let Err(error) = send(socket, states)
        {
            debug!("the service manager could not be told {states:?}: {error}");
        }
    }
}

/// How often the manager wants to hear that, twice as often as it takes to lose its patience
/// (`sd_watchdog_enabled(3)`); none if it does not.
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

/// As [`sd_notify::notify`], which would wait for a manager that does not read, not find one in
/// the abstract namespace, and open a socket for each message.
fn send(socket: &UnixDatagram, states: &[NotifyState<'_>]) -> io::Result<()> {
    let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
    socket.send(lines.join("\n").as_bytes()).map(drop)
}

/// A path, or `@` and a name in the abstract namespace, where there is one (unix(7)).
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
