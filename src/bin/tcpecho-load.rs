//! `tcpecho-load`: the load generator for TCP echo servers.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::cli::{self, LoadCommand};
use tcpecho::load::{self, Outcome};
use tcpecho::os::signals;

/// Something was lost or failed.
const LOST: u8 = 3;

/// A `--fail-if` held.
const JUDGED: u8 = 99;

/// As if SIGINT had killed it, which is what shells and scripts expect after Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // Without, it does the same, but for signals that its parent has blocked.
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

/// In one piece; and a standard error that is gone is no reason to panic.
fn say(text: &str) {
    drop(std::io::stderr().write_all(format!("tcpecho-load: {text}\n").as_bytes()));
}
