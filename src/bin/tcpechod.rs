//! `tcpechod`: the TCP echo daemon.

use std::io::Write;
use std::process::ExitCode;

use env_logger::{Builder, Env, Target};
use tcpecho::cli::{self, Command};
use tcpecho::server::{self, LogSink, Outcome, Start};
use tcpecho::stderr;

fn main() -> ExitCode {
    let start = Start::begin();
    let command = cli::parse_daemon();
    let (Command::Run(config) | Command::Check(config)) = &command;
    let format = config.log_format;
    Builder::from_env(Env::default().default_filter_or("info"))
        .format(move |line, record| line.write_all(format.line(record).as_bytes()))
        .target(Target::Pipe(Box::new(LogSink)))
        .init();
    let outcome = match command {
        Command::Run(config) => server::run(&config, start),
        Command::Check(config) => server::check(&config, start).and_then(|text| {
            writeln!(std::io::stdout(), "{text}")?;
            Ok(Outcome::Drained)
        }),
    };
    match outcome {
        Ok(Outcome::Drained) => ExitCode::SUCCESS,
        Ok(Outcome::Cut(_)) => ExitCode::FAILURE,
        Err(error) => {
            // Not through the log, which may be filtered.
            stderr::offer_last(format.last_words(&error).as_bytes());
            ExitCode::FAILURE
        }
    }
}
