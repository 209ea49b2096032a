//! `tcpecho-probe`: what is between two hosts, asked of any echo server.
//!
//! - `config`: the validated settings
//! - `record`: the output, an event a line
//! - `ping`: echoes at an interval, and the outages between them

mod config;
mod ping;
mod record;

use std::io;

use anyhow::Context;

use crate::client::{self, FailureKind};
use crate::os::errno;
use crate::sys::Dialer;

use self::ping::Ping;
use self::record::Output;

pub use self::config::{Connections, PingConfig, ProbeConfig, ProbeFormat, Question, Target};

/// The answer of a run; each has its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All well: 0.
    Well,
    /// What the question is about was found, such as an outage: 10.
    Found,
    /// A host never answered: the exit status of the client's word.
    Never(FailureKind),
}

impl Verdict {
    /// The exit status.
    pub const fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Found => 10,
            Self::Never(word) => word.code(),
        }
    }
}

/// Asks the question, and prints the answer on standard output.
///
/// # Errors
///
/// A name without an address, or a failure of this machine.
pub fn run(config: &ProbeConfig) -> anyhow::Result<Verdict> {
    let Question::Ping(ping) = &config.question;
    let mut output = Output::new(config.format, Box::new(io::stdout()))?;
    match run_ping(config, ping, &mut output) {
        // The reader has closed the pipe, which is no failure of the run.
        Err(error) if error.downcast_ref().is_some_and(errno::is_broken_pipe) => Ok(Verdict::Well),
        verdict => verdict,
    }
}

fn run_ping(
    config: &ProbeConfig,
    ping: &PingConfig,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let dialer = Dialer::new().context("cannot set up the event loop")?;
    let mut ping = Ping::new(ping, &config.targets, dialer, Box::new(client::resolve))?;
    while !ping.is_over() {
        ping.turn().context("the event loop broke")?;
        for record in ping.take_records() {
            if !(config.quiet && ["reply", "lost", "late"].contains(&record.event)) {
                output.record(&record)?;
            }
        }
        output.flush()?;
    }
    let summary = ping.summary();
    output.summary(&ping::text(&summary), &summary)?;
    Ok(ping.verdict())
}
