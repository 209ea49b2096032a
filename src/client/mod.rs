//! `tcpecho`: sends standard input to the server, writes everything received to standard output,
//! and reports how the connection ended.
//!
//! There are two clients. [`Style::Multiplexed`] waits for standard input, standard output and the
//! socket at once (UNIX Network Programming, sections 6.4 to 6.7). [`Style::StopAndWait`] is the
//! course's first client (section 5.5), kept with its faults, which the demonstrations show.

mod buffer;
mod codec;
mod config;
mod connect;
mod failure;
mod flow;
mod greeting;
mod ledger;
mod messages;
mod poll;
mod session;
mod stop_and_wait;
mod timeouts;

pub use config::{ClientConfig, Family, Server, Sigpipe, Style, WireFormat};
pub use connect::{first_address, resolve};
pub use failure::{Failure, FailureKind};

use crate::net::tcp_info::TcpInfo;

use connect::connect;
use ledger::Ledger;
use messages::Messages;

/// Connects, and sends and receives until one side ends.
///
/// # Errors
///
/// The failure that `main` reports, with its exit status.
pub fn run(config: &ClientConfig) -> Result<(), Failure> {
    if config.sigpipe == Sigpipe::Default {
        // The Rust runtime ignores the signal before `main`.
        sigpipe::reset();
    }
    let messages = Messages { verbose: config.verbose };
    let connected = connect(config, messages)?;
    messages.note(|| format!("connected {connected}"));
    if let Some(version) = config.send_proxy {
        connected.send_proxy_header(version)?;
    }
    let mut ledger = Ledger::new(config.format);
    let outcome = match config.style {
        Style::Multiplexed => session::run(config, &connected, &mut ledger),
        Style::StopAndWait => stop_and_wait::run(config, &connected, &mut ledger),
    };
    messages.note(|| match TcpInfo::of(&connected.socket) {
        Some(info) => format!("closed {ledger} {info}"),
        None => format!("closed {ledger}"),
    });
    outcome
}
