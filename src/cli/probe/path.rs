//! The options of `path`.

use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;

use crate::cli::units::{duration, within};
use crate::probe::{self, PathConfig};

use super::hosts::Host;

#[derive(Debug, Args)]
pub(super) struct PathArgs {
    #[command(flatten)]
    pub host: Host,

    /// Ask only this question. May be given several times
    #[arg(long, value_name = "QUESTION", env = "TCPECHO_PROBE_ONLY", value_delimiter = ',')]
    only: Vec<String>,

    /// Port of the server's host where nothing listens, for the question closed-port
    #[arg(long, value_name = "PORT", env = "TCPECHO_PROBE_PORT_CLOSED",
          value_parser = within(1..=u16::MAX))]
    port_closed: Option<u16>,

    /// Time within which each step of a question has to be done
    #[arg(long, value_name = "DURATION", env = "TCPECHO_PROBE_TIMEOUT", default_value = "5s",
          value_parser = duration)]
    timeout: Duration,
}

impl PathArgs {
    /// Rejects the name of a question that does not exist.
    pub(super) fn checked(self) -> Result<PathConfig, clap::Error> {
        let Self { host: _, only, port_closed, timeout } = self;
        let names: Vec<_> = probe::questions().map(|question| question.name).collect();
        if let Some(name) = only.iter().find(|name| !names.contains(&name.as_str())) {
            let message = format!("no question {name}; the questions are: {}\n", names.join(", "));
            return Err(clap::Error::raw(ErrorKind::InvalidValue, message));
        }
        Ok(PathConfig { only, closed_port: port_closed, timeout })
    }
}
