//! `tcpechod`: the TCP echo daemon.

use std::io::Write;
use std::process::ExitCode;

use env_logger::{Builder, Target};
use log::warn;
use tcpecho::cli::{self, DaemonCommand, LogFilter};
use tcpecho::os::stderr;
use tcpecho::server::{self, ExitReason, LogFormat, LogSink, Origin, ServerConfig, Start};

fn main() -> ExitCode {
    let start = Start::begin();
    match cli::parse_daemon() {
        DaemonCommand::Run(config) => logging(&config, || server::run(&config, start)),
        DaemonCommand::Check(config) => logging(&config, || {
            let text = server::check(&config, start)?;
            writeln!(std::io::stdout(), "{text}\n\n{}", config.in_force.join("\n"))?;
            Ok(ExitReason::Drained)
        }),
        DaemonCommand::Health(address) => {
            let verdict = server::health(&address).map(|()| ExitReason::Drained);
            exit_code(verdict, LogFormat::Text)
        }
    }
}

/// Sets up the log, and then runs `program`.
fn logging(
    config: &ServerConfig,
    program: impl FnOnce() -> anyhow::Result<ExitReason>,
) -> ExitCode {
    let format = config.log_format.on_stderr();
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
    match program() {
        Err(_) if silent => ExitCode::FAILURE,
        outcome => exit_code(outcome, format),
    }
}

fn exit_code(outcome: anyhow::Result<ExitReason>, format: LogFormat) -> ExitCode {
    match outcome {
        Ok(ExitReason::Drained) => ExitCode::SUCCESS,
        Ok(ExitReason::Cut(_)) => ExitCode::FAILURE,
        Err(error) => {
            // Bypasses the log, because its filter may drop the line.
            stderr::write_last(format.fatal_line(&error).as_bytes());
            ExitCode::FAILURE
        }
    }
}
