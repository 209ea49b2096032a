//! `tcpecho`: the TCP echo client.

use std::io::Write;
use std::process::ExitCode;

use tcpecho::os::signals;
use tcpecho::{cli, client};

fn main() -> ExitCode {
    // Without, it does the same, but for signals that its parent has blocked.
    drop(signals::begin());
    match client::run(&cli::parse_client()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // In one piece; and a standard error that is gone is no reason to panic.
            drop(std::io::stderr().write_all(format!("tcpecho: {failure}\n").as_bytes()));
            ExitCode::from(failure.code())
        }
    }
}
