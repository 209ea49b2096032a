//! The options of `tcpechod` that say how it is run, and not what it serves.

use clap::{Args, ValueEnum};
use log::LevelFilter;

use crate::cli::log_level::LogLevel;
use crate::server::{LogFormat, Sandbox};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// How much is logged, whatever `RUST_LOG` says; trace is as debug in a release
    /// [default: `RUST_LOG`, or info]
    #[arg(long, value_name = "LEVEL", env = "TCPECHOD_LOG_LEVEL", ignore_case = true)]
    log_level: Option<LogLevel>,

    /// How the log is written
    #[arg(long, value_name = "FORMAT", env = "TCPECHOD_LOG_FORMAT", default_value = "text")]
    log_format: LogFormatArg,

    /// Once everything is bound, become that user, and that group or else the user's own; names or
    /// numbers. All capabilities go in any case
    #[arg(long, value_name = "NAME[:GROUP]", env = "TCPECHOD_USER", value_parser = user)]
    user: Option<String>,

    /// Once started, give up files, new sockets, and all other system calls that serving does not
    /// need, where the kernel can take them (Linux: Landlock, seccomp); always off with --exec
    #[arg(long, value_name = "WHETHER", env = "TCPECHOD_SANDBOX", default_value = "on")]
    sandbox: Switch,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArg {
    /// For people
    Text,
    /// For programs: an object a line
    Json,
}

impl RunArgs {
    pub(super) const fn log_format(&self) -> LogFormat {
        match self.log_format {
            LogFormatArg::Text => LogFormat::Text,
            LogFormatArg::Json => LogFormat::Json,
        }
    }

    pub(super) fn log_level(&self) -> Option<LevelFilter> {
        self.log_level.map(LevelFilter::from)
    }

    pub(super) fn user(&self) -> Option<String> {
        self.user.clone()
    }

    pub(super) const fn sandbox(&self) -> Sandbox {
        match self.sandbox {
            Switch::On => Sandbox::On,
            Switch::Off => Sandbox::Off,
        }
    }
}

/// Checks the form; names are looked up when the daemon starts.
fn user(text: &str) -> Result<String, String> {
    if text.split(':').count() > 2 || text.split(':').any(str::is_empty) {
        return Err("expected NAME or NAME:GROUP".to_owned());
    }
    Ok(text.to_owned())
}
