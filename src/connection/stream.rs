//! The stream of a connection, as a trait.

use std::io;
use std::net::SocketAddr;

use crate::net::tcp_info::{Negotiated, TcpInfo};

use super::Connection;

/// A non-blocking byte stream to one peer: a socket, a script in tests, a model in simulation.
///
/// It behaves like a socket. A read returns some bytes, 0 at the end of the input, or would-block;
/// a write takes some bytes or returns would-block; an event follows each would-block. The first
/// call after an error returns the error, once.
pub trait Stream {
    /// A short read has emptied the stream, unless an event reported that its end, or an urgent
    /// byte, is near. False on a system that does not report the urgent byte.
    const SHORT_READ_EMPTIES: bool = true;

    /// Reads some bytes: recv(2).
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;

    /// Reads some bytes, and leaves them in the socket: recv(2) with `MSG_PEEK`. Only a stream that
    /// a child may get, behind a PROXY header, has to implement it.
    fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let _ = room;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes some of `bytes`, and raises no signal: send(2) with `MSG_NOSIGNAL`. The caller splits
    /// `bytes` at the returned count: a count that is too large is a panic, and never a dropped
    /// byte.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends FIN after the written bytes: shutdown(2) with `SHUT_WR`.
    fn half_close(&mut self) -> io::Result<()>;

    /// Takes the pending error, as `SO_ERROR` does (socket(7)).
    fn take_error(&mut self) -> io::Result<Option<io::Error>>;

    /// Makes closing send RST in place of FIN: `SO_LINGER` with a time of zero (socket(7)).
    fn close_with_reset(&self) -> io::Result<()>;

    /// Returns the kernel's figures about the connection, at any time until it is closed on this
    /// side: getsockopt(2) with `TCP_INFO`. None if the stream is not TCP.
    fn tcp_info(&self) -> Option<TcpInfo> {
        None
    }

    /// Returns the result of the handshake, for the service probe. None if the stream is not TCP.
    fn negotiated(&self) -> Option<Negotiated> {
        None
    }

    /// Returns true if the connection is one of Multipath TCP (RFC 8684).
    fn is_multipath(&self) -> bool {
        false
    }

    /// Returns our address and the peer's, as the kernel knows them, for the service probe:
    /// getsockname(2), getpeername(2). None for a Unix socket.
    fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [None, None]
    }
}

impl<S: Stream> Connection<S> {
    /// Returns the stream, for registering.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Returns the stream, for a child process that takes over the connection.
    pub fn into_stream(self) -> S {
        self.stream
    }

    /// Returns the kernel's figures about it: see [`Stream::tcp_info`].
    pub fn tcp_info(&self) -> Option<TcpInfo> {
        self.stream.tcp_info()
    }
}
