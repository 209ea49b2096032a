//! The options of `tcpechod` that say how it is run, and not what it serves.

use clap::{Args, ValueEnum};

use crate::server::LogFormat;

#[derive(Debug, Args)]
pub(super) struct Operation {
    /// How the log is written
    #[arg(long, value_name = "FORMAT", env = "TCPECHOD_LOG_FORMAT", default_value = "text")]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: an object a line
    Json,
}

impl Operation {
    pub(super) const fn log_format(&self) -> LogFormat {
        match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        }
    }
}
