//! Where connections come from (`--source`): addresses and ports of this machine.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::Socket;

use crate::os::errno;

/// An address of this machine, and its ports to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// The first and the last port; none for a port that the system chooses.
    pub ports: Option<(u16, u16)>,
}

impl Source {
    /// The number of ports to use; none if the system chooses.
    pub fn ports_count(&self) -> Option<usize> {
        self.ports.map(|(first, last)| usize::from(last.saturating_sub(first)) + 1)
    }

    /// Returns the address with the port for this turn; turns count from 0.
    pub fn in_turn(&self, turn: usize) -> SocketAddr {
        let place = self.ports_count().and_then(|count| turn.checked_rem(count)).unwrap_or(0);
        let port = self.ports.and_then(|(first, last)| (first..=last).nth(place));
        SocketAddr::new(self.address, port.unwrap_or(0))
    }

    /// Binds to the first port that is free.
    ///
    /// A port is free if no connection has it, not even one in `TIME_WAIT`. If there is none, a
    /// port will do whose connections are of this kind: the connect then fails only if one of them
    /// is to the same server.
    pub(super) fn bind(&self, socket: &Socket) -> io::Result<()> {
        let turns = 0..self.ports_count().unwrap_or(1);
        let alone = turns.clone().map(|turn| (turn, false));
        let mut result = Ok(());
        for (turn, shared) in alone.chain(turns.map(|turn| (turn, true))) {
            socket.set_reuse_address(shared)?;
            result = bind_to(socket, self.in_turn(turn));
            if !result.as_ref().is_err_and(errno::is_address_in_use) {
                break;
            }
        }
        socket.set_reuse_address(true)?;
        result
    }

    /// Says why the source cannot be used, with the remedy.
    pub fn failure(&self, error: &io::Error) -> String {
        let advice = if errno::is_address_in_use(error) {
            Some("each of these ports is in use; more are a range, such as 127.0.0.2:5000-5009")
        } else {
            errno::bind_advice(error)
        };
        let advice = advice.map(|advice| format!(": {advice}"));
        format!("--source {self}: {error}{}", advice.unwrap_or_default())
    }
}

/// As in the option.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, last)) = self.ports else { return self.address.fmt(f) };
        self.in_turn(0).fmt(f)?;
        if first == last { Ok(()) } else { write!(f, "-{last}") }
    }
}

/// Binds to `source`, on a port that several connections may have, each to another server; or to
/// its address alone, if the port is 0.
pub fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    if source.port() != 0 {
        socket.set_reuse_address(true)?;
    }
    bind_to(socket, source)
}

fn bind_to(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    if source.port() == 0 {
        leave_the_port_to_connect(socket)?;
    }
    socket.bind(&source.into())
}

/// Lets connect(2) choose the port, when it knows the destination: one local port can then serve
/// connections to several servers, and bind need not find a port that is free for all of them
/// (`IP_BIND_ADDRESS_NO_PORT`, ip(7)).
#[cfg(target_os = "linux")]
fn leave_the_port_to_connect(socket: &Socket) -> io::Result<()> {
    use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};

    Ok(setsockopt(socket, IpBindAddressNoPort, &true)?)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is such an option")]
fn leave_the_port_to_connect(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::{Domain, Type};

    use super::*;

    fn socket() -> Socket {
        Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()
    }

    #[test]
    fn ports_take_turns() {
        let address = "127.0.0.1".parse().unwrap();
        let source = Source { address, ports: Some((65_534, 65_535)) };
        let ports = [0, 1, 2, usize::MAX].map(|turn| source.in_turn(turn).port());
        assert_eq!(ports, [65_534, 65_535, 65_534, 65_535]);
        assert_eq!(Source { address, ports: None }.in_turn(7), SocketAddr::new(address, 0));
    }

    #[test]
    fn the_first_free_port_is_taken() {
        // A pair of neighbours, the first of them in use.
        let (listener, first) = loop {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
                break (listener, port);
            }
        };
        let address = listener.local_addr().unwrap().ip();
        let socket_of_both = socket();
        Source { address, ports: Some((first, first + 1)) }.bind(&socket_of_both).unwrap();
        let bound = socket_of_both.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(bound.port(), first + 1);
        let error = Source { address, ports: Some((first, first)) }.bind(&socket()).unwrap_err();
        assert!(errno::is_address_in_use(&error), "{error}");
    }

    #[test]
    fn a_source_is_shown_as_in_the_option() {
        let source = |address: &str, ports| Source { address: address.parse().unwrap(), ports };
        assert_eq!(source("::1", None).to_string(), "::1");
        assert_eq!(source("::1", Some((7, 7))).to_string(), "[::1]:7");
        assert_eq!(source("127.0.0.1", Some((7, 9))).to_string(), "127.0.0.1:7-9");
    }
}
