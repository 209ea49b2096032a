//! The timeout options of `tcpechod`.

use std::time::Duration;

use clap::Args;

use crate::cli::units::{OrOff, duration, duration_or_off, keepalive_or_off, user_timeout_or_off};
use crate::connection::Timeouts;
use crate::server::Keepalive;

#[derive(Debug, Args)]
pub(super) struct TimeoutArgs {
    /// Close a connection after this long without any activity [default: off]
    #[arg(short, long, value_name = "DURATION", env = "TCPECHOD_IDLE_TIMEOUT",
          value_parser = duration_or_off)]
    idle_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose line is still incomplete this long after its start [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_LINE_TIMEOUT",
          value_parser = duration_or_off)]
    line_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose peer accepts no pending output for this long [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_STALL_TIMEOUT",
          value_parser = duration_or_off)]
    stall_timeout: Option<OrOff<Duration>>,

    /// Send TCP keep-alive probes: the first after IDLE without traffic, then every INTERVAL; close
    /// the connection after COUNT unanswered ones; or off
    #[arg(long, value_name = "IDLE/INTERVAL/COUNT", env = "TCPECHOD_KEEPALIVE",
          default_value = "300s/15s/8", value_parser = keepalive_or_off)]
    pub(super) keepalive: OrOff<Keepalive>,

    /// Close a connection whose peer acknowledges no data for this long, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_USER_TIMEOUT", default_value = "off",
          value_parser = user_timeout_or_off)]
    pub(super) user_timeout: OrOff<Duration>,

    /// Time limit for the drain at shutdown; connections still open are then closed at once
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_DRAIN_TIMEOUT", default_value = "4s",
          value_parser = duration)]
    pub(super) drain_timeout: Duration,

    /// The first part of that time, at most half of it, or off: connections are served as before,
    /// and only those that are quiet between two lines are closed
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_DRAIN_GRACE", default_value = "1s",
          value_parser = duration_or_off)]
    pub(super) drain_grace: OrOff<Duration>,
}

impl TimeoutArgs {
    pub(super) fn timeouts(&self) -> Timeouts {
        Timeouts {
            idle: self.idle_timeout.and_then(|wait| wait.0),
            line: self.line_timeout.and_then(|wait| wait.0),
            stall: self.stall_timeout.and_then(|wait| wait.0),
        }
    }
}
