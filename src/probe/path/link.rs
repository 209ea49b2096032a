//! A connection to the server, for one question: a few moves, each with a deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::client::FailureKind;
use crate::net::endpoint::Endpoint;
use crate::net::proxy;
use crate::net::tcp_info::Negotiated;
use crate::probe::config::Dialing;

/// A move that failed, in plain words; the answer to the question follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen(pub String);

/// The result of a move.
pub(super) type Moved<T = ()> = Result<T, Seen>;

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    timeout: Duration,
    /// The server's first line is still to come, and to be skipped.
    greeting_due: bool,
    input: Vec<u8>,
}

impl Link {
    pub(super) fn connect(dialing: &Dialing, server: SocketAddr, timeout: Duration) -> Moved<Self> {
        let failed = |error: io::Error| Seen(format!("no connection: {}", word(&error)));
        let socket = dialing.socket.socket(&Endpoint::from(server)).map_err(failed)?;
        socket.connect_timeout(&server.into(), timeout).map_err(failed)?;
        let mut link = Self::of(TcpStream::from(socket), timeout)?;
        if let Some(version) = dialing.send_proxy {
            let addresses = (link.local()?, server);
            link.send(&proxy::header(version, Some(addresses)))?;
        }
        Ok(link)
    }

    /// Takes over a connected stream.
    pub(super) fn of(stream: TcpStream, timeout: Duration) -> Moved<Self> {
        let set = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(timeout)));
        set.map_err(|error| Seen(error.to_string()))?;
        Ok(Self { stream, timeout, greeting_due: false, input: Vec::new() })
    }

    /// Skips the server's first line, when it comes.
    pub(super) const fn skip_greeting(mut self) -> Self {
        self.greeting_due = true;
        self
    }

    /// What both ends agreed on; none where the kernel does not tell.
    pub(super) fn handshake(&self) -> Option<Negotiated> {
        Negotiated::of(&self.stream)
    }

    /// Our own address.
    pub(super) fn local(&self) -> Moved<SocketAddr> {
        self.stream.local_addr().map_err(|error| Seen(error.to_string()))
    }

    /// Sends all bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Moved {
        let sent = self.stream.write_all(bytes);
        sent.map_err(|error| {
            Seen(format!("{} bytes could not be sent: {}", bytes.len(), word(&error)))
        })
    }

    /// Sends the urgent byte.
    pub(super) fn send_urgent(&self, byte: u8) -> Moved {
        let sent = SockRef::from(&self.stream).send_out_of_band(&[byte]);
        sent.map(drop)
            .map_err(|error| Seen(format!("the urgent byte could not be sent: {}", word(&error))))
    }

    /// Sends as much as the path takes until it takes nothing for `still`, or `limit` bytes in all.
    /// Returns the number of bytes.
    pub(super) fn fill(&mut self, limit: usize, still: Duration) -> Moved<usize> {
        let piece = line_of(64).repeat(1024);
        let limited = self.stream.set_write_timeout(Some(still));
        limited.map_err(|error| Seen(error.to_string()))?;
        let mut sent = 0;
        while sent < limit {
            match self.stream.write(&piece) {
                Ok(count) => sent += count,
                Err(error) if is_timeout(&error) => break,
                Err(error) => return Err(Seen(format!("after {sent} bytes: {}", word(&error)))),
            }
        }
        Ok(sent)
    }

    /// Reads one line, without its newline.
    pub(super) fn line(&mut self) -> Moved<String> {
        let deadline = Instant::now() + self.timeout;
        self.skip(deadline)?;
        loop {
            if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.input.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.read_some(deadline, "a line")?;
        }
    }

    /// Sends a line, and reads one.
    pub(super) fn ask(&mut self, request: &str) -> Moved<String> {
        self.send(format!("{request}\n").as_bytes())?;
        self.line()
    }

    /// Reads exactly `bytes`.
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Moved {
        let deadline = Instant::now() + self.timeout;
        self.skip(deadline)?;
        loop {
            let got = self.input.get(..bytes.len().min(self.input.len())).unwrap_or_default();
            if let Some(at) = got.iter().zip(bytes).position(|(got, sent)| got != sent) {
                return Err(Seen(format!("byte {} of {} came back changed", at + 1, bytes.len())));
            }
            if got.len() == bytes.len() {
                self.input.drain(..bytes.len());
                return Ok(());
            }
            let what = format!("all {} bytes; {} were back", bytes.len(), got.len());
            self.read_some(deadline, &what)?;
        }
    }

    fn skip(&mut self, deadline: Instant) -> Moved {
        while self.greeting_due {
            self.read_some(deadline, "the greeting")?;
        }
        Ok(())
    }

    fn read_some(&mut self, deadline: Instant, what: &str) -> Moved {
        let mut room = [0; 1 << 14];
        match self.read(&mut room, deadline) {
            Ok(0) => Err(Seen(format!("FIN came before {what}"))),
            Ok(count) => {
                self.input.extend(room.iter().take(count));
                let end = self.input.iter().position(|byte| *byte == b'\n');
                if let Some(end) = end.filter(|_| self.greeting_due) {
                    self.input.drain(..=end);
                    self.greeting_due = false;
                }
                Ok(())
            }
            Err(error) if is_timeout(&error) => {
                Err(Seen(format!("{:?} were not enough for {what}", self.timeout)))
            }
            Err(error) => Err(Seen(format!("{} before {what}", word(&error)))),
        }
    }

    fn read(&mut self, room: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        self.stream.read(room)
    }

    /// Sends FIN, and goes on reading.
    pub(super) fn half_close(&self) {
        // Where the other end has reset the connection, the next read tells.
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Reads FIN, after nothing else. Returns how long it took.
    pub(super) fn expect_end(&mut self) -> Moved<Duration> {
        let since = Instant::now();
        let mut room = [0; 4096];
        match self.read(&mut room, since + self.timeout) {
            Ok(0) if self.input.is_empty() => Ok(since.elapsed()),
            Ok(count) => {
                Err(Seen(format!("{} bytes came in place of FIN", count + self.input.len())))
            }
            Err(error) if is_timeout(&error) => {
                Err(Seen(format!("no FIN within {:?}", self.timeout)))
            }
            Err(error) => Err(Seen(format!("{} in place of FIN", word(&error)))),
        }
    }

    /// Reads RST. Anything else is told.
    pub(super) fn expect_reset(&mut self) -> Moved {
        let mut room = [0; 4096];
        match self.read(&mut room, Instant::now() + self.timeout) {
            Ok(0) => Err(Seen("FIN came in place of RST".to_owned())),
            Ok(count) => Err(Seen(format!("{count} bytes came in place of RST"))),
            Err(error) if FailureKind::of(&error) == FailureKind::Reset => Ok(()),
            Err(error) if is_timeout(&error) => {
                Err(Seen(format!("nothing came within {:?}", self.timeout)))
            }
            Err(error) => Err(Seen(word(&error))),
        }
    }

    /// Closes with RST.
    pub(super) fn reset(self) {
        // If this fails, closing sends FIN.
        drop(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)));
    }
}

/// A line of `size` bytes, its newline included.
pub(super) fn line_of(size: usize) -> Vec<u8> {
    let mut line: Vec<_> = (b'a'..=b'z').cycle().take(size.saturating_sub(1)).collect();
    line.push(b'\n');
    line
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The client's word for an error, and its text.
pub(super) fn word(error: &io::Error) -> String {
    format!("{} ({error})", FailureKind::of(error).word())
}
