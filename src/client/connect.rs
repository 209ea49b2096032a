//! Resolves the server's name and connects.

use std::fmt;
use std::io::{self, Write};
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};

use crate::net::endpoint::Endpoint;
use crate::net::keepalive::set_user_timeout;
use crate::net::proxy;
use crate::num;
use crate::os::errno;

use super::config::{ClientConfig, Family, Server};
use super::failure::{Failure, FailureKind};
use super::messages::Messages;

/// A connection and its addresses, which the kernel forgets when the server resets.
#[derive(Debug)]
pub(super) struct Connected {
    pub socket: Socket,
    /// The duration of the connect.
    pub took: Duration,
    /// `None` for a Unix socket, which has no name.
    local: Option<Endpoint>,
    peer: Endpoint,
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(local) = &self.local {
            write!(f, "local={local} ")?;
        }
        write!(f, "peer={}", self.peer)
    }
}

impl Connected {
    /// Sends a PROXY header with our own address, as a proxy would. It is the first data on the
    /// connection, so the write does not block.
    pub(super) fn send_proxy_header(&self, version: proxy::Version) -> Result<(), Failure> {
        let addresses = self.local.as_ref().and_then(Endpoint::tcp).zip(self.peer.tcp());
        let sent = (&self.socket).write_all(&proxy::header(version, addresses));
        sent.map_err(|error| {
            Failure::new(FailureKind::of(&error), format!("the PROXY header: {error}"))
        })
    }
}

/// Connects to the first of the server's addresses that accepts.
///
/// Each address gets an equal share of the remaining time, so that a silent first address does not
/// use up the time of a second one that would accept.
pub(super) fn connect(config: &ClientConfig, messages: Messages) -> Result<Connected, Failure> {
    let addresses = resolve(&config.server)?;
    let mut time_left = config.connect_timeout;
    let mut last = Failure::new(FailureKind::Unresolved, "no address".to_owned());
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let time = (time_left / left).max(Duration::from_millis(1));
        let begun = Instant::now();
        match attempt(&address, config, time) {
            Ok(connected) => return Ok(connected),
            Err(failure) => last = failure,
        }
        // A longer attempt means that this process was stopped; that time is not charged to the
        // other addresses.
        time_left = time_left.saturating_sub(begun.elapsed().min(time));
        left -= 1;
        if left > 0 {
            messages.note(|| last.to_string());
        }
    }
    Err(last)
}

/// Resolves the server to the addresses to try.
///
/// # Errors
///
/// [`FailureKind::Unresolved`] if there is none.
pub fn resolve(server: &Server) -> Result<Vec<Endpoint>, Failure> {
    let (host, port, only) = match server {
        Server::Host { name, port, family } => (name.as_str(), *port, *family),
        Server::Path(path) => return Ok(vec![Endpoint::Unix(path.clone())]),
    };
    let unresolved =
        |details: String| Failure::new(FailureKind::Unresolved, format!("{host}: {details}"));
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
    Ok(addresses.into_iter().map(Endpoint::from).collect())
}

fn attempt(
    address: &Endpoint,
    config: &ClientConfig,
    time: Duration,
) -> Result<Connected, Failure> {
    let failure = |error: io::Error| {
        let details = if errno::is_local_timeout(&error) {
            format!("{address}: no answer within {}", humantime::format_duration(rounded(time)))
        } else {
            format!("{address}: {error}")
        };
        Failure::new(FailureKind::of(&error), details)
    };
    let socket = socket(address, config).map_err(failure)?;
    let to = address.address().map_err(failure)?;
    let begun = Instant::now();
    confirm_timeout(&socket, socket.connect_timeout(&to, time)).map_err(failure)?;
    let took = begun.elapsed();
    let local = socket.local_addr().map_err(failure)?.as_socket().map(Endpoint::from);
    if local.as_ref() == Some(address) {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("{address}: no process listens there; the socket connected to itself"),
        ));
    }
    Ok(Connected { socket, took, local, peer: address.clone() })
}

/// Checks the socket again if a connect failed with our own timeout: if this process was stopped
/// meanwhile, the connection may have been established after all.
///
/// # Errors
///
/// The reason why the socket is not connected.
pub fn confirm_timeout(socket: &Socket, connected: io::Result<()>) -> io::Result<()> {
    match connected {
        Err(error) if errno::is_local_timeout(&error) => match socket.take_error()? {
            Some(error) => Err(error),
            None => socket.peer_addr().map(drop).map_err(|_unconnected| error),
        },
        connected => connected,
    }
}

/// Creates a socket and sets its options before the connect, because a user timeout also limits the
/// SYN.
fn socket(address: &Endpoint, config: &ClientConfig) -> io::Result<Socket> {
    let socket = address.socket()?;
    if address.tcp().is_none() {
        return Ok(socket);
    }
    // Send each line without waiting for the acknowledgment of the previous one (Nagle).
    socket.set_tcp_nodelay(true)?;
    if let Some(keepalive) = config.keepalive {
        socket.set_tcp_keepalive(&keepalive.into())?;
    }
    if let Some(timeout) = config.user_timeout {
        set_user_timeout(&SockRef::from(&socket), timeout)?;
    }
    Ok(socket)
}

/// Rounds to whole milliseconds, as users write durations.
fn rounded(time: Duration) -> Duration {
    const HALF_MS: Duration = Duration::from_micros(500);
    Duration::from_millis(num::millis(time + HALF_MS))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::{Domain, Type};

    use super::*;

    /// A stop longer than the timeout: the wait is over, and the connection is established.
    #[test]
    fn g09_a_connect_that_was_given_up_too_late_is_looked_at_once_more() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let given_up = || Err(io::ErrorKind::TimedOut.into());
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let connected = socket();
        connected.connect(&server.into()).unwrap();
        assert!(confirm_timeout(&connected, given_up()).is_ok());
        let error = confirm_timeout(&socket(), given_up()).unwrap_err();
        assert!(errno::is_local_timeout(&error), "{error}");
        let refused = confirm_timeout(&connected, Err(rustix::io::Errno::CONNREFUSED.into()));
        assert!(errno::is_refused(&refused.unwrap_err()), "what the kernel has said stands");
    }
}
