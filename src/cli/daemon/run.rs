//! The options of `tcpechod` for its log, user and sandbox.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, Args, Command, ValueEnum};

use crate::cli::log_level::LogLevel as LevelName;
use crate::server::{LogFormat, LogLevel, Sandbox};

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Log level, overriding `RUST_LOG`; trace equals debug in a release build. @FILE: a file that
    /// contains a level, or a filter as in `RUST_LOG`, and that SIGHUP reads again
    /// [default: `RUST_LOG`, or info]
    #[arg(long, value_name = "LEVEL", env = "TCPECHOD_LOG_LEVEL", ignore_case = true,
          value_parser = LevelOrFile)]
    log_level: Option<LogLevel>,

    /// Append the log to this file instead of standard error; SIGHUP opens it again, so that
    /// another program may rename it
    #[arg(long, value_name = "FILE", env = "TCPECHOD_LOG_FILE")]
    pub(super) log_file: Option<PathBuf>,

    /// Log format
    #[arg(long, value_name = "FORMAT", env = "TCPECHOD_LOG_FORMAT", default_value = "text")]
    log_format: LogFormatArg,

    /// After binding, switch to this user and group (without GROUP, the user's own), by name or
    /// number. All capabilities are dropped in any case
    #[arg(long, value_name = "NAME[:GROUP]", env = "TCPECHOD_USER", value_parser = user)]
    user: Option<String>,

    /// Serve the connection on standard input, and end with it: for inetd, xinetd and systemd
    /// (Accept=yes). If standard error is that connection too, there is no log
    #[arg(long, conflicts_with_all = ["listen", "port", "metrics", "port_file", "hand_over", "exec",
                                   "fault"])]
    pub(super) inetd: bool,

    /// After startup, give up files, new sockets, and all other system calls that serving does not
    /// need, if the kernel supports this (Linux: Landlock, seccomp); always off with --exec
    #[arg(long, value_name = "MODE", env = "TCPECHOD_SANDBOX", default_value = "on")]
    sandbox: Switch,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArg {
    /// Human-readable lines
    Text,
    /// One JSON object per line
    Json,
}

impl RunArgs {
    pub(super) const fn log_format(&self) -> LogFormat {
        match self.log_format {
            LogFormatArg::Text => LogFormat::Text,
            LogFormatArg::Json => LogFormat::Json,
        }
    }

    pub(super) fn log_level(&self) -> LogLevel {
        self.log_level.clone().unwrap_or(LogLevel::Environment)
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

/// Parses a level by its name, or `@FILE`.
#[derive(Clone, Copy, Debug)]
struct LevelOrFile;

impl TypedValueParser for LevelOrFile {
    type Value = LogLevel;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<LogLevel, clap::Error> {
        match value.to_str().and_then(|text| text.strip_prefix('@')) {
            Some(file) if !file.is_empty() => Ok(LogLevel::File(file.into())),
            _ => EnumValueParser::<LevelName>::new()
                .parse_ref(command, option, value)
                .map(|level| LogLevel::Fixed(level.into())),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let levels = LevelName::value_variants().iter();
        Some(Box::new(levels.filter_map(ValueEnum::to_possible_value)))
    }
}

/// Checks the form only; names are looked up when the daemon starts.
fn user(text: &str) -> Result<String, String> {
    if text.split(':').count() > 2 || text.split(':').any(str::is_empty) {
        return Err("expected NAME or NAME:GROUP".to_owned());
    }
    Ok(text.to_owned())
}
