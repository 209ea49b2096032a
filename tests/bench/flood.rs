//! The peer that floods: a program in C that takes as little as it can of the core that it shares
//! with the polite peers.

use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::load;
use super::running::{END_LIMIT, end, wait};
use super::servers::built;

/// What `tests/bench/build.sh` has built of `flood.c`.
const PROGRAM: &str = built!("flood");

/// One that runs. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Flood(Child);

impl Flood {
    /// Starts it on the core of every load, of which it gets what the others leave: a flood that
    /// took the polite peers' own processor would measure the scheduler in place of the server.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let mut command = Command::new("chrt");
        command.args(["--idle", "0", "taskset", "-c", load::CORE, PROGRAM]);
        command.args([address.ip().to_string(), address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("chrt and taskset of util-linux"))
    }

    /// Ends it, and returns how many bytes a second came back: all that it had sent.
    pub(crate) fn finish(mut self) -> Result<f64, String> {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        if matches!(self.0.try_wait(), Ok(None)) {
            kill_process(pid, Signal::INT).unwrap();
        }
        let status = wait(&mut self.0, END_LIMIT).ok_or("the flood does not end")?;
        if !status.success() {
            let complaint = text(self.0.stderr.take());
            return Err(format!("the flood failed: {status}: {}", complaint.trim()));
        }
        let told = text(self.0.stdout.take());
        let numbers: Vec<f64> =
            told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [bytes, seconds] if bytes > 0.0 => Ok(bytes / seconds),
            _ => Err(format!("the flood says: {told}")),
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

fn text(from: Option<impl Read>) -> String {
    let mut text = String::new();
    from.expect("a pipe").read_to_string(&mut text).expect("text");
    text
}
