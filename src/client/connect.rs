//! Resolves the server's name and connects.

use std::fmt;
use std::io::{self, Write};
use std::net::ToSocketAddrs;
use std::time::Duration;

use anyhow::bail;
use socket2::{SockRef, Socket};

use crate::net::endpoint::Endpoint;
use crate::net::happy_eyeballs::{self, Connection};
use crate::net::keepalive::set_user_timeout;
use crate::net::proxy;
use crate::net::socket_options::SocketOptions;
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

/// Connects to the first of the server's addresses that accepts (RFC 8305).
pub(super) fn connect(config: &ClientConfig, messages: Messages) -> Result<Connected, Failure> {
    let time = config.connect_timeout;
    let failure = |address: &Endpoint, error: &io::Error| {
        let details = if errno::is_local_timeout(error) {
            format!("{address}: no answer within {}", humantime::format_duration(time))
        } else {
            format!("{address}: {error}")
        };
        Failure::new(FailureKind::of(error), details)
    };
    let open = |address: &Endpoint| socket(address, config);
    let failed = |address: &Endpoint, error: &io::Error| {
        messages.note(|| failure(address, error).to_string());
    };
    let mut addresses = resolve(&config.server)?;
    addresses.retain(|address| config.socket.has_source_for(address));
    match happy_eyeballs::connect(addresses, time, open, failed) {
        Ok(Connection { socket, endpoint, took }) => {
            let local = socket.local_addr().map_err(|error| failure(&endpoint, &error))?;
            let local = local.as_socket().map(Endpoint::from);
            Ok(Connected { socket, took, local, peer: endpoint })
        }
        Err(Some((address, error))) => Err(failure(&address, &error)),
        Err(None) => {
            let details = "the server has no address of the family of --source".to_owned();
            Err(Failure::new(FailureKind::Failed, details))
        }
    }
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

/// Returns an address of the server that `options` can connect to; of several, the first that
/// accepts a connection. Errors call the server `name`.
pub fn first_address(
    server: &Server,
    name: &str,
    options: &SocketOptions,
    timeout: Duration,
) -> anyhow::Result<Endpoint> {
    let mut addresses = resolve(server)?;
    addresses.retain(|address| options.has_source_for(address));
    if let [only] = addresses.as_slice() {
        return Ok(only.clone());
    }
    let open = |address: &Endpoint| options.unbound(address);
    match happy_eyeballs::connect(addresses, timeout, open, |_, _| {}) {
        Ok(connection) => Ok(connection.endpoint),
        Err(Some((address, error))) => {
            bail!("{}: {address}: {error}", FailureKind::of(&error).word())
        }
        Err(None) => bail!("{name} has no address of the family of --source"),
    }
}

/// Creates a socket and sets its options before the connect, because a user timeout also limits the
/// SYN.
fn socket(address: &Endpoint, config: &ClientConfig) -> io::Result<Socket> {
    let socket = config.socket.socket(address)?;
    if let Some(timeout) = config.user_timeout.filter(|_| address.tcp().is_some()) {
        set_user_timeout(&SockRef::from(&socket), timeout)?;
    }
    Ok(socket)
}
