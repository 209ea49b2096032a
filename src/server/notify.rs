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
const PATIENCE_AT_START: Duration = Duration::from_secs(5);

/// The same in service, where everybody waits meanwhile: as good as not at all.
const PATIENCE_IN_SERVICE: Duration = Duration::from_millis(1);

/// Everything is bound; `status` is for people.
pub(super) fn ready(status: &str) {
    let status = escaped(status);
    if let Err(error) = send(&[NotifyState::Ready, NotifyState::Status(&status)], PATIENCE_AT_START)
    {
        warn!("the service manager could not be told that the daemon is ready: {error}");
    }
}

/// The daemon is draining.
pub(super) fn stopping(status: &str) {
    in_service(&[NotifyState::Stopping, NotifyState::Status(&escaped(status))]);
}

/// The loop goes round.
pub(super) fn alive() {
    in_service(&[NotifyState::Watchdog]);
}

/// How often the manager wants to hear that, twice as often as it takes to lose its patience
/// (`sd_watchdog_enabled(3)`); none if it does not.
pub(super) fn interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map(|limit| limit / 2)
}

fn in_service(states: &[NotifyState<'_>]) {
    if let Err(error) = send(states, PATIENCE_IN_SERVICE) {
        debug!("the service manager could not be told {states:?}: {error}");
    }
}

/// As [`sd_notify::notify`], which would wait for a manager that does not read, and not find one
/// in the abstract namespace.
fn send(states: &[NotifyState<'_>], patience: Duration) -> io::Result<()> {
    let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
        return Ok(());
    };
    let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(patience))?;
    socket.send_to_addr(lines.join("\n").as_bytes(), &address(&name)?)?;
    Ok(())
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
