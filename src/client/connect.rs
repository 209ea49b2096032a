//! From a name to a connection.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::fault;

use super::config::{Config, Family};
use super::failure::{Failure, Word};
use super::voice::Voice;

/// A connection, and who is connected: the kernel forgets the addresses when the server resets.
#[derive(Debug)]
pub(super) struct Connected {
    pub socket: Socket,
    local: SocketAddr,
    peer: SocketAddr,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local={} peer={}", self.local, self.peer)
    }
}

/// Connects to the first of the host's addresses that answers.
///
/// The time is shared: each address has an equal part of what is left, so that a silent first one
/// does not use up the time of a second that would answer.
pub(super) fn connect(config: &Config, voice: Voice) -> Result<Connected, Failure> {
    let addresses = resolve(&config.host, config.port, config.family)?;
    let begun = Instant::now();
    let mut last = Failure::new(Word::Unresolved, format!("{}: no address", config.host));
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let time = config.connect_timeout.saturating_sub(begun.elapsed()) / left;
        match attempt(address, config, time.max(Duration::from_millis(1))) {
            Ok(connected) => return Ok(connected),
            Err(failure) => last = failure,
        }
        left -= 1;
        if left > 0 {
            voice.note(|| last.to_string());
        }
    }
    Err(last)
}

/// The host's addresses that may be tried.
///
/// # Errors
///
/// [`Word::Unresolved`] if there is none.
pub fn resolve(host: &str, port: u16, only: Family) -> Result<Vec<SocketAddr>, Failure> {
    let unresolved = |details: String| Failure::new(Word::Unresolved, format!("{host}: {details}"));
    let all = (host, port).to_socket_addrs();
    let mut addresses: Vec<_> = all.map_err(|error| unresolved(error.to_string()))?.collect();
    let family = match only {
        Family::Any => "",
        Family::V4 => "IPv4 ",
        Family::V6 => "IPv6 ",
    };
    addresses.retain(|address| match only {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    });
    if addresses.is_empty() {
        return Err(unresolved(format!("it has no {family}address")));
    }
    Ok(addresses)
}

fn attempt(address: SocketAddr, config: &Config, time: Duration) -> Result<Connected, Failure> {
    let failure = |error: io::Error| {
        let details = if fault::our_time_is_over(&error) {
            format!("{address}: no answer within {}", humantime::format_duration(rounded(time)))
        } else {
            format!("{address}: {error}")
        };
        Failure::new(Word::of(&error), details)
    };
    let socket = socket(address, config).map_err(failure)?;
    socket.connect_timeout(&address.into(), time).map_err(failure)?;
    let local = socket.local_addr().map_err(failure)?.as_socket().unwrap_or(address);
    if local == address {
        return Err(Failure::new(
            Word::Refused,
            format!("{address}: nobody listens there; the connection had reached itself"),
        ));
    }
    Ok(Connected { socket, local, peer: address })
}

/// A socket with its options, set before it connects: a user timeout also bounds the SYN.
fn socket(address: SocketAddr, config: &Config) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A line is not held back until the echo of the one before is acknowledged.
    socket.set_tcp_nodelay(true)?;
    if let Some(keepalive) = config.keepalive {
        socket.set_tcp_keepalive(&keepalive.into())?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if config.user_timeout.is_some() {
        socket.set_tcp_user_timeout(config.user_timeout)?;
    }
    Ok(socket)
}

/// Whole milliseconds, as people wrote them.
fn rounded(time: Duration) -> Duration {
    const HALF_MS: Duration = Duration::from_micros(500);
    let millis = (time + HALF_MS).as_millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
