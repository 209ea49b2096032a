//! The options of `ping`.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::cli::units::{duration, within};
use crate::probe::{Connections, PingConfig};

use super::hosts::Hosts;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
pub(super) struct PingArgs {
    #[command(flatten)]
    pub hosts: Hosts,

    /// Time between two probes of a host
    #[arg(short, long, value_name = "DURATION", env = "TCPECHO_PROBE_INTERVAL",
          default_value = "1s", value_parser = duration)]
    interval: Duration,

    /// Number of probes; without it, until interrupted
    #[arg(short, long, value_name = "N", env = "TCPECHO_PROBE_COUNT",
          value_parser = within(1..=u64::from(u32::MAX)))]
    count: Option<u64>,

    /// End after this long
    #[arg(short = 'w', long, value_name = "DURATION", env = "TCPECHO_PROBE_DEADLINE",
          value_parser = duration)]
    deadline: Option<Duration>,

    /// Open a new connection for each probe
    #[arg(long, env = "TCPECHO_PROBE_CONNECT", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    connect: bool,

    /// Probe on a kept connection and on new ones, side by side
    #[arg(long, env = "TCPECHO_PROBE_BOTH", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    both: bool,

    /// Time within which an answer has to come
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TIMEOUT", default_value = "1s",
          value_parser = duration)]
    timeout: Duration,

    /// Look the name up again before each reconnect
    #[arg(long, env = "TCPECHO_PROBE_RE_RESOLVE", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    re_resolve: bool,

    /// The server sends a line first: report it, and every change of it
    #[arg(long, env = "TCPECHO_PROBE_BANNER", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    banner: bool,
}

impl From<PingArgs> for PingConfig {
    fn from(arguments: PingArgs) -> Self {
        Self {
            interval: arguments.interval,
            count: arguments.count,
            deadline: arguments.deadline,
            connections: match (arguments.connect, arguments.both) {
                (_, true) => Connections::Both,
                (true, false) => Connections::New,
                (false, false) => Connections::Kept,
            },
            timeout: arguments.timeout,
            re_resolve: arguments.re_resolve,
            banner: arguments.banner,
        }
    }
}
