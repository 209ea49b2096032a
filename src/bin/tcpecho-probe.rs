//! `tcpecho-probe`: measures the path between two hosts.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::client::Failure;
use tcpecho::os::signals;
use tcpecho::{cli, probe};

fn main() -> ExitCode {
    // On an error the program works all the same, but signals blocked by its parent stay blocked.
    drop(signals::begin());
    match probe::run(&cli::parse_probe()) {
        Ok(verdict) => ExitCode::from(verdict.code()),
        Err(error) => {
            // One write keeps the line whole; a closed standard error must not cause a panic.
            drop(std::io::stderr().write_all(format!("tcpecho-probe: {error:#}\n").as_bytes()));
            error.downcast_ref().map_or(ExitCode::FAILURE, |it: &Failure| ExitCode::from(it.code()))
        }
    }
}
