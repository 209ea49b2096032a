//! Keep-alive: when a silent peer is asked whether it is still there, and when one that does not
//! acknowledge is given up (tcp(7)). The daemon and the client set the same options.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// When a peer that is silent is asked whether it is still there (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// How long it may be silent: `TCP_KEEPIDLE`.
    pub idle: Duration,
    /// How long it has for an answer: `TCP_KEEPINTVL`.
    pub interval: Duration,
    /// How often it is asked: `TCP_KEEPCNT`.
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

/// Has the kernel give up a peer that acknowledges nothing for that long: `TCP_USER_TIMEOUT`.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn set_user_timeout(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

/// Elsewhere that can't be had: who asks for it is told.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn set_user_timeout(_socket: &SockRef<'_>, _timeout: Duration) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no user timeout for TCP"))
}
