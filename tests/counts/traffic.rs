//! Connections that echo lines and verify them.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// The length of a line, including the newline.
pub(crate) const LINE_BYTES: usize = 64;

/// Most connections from one source address; with more, each connect searches longer for a free
/// port.
const PER_SOURCE: usize = 10_000;

/// Connections to one server.
pub(crate) struct Traffic(Vec<TcpStream>);

impl Traffic {
    /// Opens the connections, one after another.
    pub(crate) fn open(address: SocketAddr, count: usize) -> Self {
        Self((0..count).map(|number| connect(address, number)).collect())
    }

    /// Closes them in order.
    pub(crate) fn close(self) {
        drop(self);
    }

    /// Resets them.
    pub(crate) fn reset(self) {
        self.give_back();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Echoes one line on that connection.
    pub(crate) fn echo(&mut self, number: usize) {
        self.send(number);
        self.receive(number);
    }

    /// Echoes one line on each connection, all in flight together.
    pub(crate) fn echo_everywhere(&mut self) {
        (0..self.len()).for_each(|number| self.send(number));
        (0..self.len()).for_each(|number| self.receive(number));
    }

    /// Makes their close send RST, which leaves no port in `TIME_WAIT`.
    fn give_back(&self) {
        for stream in &self.0 {
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).ok();
        }
    }

    fn send(&mut self, number: usize) {
        self.0[number].write_all(&line(number)).expect("the line is sent");
    }

    fn receive(&mut self, number: usize) {
        let mut echoed = [0; LINE_BYTES];
        self.0[number].read_exact(&mut echoed).expect("the line comes back");
        assert_eq!(echoed, line(number), "connection {number}");
    }
}

fn line(number: usize) -> [u8; LINE_BYTES] {
    let mut line = [b'a' + u8::try_from(number % 26).unwrap(); LINE_BYTES];
    line[LINE_BYTES - 1] = b'\n';
    line
}

/// Connects from 127.0.0.2 and up, so that no port stays in `TIME_WAIT` if it closes first.
fn connect(address: SocketAddr, number: usize) -> TcpStream {
    let last = 2 + u8::try_from(number / PER_SOURCE).unwrap();
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&address.into()).expect("the server accepts");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

impl Drop for Traffic {
    /// Resets many connections, to free their ports; a few close in order.
    fn drop(&mut self) {
        if self.len() > 1_000 {
            self.give_back();
        }
    }
}
