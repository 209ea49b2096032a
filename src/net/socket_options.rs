//! The socket options of the programs that connect. All are set before the connect, because some
//! also apply to the SYN, or to what it negotiates. A failure names its option and the remedy.

/// The options that only Linux has.
#[cfg_attr(target_os = "linux", path = "socket_options/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "socket_options/other.rs")]
mod platform;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, SockRef, Socket, Type};

use crate::os::errno;

use super::endpoint::Endpoint;
use super::keepalive::Keepalive;
use super::source::Source;

/// The options of a socket that is to connect; by default the system's. A Unix socket has only the
/// two buffers, and ignores the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Where connections come from; empty for the system's choice.
    pub sources: Vec<Source>,
    /// The network interface to use: `SO_BINDTODEVICE` (socket(7)).
    pub interface: Option<String>,
    /// The Differentiated Services field of each packet, six bits (RFC 2474): `IP_TOS` (ip(7)),
    /// `IPV6_TCLASS`.
    pub dscp: Option<u8>,
    /// The mark of each packet, for routing and filters on this machine: `SO_MARK` (socket(7)).
    pub mark: Option<u32>,
    /// The maximum segment size in bytes, for both directions: `TCP_MAXSEG` (tcp(7)).
    pub mss: Option<u32>,
    /// The congestion control algorithm: `TCP_CONGESTION` (tcp(7)).
    pub congestion: Option<String>,
    /// Whether to offer Multipath TCP (RFC 8684).
    pub mptcp: bool,
    /// Whether the first data may go with the SYN (RFC 7413): `TCP_FASTOPEN_CONNECT`.
    pub fast_open: bool,
    /// The number of routers that a packet may pass, plus one: `IP_TTL` (ip(7)),
    /// `IPV6_UNICAST_HOPS` (ipv6(7)).
    pub ttl: Option<u8>,
    /// The send buffer in bytes: `SO_SNDBUF` (socket(7)).
    pub send_buffer: Option<usize>,
    /// The receive buffer in bytes, which bounds the window: `SO_RCVBUF` (socket(7)).
    pub receive_buffer: Option<usize>,
    /// Keep-alive probes.
    pub keepalive: Option<Keepalive>,
}

impl SocketOptions {
    /// Creates a blocking socket for a connection to `server`, with all options, bound to the first
    /// source of the server's family, on its first free port.
    pub fn socket(&self, server: &Endpoint) -> io::Result<Socket> {
        let socket = self.unbound(server)?;
        let Some(server) = server.tcp() else { return Ok(socket) };
        if let Some(source) = self.sources.iter().find(|source| is_of_family(source, server)) {
            let bound = source.bind(&socket);
            bound.map_err(|error| io::Error::new(error.kind(), source.failure(&error)))?;
        }
        Ok(socket)
    }

    /// Creates a blocking socket for a connection to `server`, with all options but the source.
    pub fn unbound(&self, server: &Endpoint) -> io::Result<Socket> {
        let socket = match server {
            Endpoint::Tcp(server) if self.mptcp => mptcp(*server)?,
            Endpoint::Tcp(_) | Endpoint::Unix(_) => server.socket()?,
        };
        self.set_buffers(&socket)?;
        if let Some(server) = server.tcp() {
            // Nagle's algorithm would hold a line back until the one before is acknowledged.
            socket.set_tcp_nodelay(true)?;
            self.set_ip_options(&socket, server)?;
            self.set_tcp_options(&socket)?;
        }
        Ok(socket)
    }

    /// Connects `socket` without data, and waits for the end of it for at most `timeout`. A socket
    /// with `fast_open` may still wait for its first data, and could not be half-closed. An error
    /// is left to the next read.
    pub fn connect_without_data(&self, socket: &Socket, timeout: Duration) {
        if self.fast_open {
            // It is in progress: the call fails.
            socket.send(&[]).ok();
            let mut polled = [PollFd::new(socket, PollFlags::OUT)];
            poll(&mut polled, Timespec::try_from(timeout).ok().as_ref()).ok();
        }
    }

    /// Returns the source for this turn, of those of the server's family; turns count from 0.
    pub fn source_in_turn(&self, turn: usize, server: &Endpoint) -> Option<SocketAddr> {
        let server = server.tcp()?;
        let fit: Vec<_> = self.sources.iter().filter(|one| is_of_family(one, server)).collect();
        let source = fit.get(turn.checked_rem(fit.len())?)?;
        Some(source.in_turn(turn / fit.len()))
    }

    /// True if there is a source for connections to `server`, or none is given.
    pub fn has_source_for(&self, server: &Endpoint) -> bool {
        self.sources.is_empty()
            || server
                .tcp()
                .is_none_or(|server| self.sources.iter().any(|source| is_of_family(source, server)))
    }

    fn set_buffers(&self, socket: &Socket) -> io::Result<()> {
        if let Some(bytes) = self.send_buffer {
            let set = socket.set_send_buffer_size(bytes);
            let size = set.and_then(|()| socket.send_buffer_size());
            has_size(size, bytes, "--send-buffer", "net.core.wmem_max")?;
        }
        if let Some(bytes) = self.receive_buffer {
            let set = socket.set_recv_buffer_size(bytes);
            let size = set.and_then(|()| socket.recv_buffer_size());
            has_size(size, bytes, "--receive-buffer", "net.core.rmem_max")?;
        }
        Ok(())
    }

    fn set_ip_options(&self, socket: &Socket, server: SocketAddr) -> io::Result<()> {
        if let Some(name) = &self.interface {
            // First, because a link-local source has to have an interface.
            set("--interface", platform::set_interface(socket, name), |error| {
                if errno::is_no_interface(error) {
                    return format!("no interface {name}");
                }
                format!("{}: needs CAP_NET_RAW", errno::description(error))
            })?;
        }
        if let Some(mark) = self.mark {
            set("--mark", platform::set_mark(socket, mark), |error| {
                format!("{}: needs CAP_NET_ADMIN", errno::description(error))
            })?;
        }
        if let Some(dscp) = self.dscp {
            set("--dscp", set_dscp(socket, server, dscp), errno::description)?;
        }
        if let Some(ttl) = self.ttl {
            let result = if server.is_ipv4() {
                socket.set_ttl_v4(ttl.into())
            } else {
                socket.set_unicast_hops_v6(ttl.into())
            };
            set("--ttl", result, errno::description)?;
        }
        Ok(())
    }

    fn set_tcp_options(&self, socket: &Socket) -> io::Result<()> {
        if let Some(mss) = self.mss {
            set("--mss", socket.set_tcp_mss(mss), errno::description)?;
        }
        if let Some(name) = &self.congestion {
            set("--congestion", platform::set_congestion(socket, name), |error| {
                platform::congestion_advice(name, error)
            })?;
        }
        if self.fast_open {
            set("--fast-open", platform::set_fast_open(socket), |error| {
                format!("{}: needs net.ipv4.tcp_fastopen=1", errno::description(error))
            })?;
        }
        if let Some(keepalive) = self.keepalive {
            let result = SockRef::from(socket).set_tcp_keepalive(&keepalive.into());
            set("--keepalive", result, errno::description)?;
        }
        Ok(())
    }
}

fn is_of_family(source: &Source, server: SocketAddr) -> bool {
    source.address.is_ipv4() == server.is_ipv4()
}

fn mptcp(server: SocketAddr) -> io::Result<Socket> {
    let protocol = platform::mptcp();
    let socket = protocol
        .and_then(|mptcp| Socket::new(Domain::for_address(server), Type::STREAM, Some(mptcp)));
    socket.map_err(|error| {
        explained("--mptcp", &error, |error| {
            let description = errno::description(error);
            format!("{description}: needs a kernel with MPTCP, and net.mptcp.enabled=1")
        })
    })
}

/// Sets the upper six bits of the octet; the kernel uses the others for congestion notification
/// (RFC 3168).
fn set_dscp(socket: &Socket, server: SocketAddr, dscp: u8) -> io::Result<()> {
    let octet = |ecn: u32| u32::from(dscp) << 2 | ecn & 0b11;
    if server.is_ipv4() {
        socket.set_tos_v4(octet(socket.tos_v4()?))
    } else {
        socket.set_tclass_v6(octet(socket.tclass_v6()?))
    }
}

/// Checks the size of a buffer, because the kernel silently takes its limit instead of a larger
/// size.
fn has_size(size: io::Result<usize>, bytes: usize, option: &str, limit: &str) -> io::Result<()> {
    let size = size.map_err(|error| explained(option, &error, errno::description))?;
    let size = size / platform::BUFFER_FACTOR;
    if size < bytes {
        let message = format!("{option}: the kernel allows {size} bytes: raise {limit}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

fn set(
    option: &str,
    result: io::Result<()>,
    details: impl Fn(&io::Error) -> String,
) -> io::Result<()> {
    result.map_err(|error| explained(option, &error, details))
}

/// Adds the option, and details. The error keeps its kind, but no errno: the programs must not take
/// it for an error of the connect.
fn explained(option: &str, error: &io::Error, details: impl Fn(&io::Error) -> String) -> io::Error {
    // The error of `platform` that says that this system lacks the option.
    let details = error.get_ref().map_or_else(|| details(error), ToString::to_string);
    io::Error::new(error.kind(), format!("{option}: {details}"))
}

#[cfg(test)]
mod tests;
