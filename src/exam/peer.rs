//! The exam's side of a connection: a few moves, each with a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::event::PollFlags;
use socket2::SockRef;

use crate::os::descriptors;

use super::task::{Deadline, Failure, ours, wrong};

/// The most characters of data that a message shows.
const SHOWN: usize = 60;

/// A connection with the examined program. Dropped without another move, it resets: that leaves
/// no port in `TIME_WAIT`, so that the next task can use the program's port again.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    deadline: Deadline,
    lingers: bool,
}

impl Peer {
    /// Connects to a server.
    pub(super) fn connect(server: SocketAddr, deadline: Deadline) -> Result<Self, Failure> {
        match TcpStream::connect_timeout(&server, deadline.left()) {
            Ok(stream) => Self::of(stream, deadline),
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
                Err(Failure::Skipped("the exam ran out of ports".to_owned()))
            }
            Err(error) => wrong(format!("a client could not connect: {error}")),
        }
    }

    /// Accepts the connection of a client.
    pub(super) fn accept(listener: &TcpListener, deadline: Deadline) -> Result<Self, Failure> {
        if descriptors::wait(listener, PollFlags::IN, deadline.left())
            .is_none_or(|it| it.is_empty())
        {
            return wrong("the client did not connect");
        }
        let (stream, _) = listener.accept().map_err(ours("accept"))?;
        Self::of(stream, deadline)
    }

    fn of(stream: TcpStream, deadline: Deadline) -> Result<Self, Failure> {
        // Pieces have to leave one by one.
        stream.set_nodelay(true).map_err(ours("TCP_NODELAY"))?;
        Ok(Self { stream, deadline, lingers: false })
    }

    /// Sends all of it, or fails at the deadline.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.set_write_timeout(Some(self.deadline.left())).map_err(ours("timeout"))?;
        match self.stream.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(error) => wrong(format!("{} could not be sent: {}", shown(bytes), word(&error))),
        }
    }

    /// Reads exactly `bytes`.
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut got = vec![0; bytes.len()];
        let mut filled = 0;
        let mut end = "then: the time was over".to_owned();
        while let Some(room) = got.get_mut(filled..).filter(|room| !room.is_empty()) {
            self.stream.set_read_timeout(Some(self.deadline.left())).map_err(ours("timeout"))?;
            // A wrong byte ends the wait: no later byte makes it right.
            match self.stream.read(room) {
                Ok(0) => end = String::from("then the connection ended"),
                Ok(count) => {
                    filled += count;
                    if got.get(..filled) == bytes.get(..filled) && !self.deadline.has_passed() {
                        continue;
                    }
                }
                Err(error) => end = format!("then: {}", word(&error)),
            }
            break;
        }
        if got == bytes {
            return Ok(());
        }
        got.truncate(filled);
        if bytes.starts_with(&got) {
            let all = bytes.len();
            return wrong(format!("{filled} of {all} bytes of {} came back; {end}", shown(bytes)));
        }
        wrong(format!("{} came back as {}", shown(bytes), shown(&got)))
    }

    /// Sends a line, and expects it back.
    pub(super) fn exchange(&mut self, line: &str) -> Result<(), Failure> {
        self.send(line.as_bytes())?;
        self.expect(line.as_bytes())
    }

    /// Sends FIN, and goes on reading.
    pub(super) fn half_close(&self) {
        // Where the other side has reset the connection, the next read tells.
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Reads the other side's FIN, with nothing before it.
    pub(super) fn expect_end(&mut self) -> Result<(), Failure> {
        self.stream.set_read_timeout(Some(self.deadline.left())).map_err(ours("timeout"))?;
        let mut room = [0; 64];
        match self.stream.read(&mut room) {
            Ok(0) => Ok(()),
            Ok(count) => {
                let more = shown(room.get(..count).unwrap_or_default());
                wrong(format!("{more} came in place of the end of the connection"))
            }
            Err(error) => wrong(format!("no orderly end of the connection: {}", word(&error))),
        }
    }

    /// Reads until FIN or RST, whichever comes, and returns true if it came in time.
    pub(super) fn ends_somehow(&mut self) -> bool {
        let mut room = [0; 4096];
        loop {
            drop(self.stream.set_read_timeout(Some(self.deadline.left())));
            match self.stream.read(&mut room) {
                Ok(0) => return true,
                Ok(_) if self.deadline.has_passed() => return false,
                Ok(_) => {}
                Err(error) => return !timed_out(&error),
            }
        }
    }

    /// Waits for `time` without reading; the connection stays.
    pub(super) fn hold(&self, time: Duration) {
        let pause = self.deadline.within(time);
        pause.until(|| pause.has_passed());
    }

    /// Closes with FIN.
    pub(super) fn close(mut self) {
        self.lingers = true;
    }

    /// Closes with RST.
    pub(super) fn reset(self) {
        drop(self);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.lingers {
            drop(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)));
        }
    }
}

/// True if a read or a write ended by its timeout.
pub(super) fn timed_out(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// An error of a socket in plain words.
pub(super) fn word(error: &std::io::Error) -> String {
    if timed_out(error) { "the time was over".to_owned() } else { error.to_string() }
}

/// The bytes in quotes, escaped; the beginning of many.
pub(super) fn shown(bytes: &[u8]) -> String {
    let begin = bytes.get(..SHOWN.min(bytes.len())).unwrap_or_default();
    let more = if bytes.len() > SHOWN { "..." } else { "" };
    format!("\"{}{more}\"", begin.escape_ascii())
}
