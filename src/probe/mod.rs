//! `tcpecho-probe`: measures the path between two hosts, with any echo server.
//!
//! - `config`: the validated settings
//! - `record`: the output, an event a line
//! - `trip`: one connection that carries echoes
//! - `errand`: the work of one connection
//! - `fleet`: many connections with an errand each
//! - `ping`: echoes at an interval, and the outages between them
//! - `path`: which uses of TCP pass
//! - `idle`: how long a connection may be silent
//! - `ports`: which source ports fail
//! - `who`: which servers answer

mod config;
mod errand;
mod fleet;
mod idle;
mod path;
mod ping;
mod ports;
mod record;
mod trip;
mod who;

use std::io;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::client::{self, FailureKind};
use crate::clock::MonotonicNs;
use crate::net::endpoint::Endpoint;
use crate::net::socket_options::SocketOptions;
use crate::num;
use crate::os::{descriptors, errno};
use crate::sys::Dialer;

use self::ping::Ping;
use self::record::Output;

pub use self::path::{PathQuestion, questions};

pub use self::config::{
    Connections, Dialing, IdleConfig, PathConfig, PingConfig, PortsConfig, ProbeConfig,
    ProbeFormat, Question, Target, WhoConfig,
};

/// A longer delay of a poll, as a part of the timeout, is a pause of this process.
const PAUSE_SHARE_OF_TIMEOUT: u32 = 8;

/// Descriptors that are no connections.
const RESERVED: u64 = 64;

/// The answer of a run; each has its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All well: 0.
    Well,
    /// Found, such as an outage: 10.
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
    let mut output = Output::new(config, Box::new(io::stdout()))?;
    // Without it, fewer connections are open at once.
    drop(descriptors::raise());
    match ask(config, &mut output) {
        // The reader has closed the pipe, which is no failure of the run.
        Err(error) if error.downcast_ref().is_some_and(errno::is_broken_pipe) => Ok(Verdict::Well),
        verdict => verdict,
    }
}

fn ask(config: &ProbeConfig, output: &mut Output) -> anyhow::Result<Verdict> {
    if let Question::Ping(ping) = &config.question {
        return run_ping(config, ping, output);
    }
    let [target] = config.targets.as_slice() else { bail!("one host at a time") };
    match &config.question {
        Question::Ping(ping) => run_ping(config, ping, output),
        Question::Path(path) => path::run(path, &config.dialing, target, output),
        Question::Idle(idle) => idle::run(idle, &config.dialing, target, output),
        Question::Ports(ports) => ports::run(ports, &config.dialing, target, output),
        Question::Who(who) => who::run(who, &config.dialing, target, output),
    }
}

/// Returns the server's address; of several, the first that accepts a connection.
fn server(target: &Target, socket: &SocketOptions, timeout: Duration) -> anyhow::Result<Endpoint> {
    client::first_address(&target.server, &target.name, socket, timeout)
}

/// Returns by how much a poll that began at `before` returned later than `until`, if that was a
/// pause of this process: long for a wait of `timeout`.
fn pause(
    before: MonotonicNs,
    until: MonotonicNs,
    now: MonotonicNs,
    timeout: Duration,
) -> Option<Duration> {
    let late = now.since(before.max(until));
    (until != MonotonicNs::NEVER && late > timeout / PAUSE_SHARE_OF_TIMEOUT).then_some(late)
}

/// Returns how many connections may be open at once.
fn room() -> usize {
    let limit = descriptors::limit().unwrap_or(u64::MAX).saturating_sub(RESERVED).max(1);
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A time in microseconds.
fn us(time: Duration) -> f64 {
    num::to_f64(num::nanos(time)) / 1e3
}

fn run_ping(
    config: &ProbeConfig,
    ping: &PingConfig,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let dialer =
        Dialer::new(config.dialing.socket.clone()).context("cannot set up the event loop")?;
    let mut ping = Ping::new(ping, config, dialer, Box::new(client::resolve))?;
    while !ping.is_over() {
        ping.turn().context("the event loop broke")?;
        for record in ping.take_records() {
            output.record(&record)?;
        }
        output.flush()?;
    }
    output.summary(&ping.summary())?;
    Ok(ping.verdict())
}
