//! Keep-alive: when a silent peer is asked whether it is still there (tcp(7)). The daemon and the
//! client set the same three options.

use std::time::Duration;

use socket2::TcpKeepalive;

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
