//! What a connection asks of its stream.

use std::io;

use super::Ready;

/// A non-blocking byte stream to one peer: a socket, a script in tests, a model in simulation.
///
/// Its rules are a socket's. A read gives some bytes, 0 at the end of the input, or would-block;
/// a write takes some bytes or would block; after would-block there will be an event. An error
/// is told once, to whichever of the calls asks first.
pub trait Stream {
    /// What a short read does not mean, whoever the peer is. By default it has emptied the stream,
    /// or an event tells that it has not.
    const PERMANENT_HINTS: Ready = Ready::NONE;

    /// Reads some bytes: recv(2).
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize>;

    /// Reads some bytes, and leaves them there: recv(2) with `MSG_PEEK`. Only a stream that a child
    /// may be given, behind a proxy's header, has to know how.
    fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let _ = room;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes some of `bytes`, and raises no signal: send(2) with `MSG_NOSIGNAL`. The count that it
    /// returns is cut off `bytes`: one that is too large is a panic, and never a byte dropped.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Sends FIN after what was written: shutdown(2) with `SHUT_WR`.
    fn half_close(&mut self) -> io::Result<()>;

    /// Takes the error that is pending, as `SO_ERROR` does (socket(7)).
    fn take_error(&mut self) -> io::Result<Option<io::Error>>;

    /// Has its close send RST in place of FIN: `SO_LINGER` of no time (socket(7)).
    fn close_with_reset(&self) -> io::Result<()>;
}
