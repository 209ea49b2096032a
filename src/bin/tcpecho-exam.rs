//! `tcpecho-exam`: judges an echo server or client against the course.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::cli::{self, ExamCommand};
use tcpecho::exam::{self, Outcome};
use tcpecho::os::signals;

/// The exit status if the command can't be started.
const NOT_STARTED: u8 = 3;

/// The exit status after an interruption, as if SIGINT had killed the process.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // On an error the program works all the same, but signals blocked by its parent stay blocked.
    drop(signals::begin());
    let outcome = match cli::parse_exam() {
        ExamCommand::List(text) => std::io::stdout()
            .write_all(text.as_bytes())
            .map(|()| Outcome::Passed)
            .map_err(Into::into),
        ExamCommand::Run(config) => exam::run(&config, say),
    };
    match outcome {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::NotStarted(why)) => {
            say(&why);
            ExitCode::from(NOT_STARTED)
        }
        Ok(Outcome::Interrupted) => ExitCode::from(INTERRUPTED),
        Ok(Outcome::Inside(code)) => ExitCode::from(code),
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line with one write, to keep it whole; a closed standard error must not cause a panic.
fn say(text: &str) {
    drop(std::io::stderr().write_all(format!("tcpecho-exam: {text}\n").as_bytes()));
}
