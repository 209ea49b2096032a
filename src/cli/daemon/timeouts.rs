//! The options of `tcpechod` that say how long what may take.

use std::time::Duration;

use clap::Args;

use crate::cli::units::{OrOff, duration, duration_or_off, keepalive_or_off, user_timeout_or_off};
use crate::connection::Timeouts;
use crate::server::Keepalive;

#[derive(Debug, Args)]
pub(super) struct TimeoutArgs {
    /// Close a connection on which nothing at all happened for that long [default: off]
    #[arg(short, long, value_name = "DURATION", env = "TCPECHOD_IDLE_TIMEOUT",
          value_parser = duration_or_off)]
    idle_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose line was begun and not finished in that time [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_LINE_TIMEOUT",
          value_parser = duration_or_off)]
    line_timeout: Option<OrOff<Duration>>,

    /// Close a connection whose peer takes nothing of what is owed to it for that long
    /// [default: off]
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_STALL_TIMEOUT",
          value_parser = duration_or_off)]
    stall_timeout: Option<OrOff<Duration>>,

    /// Ask a silent peer whether it is still there: IDLE/INTERVAL/COUNT, or off
    #[arg(long, value_name = "PROBES", env = "TCPECHOD_KEEPALIVE", default_value = "300s/15s/8",
          value_parser = keepalive_or_off)]
    pub(super) keepalive: OrOff<Keepalive>,

    /// Give up a peer that acknowledges nothing for that long, or off
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_USER_TIMEOUT", default_value = "off",
          value_parser = user_timeout_or_off)]
    pub(super) user_timeout: OrOff<Duration>,

    /// How long ending may take, whatever peers do
    #[arg(long, value_name = "DURATION", env = "TCPECHOD_DRAIN_TIMEOUT", default_value = "4s",
          value_parser = duration)]
    pub(super) drain_timeout: Duration,
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
