//! `tcpecho-load`: the load generator for TCP echo servers.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::cli::{self, LoadCommand};
use tcpecho::load::{self, Outcome};
use tcpecho::os::signals;

/// The exit status if lines were lost or connections failed.
const LOST: u8 = 3;

/// The exit status if a `--fail-if` condition held.
const JUDGED: u8 = 99;

/// The exit status after an interruption, as if SIGINT had killed the process: shells and scripts
/// expect that after Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // On an error the program works all the same, but signals blocked by its parent stay blocked.
    drop(signals::begin());
    let outcome = match cli::parse_load() {
        LoadCommand::Run(config) => load::run(&config),
        LoadCommand::Compare(a, b) => load::compare(&a, &b).and_then(|text| {
            std::io::stdout().write_all(text.as_bytes())?;
            Ok(Outcome::Passed)
        }),
    };
    match outcome {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(Outcome::ThresholdCrossed(held)) => {
            for criterion in held {
                say(&format!("fail-if {criterion}"));
            }
            ExitCode::from(JUDGED)
        }
        Ok(Outcome::Lost(what)) => {
            say(&format!("lost or failed: {what}"));
            ExitCode::from(LOST)
        }
        Ok(Outcome::Failed(why)) => {
            say(&why);
            ExitCode::FAILURE
        }
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line with one write, to keep it whole; a closed standard error must not cause a panic.
fn say(text: &str) {
    drop(std::io::stderr().write_all(format!("tcpecho-load: {text}\n").as_bytes()));
}
