//! TCP keep-alive and user timeout (tcp(7)), options that the daemon and the client share.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// When the kernel probes an idle peer (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// The idle time before the first probe: `TCP_KEEPIDLE`.
    pub idle: Duration,
    /// The time between two probes: `TCP_KEEPINTVL`.
    pub interval: Duration,
    /// The number of unanswered probes that ends the connection: `TCP_KEEPCNT`.
    pub count: u32,
}

impl From<Keepalive> for TcpKeepalive {
    fn from(keepalive: Keepalive) -> Self {
        Self::new()
            .with_time(keepalive.idle)
            .with_interval(keepalive.interval)
            .with_retries(keepalive.count)
    }
}

/// Makes the kernel give up a peer that acknowledges nothing for `timeout`: `TCP_USER_TIMEOUT`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

/// Unsupported on this platform; returns an error.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn set_user_timeout(_socket: &SockRef<'_>, _timeout: Duration) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no user timeout for TCP"))
}
