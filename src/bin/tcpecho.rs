//! `tcpecho`: the TCP echo client.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::os::signals;
use tcpecho::{cli, client};

fn main() -> ExitCode {
    // On an error the program works all the same, but signals blocked by its parent stay blocked.
    drop(signals::begin());
    match client::run(&cli::parse_client()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // One write keeps the line whole; a closed standard error must not cause a panic.
            drop(std::io::stderr().write_all(format!("tcpecho: {failure}\n").as_bytes()));
            ExitCode::from(failure.code())
        }
    }
}
