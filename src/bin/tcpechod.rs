//! `tcpechod`: the TCP echo daemon.

use std::io::Write;
use std::process::ExitCode;

use env_logger::{Builder, Target};
use log::warn;
use tcpecho::cli::{self, DaemonCommand, LogFilter};
use tcpecho::os::stderr;
use tcpecho::server::{self, ExitReason, LogSink, Origin, Start};

fn main() -> ExitCode {
    let start = Start::begin();
    let command = cli::parse_daemon();
    let (DaemonCommand::Run(config) | DaemonCommand::Check(config)) = &command;
    let format = config.log_format;
    let filter = LogFilter::new(config.log_level);
    let silent = config.origin == Origin::StandardInput && server::log_is_connection();
    Builder::new()
        .parse_filters(if silent { "off" } else { &filter.spec })
        .format(move |line, record| line.write_all(format.line(record).as_bytes()))
        .target(Target::Pipe(Box::new(LogSink)))
        .init();
    for warning in filter.warnings.into_iter().chain(cli::unknown_variables()) {
        warn!("{warning}");
    }
    let outcome = match command {
        DaemonCommand::Run(config) => server::run(&config, start),
        DaemonCommand::Check(config) => server::check(&config, start).and_then(|text| {
            writeln!(std::io::stdout(), "{text}\n\n{}", config.in_force.join("\n"))?;
            Ok(ExitReason::Drained)
        }),
    };
    match outcome {
        Ok(ExitReason::Drained) => ExitCode::SUCCESS,
        Ok(ExitReason::Cut(_)) => ExitCode::FAILURE,
        Err(_) if silent => ExitCode::FAILURE,
        Err(error) => {
            // Bypasses the log, because its filter may drop the line.
            stderr::write_last(format.fatal_line(&error).as_bytes());
            ExitCode::FAILURE
        }
    }
}
