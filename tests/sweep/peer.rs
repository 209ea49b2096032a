//! A peer that records its traffic: bytes sent, bytes received, and the end of the connection.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

/// A bulk sender gives up after this long without progress.
const STUCK: Duration = Duration::from_millis(30);

/// How a connection ended, as the peer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN.
    Fin,
    /// RST, or another error.
    Error,
}

/// The size of a peer's receive buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The system's default.
    Quick,
    /// So small that the daemon soon cannot write.
    Slow,
}

/// The fate of a connection, as its peer saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Every byte came back, and the connection ended in order.
    Exact,
    /// The connection ended early and visibly: with an error, or with FIN before the peer's own.
    Aborted,
    /// Bytes are missing, although the peer saw an orderly end.
    Silent,
    /// Neither served nor ended.
    Waits,
}

/// One connection, from the peer's side.
pub(crate) struct Peer {
    number: u64,
    socket: Option<Socket>,
    /// The peer's address in the daemon's log; None for a Unix socket, which has no address.
    pub(crate) address: Option<SocketAddr>,
    sent: Vec<u8>,
    got: usize,
    lines: u64,
    half_closed: bool,
    pub(crate) end: Option<End>,
    /// It ended the connection itself, by RST.
    gave_up: bool,
    /// Wrong bytes came back.
    wrong: Option<String>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, address, sent, got, half_closed, end, gave_up, .. } = self;
        let sent = sent.len();
        write!(
            f,
            "peer {number} at {address:?}: {sent} bytes sent, {got} came back, half-closed: \
             {half_closed}, gave up: {gave_up}, end: {end:?}"
        )
    }
}

impl Peer {
    /// Connects; fails if the daemon no longer listens there.
    pub(crate) fn connect(number: u64, address: &SockAddr, reader: Reader) -> io::Result<Self> {
        let socket = Socket::new(address.domain(), Type::STREAM, None)?;
        if reader == Reader::Slow {
            socket.set_recv_buffer_size(4096)?;
        }
        socket.connect(address)?;
        if address.domain() != Domain::UNIX {
            socket.set_tcp_nodelay(true)?;
        }
        let local = socket.local_addr()?.as_socket();
        Ok(Self {
            number,
            socket: Some(socket),
            address: local,
            sent: Vec::new(),
            got: 0,
            lines: 0,
            half_closed: false,
            end: None,
            gave_up: false,
            wrong: None,
        })
    }

    /// Sends that many more lines, each of them unique.
    pub(crate) fn say(&mut self, lines: usize) {
        let mut bytes = Vec::new();
        for _ in 0..lines {
            bytes.extend(line(self.number, self.lines));
            self.lines += 1;
        }
        self.send(&bytes);
    }

    /// Sends the first half of a line.
    pub(crate) fn begin_line(&mut self) {
        let bytes = line(self.number, self.lines);
        self.lines += 1;
        self.send(&bytes[..bytes.len() / 2]);
    }

    fn send(&mut self, bytes: &[u8]) {
        // After the end, the daemon would discard everything.
        self.look();
        let Some(socket) = self.socket.as_mut().filter(|_| self.end.is_none()) else { return };
        // A failed write may have sent a part; the reply must be a prefix of the whole.
        let failed = socket.write_all(bytes).is_err();
        self.sent.extend_from_slice(bytes);
        if failed {
            self.ended(End::Error);
        }
    }

    /// Sends lines without reading, until all are sent or the daemon reads no more.
    pub(crate) fn say_much(&mut self, lines: u64) {
        let all: Vec<u8> = (0..lines).flat_map(|number| line(self.number, number)).collect();
        let Some(socket) = &mut self.socket else { return };
        socket.set_write_timeout(Some(STUCK)).expect("a socket can be set");
        let mut rest = &all[..];
        while !rest.is_empty() {
            match socket.write(rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.ended(End::Error);
                    break;
                }
            }
        }
        self.sent = all[..all.len() - rest.len()].to_vec();
    }

    /// Reads until all that was sent has arrived: a drain does not echo bytes that are still in
    /// transit when it begins, and the peer only sees FIN.
    pub(crate) fn hear_until_arrived(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut look_at = Instant::now();
        while self.end.is_none() && Instant::now() < until {
            self.receive(Some(STUCK));
            self.look();
            let began = Instant::now();
            if began >= look_at {
                if self.has_arrived() {
                    return;
                }
                // With many sockets in TIME_WAIT, reading the table takes long.
                look_at = began + 5 * began.elapsed();
            }
        }
    }

    /// True if the peer's kernel has no unsent or unacknowledged bytes (proc(5), the column
    /// `tx_queue`).
    fn has_arrived(&self) -> bool {
        let Some(address) = self.address else { return true };
        let port = format!(":{:04X}", address.port());
        let text = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let near = text.lines().filter(|line| line.contains(&port));
        let own = near.map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut own = own.filter(|words| words.get(1).is_some_and(|local| local.ends_with(&port)));
        own.all(|words| words[4].starts_with("00000000:"))
    }

    /// Sends FIN.
    pub(crate) fn half_close(&mut self) {
        if let Some(socket) = self.socket.as_ref().filter(|_| self.end.is_none()) {
            match socket.shutdown(Shutdown::Write) {
                Ok(()) => self.half_closed = true,
                Err(_) => self.ended(End::Error),
            }
        }
    }

    /// Sends RST.
    pub(crate) fn reset(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.set_linger(Some(Duration::ZERO)).ok();
        }
        self.gave_up = true;
    }

    /// Waits until everything sent has come back, and after a half-close also for the end. Returns
    /// false on timeout.
    pub(crate) fn hear(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.end.is_none()
            && !self.gave_up
            && (self.got < self.sent.len() || self.half_closed)
        {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.receive(Some(left)) {
                return self.end.is_some();
            }
        }
        true
    }

    /// Waits for the end of the connection.
    pub(crate) fn hear_end(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.end.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.receive(Some(left)) {
                return self.end.is_some();
            }
        }
        true
    }

    /// Reads the available bytes.
    fn look(&mut self) {
        while self.end.is_none() && self.receive(None) {}
    }

    /// Reads and compares some bytes; returns false if none came in time.
    fn receive(&mut self, patience: Option<Duration>) -> bool {
        let Some(socket) = &mut self.socket else { return false };
        socket.set_nonblocking(patience.is_none()).expect("a socket can be set");
        socket.set_read_timeout(patience).expect("a socket can be set");
        let mut room = [0; 16_384];
        let received = socket.read(&mut room);
        socket.set_nonblocking(false).expect("a socket can be set");
        match received {
            Ok(0) => self.ended(End::Fin),
            Ok(count) => {
                let expected = self.sent.get(self.got..self.got + count);
                if expected != Some(&room[..count]) {
                    let wrong = format!("{self:?}: {count} wrong bytes at {}", self.got);
                    self.wrong.get_or_insert(wrong);
                }
                self.got += count;
            }
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                return false;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.ended(End::Error),
        }
        true
    }

    /// Records the end, and closes the peer's own side.
    fn ended(&mut self, end: End) {
        self.end = Some(end);
        self.socket = None;
    }

    /// How many of the sent bytes have not come back.
    pub(crate) fn missing(&self) -> usize {
        self.sent.len().saturating_sub(self.got)
    }

    /// Returns the fate of the connection; an error if wrong bytes came back.
    pub(crate) fn fate(&self) -> Result<Fate, String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let missing = self.missing();
        Ok(match self.end {
            _ if missing == 0 && self.gave_up => Fate::Exact,
            None if self.gave_up => Fate::Aborted,
            None => Fate::Waits,
            Some(End::Fin) if missing == 0 => Fate::Exact,
            Some(End::Fin) if self.half_closed => Fate::Silent,
            Some(End::Fin | End::Error) => Fate::Aborted,
        })
    }

    /// True if the peer saw EOF on a Unix socket, where a cut looks the same.
    pub(crate) fn saw_eof_on_unix(&self) -> bool {
        self.address.is_none() && self.end == Some(End::Fin)
    }

    /// True if the peer ended the connection, by RST.
    pub(crate) const fn gave_up(&self) -> bool {
        self.gave_up
    }
}

/// The address of a Unix socket.
pub(crate) fn unix(path: &Path) -> SockAddr {
    SockAddr::unix(path).expect("a short path")
}

/// A line whose bytes depend on the peer, the line number and the position.
fn line(peer: u64, number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(peer << 32 | number);
    let length = 40 + random.usize(..80);
    let mut line = format!("{peer} {number} ");
    line.extend(std::iter::repeat_with(|| random.alphanumeric()).take(length));
    line.push('\n');
    line.into_bytes()
}
