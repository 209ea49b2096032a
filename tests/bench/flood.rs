//! The flooding peer: a C program that takes as little as possible of the core that it shares with
//! the polite peers.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use super::load;
use super::running::{end, interrupt};
use super::servers::built;

/// The program that `tests/bench/build.sh` builds from `flood.c`.
const PROGRAM: &str = built!("flood");

/// A running flood, stopped on drop.
#[derive(Debug)]
pub(crate) struct Flood(Child);

impl Flood {
    /// Starts the flood on the core of the load, at idle priority: a flood that took processor time
    /// from the polite peers would measure the scheduler instead of the server.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let mut command = Command::new("chrt");
        command.args(["--idle", "0", "taskset", "-c", load::CORE, PROGRAM]);
        command.args([address.ip().to_string(), address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("chrt and taskset of util-linux"))
    }

    /// Stops the flood, and returns the echoed bytes per second; an error unless all bytes came
    /// back.
    pub(crate) fn finish(mut self) -> Result<f64, String> {
        let status = interrupt(&mut self.0).ok_or("the flood does not exit")?;
        if !status.success() {
            let complaint = text(self.0.stderr.take());
            return Err(format!("the flood failed: {status}: {}", complaint.trim()));
        }
        let output = text(self.0.stdout.take());
        let numbers: Vec<f64> =
            output.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [bytes, seconds] if bytes > 0.0 => Ok(bytes / seconds),
            _ => Err(format!("unexpected output of the flood: {output}")),
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn text(from: Option<impl Read>) -> String {
    io::read_to_string(from.expect("a pipe")).expect("text")
}
