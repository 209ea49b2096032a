//! `tcpechod`: the TCP echo daemon.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{PoisonError, RwLock};

use anyhow::Context;
use env_logger::{Builder, Logger, Target};
use log::{Log, Metadata, Record, error, warn};
use tcpecho::cli::{self, DaemonCommand, LogFilter};
use tcpecho::server::{
    self, ExitReason, LogFormat, LogSink, Origin, ReadLogLevel, ServerConfig, Start,
};

fn main() -> ExitCode {
    let start = Start::begin();
    match cli::parse_daemon() {
        DaemonCommand::Run(config) => {
            let file = config.log_file.as_deref();
            logging(&config, file, |read_level| server::run(&config, start, read_level))
        }
        DaemonCommand::Check(config) => logging(&config, None, |_| {
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
    file: Option<&Path>,
    program: impl FnOnce(ReadLogLevel<'_>) -> anyhow::Result<ExitReason>,
) -> ExitCode {
    let format = if file.is_some() { config.log_format } else { config.log_format.on_stderr() };
    let is_connection = config.origin == Origin::StandardInput && server::log_is_connection();
    let log_of = |filter: &LogFilter| {
        let silent = is_connection && file.is_none();
        logger(if silent { "off" } else { &filter.spec }, format)
    };
    let outcome = begin_log(config, file, &log_of).and_then(|log| {
        program(&|| {
            let filter = LogFilter::new(&config.log_level)?;
            log.set(log_of(&filter));
            Ok(filter.given().to_owned())
        })
    });
    match outcome {
        // The peer is at the other end of standard error.
        Err(error) if is_connection => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
        outcome => exit_code(outcome, format),
    }
}

/// Sets up the log, and logs the warnings about it.
fn begin_log(
    config: &ServerConfig,
    file: Option<&Path>,
    log_of: &dyn Fn(&LogFilter) -> Logger,
) -> anyhow::Result<&'static Filtered> {
    let filter = LogFilter::new(&config.log_level)?;
    if let Some(path) = file {
        let opened = LogSink::open(path);
        opened.with_context(|| format!("cannot open the log file {}", path.display()))?;
    }
    let logger = log_of(&filter);
    log::set_max_level(logger.filter());
    let log: &Filtered = Box::leak(Box::new(Filtered(RwLock::new(logger))));
    log::set_logger(log).context("there is a log already")?;
    for warning in filter.warnings.into_iter().chain(cli::unknown_variables()) {
        warn!("{warning}");
    }
    Ok(log)
}

/// A log with a filter that can be replaced.
struct Filtered(RwLock<Logger>);

impl Filtered {
    fn set(&self, logger: Logger) {
        log::set_max_level(logger.filter());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = logger;
    }
}

impl Log for Filtered {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.read().unwrap_or_else(PoisonError::into_inner).log(record);
    }

    fn flush(&self) {}
}

fn logger(spec: &str, format: LogFormat) -> Logger {
    Builder::new()
        .parse_filters(spec)
        .format(move |line, record| line.write_all(format.line(record).as_bytes()))
        .target(Target::Pipe(Box::new(LogSink)))
        .build()
}

fn exit_code(outcome: anyhow::Result<ExitReason>, format: LogFormat) -> ExitCode {
    match outcome {
        Ok(ExitReason::Drained) => ExitCode::SUCCESS,
        Ok(ExitReason::Cut(_)) => ExitCode::FAILURE,
        Err(error) => {
            LogSink::fatal(format, &error);
            ExitCode::FAILURE
        }
    }
}
