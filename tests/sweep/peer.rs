//! A peer that keeps books: what it has sent, what came back, and how it ended.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

/// Who could send nothing for so long is not read from.
const STUCK: Duration = Duration::from_millis(30);

/// How a peer saw its connection end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN.
    Fin,
    /// RST, or another error.
    Error,
}

/// How much a peer has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// As much as the system gives.
    Quick,
    /// So little that a daemon which writes to it soon can't.
    Slow,
}

/// What a connection came to, as far as its peer can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Every byte came back, and it ended in order.
    Exact,
    /// It was ended early, and the peer can see it: by an error, or by FIN before its own.
    Told,
    /// It ended in order as far as the peer can tell, with bytes missing.
    Silent,
    /// Neither served nor ended.
    Waits,
}

/// One connection to the daemon, from the other side.
pub(crate) struct Peer {
    number: u64,
    socket: Option<Socket>,
    /// As the daemon's log calls it; none for a Unix socket, which has no name of its own.
    pub(crate) address: Option<SocketAddr>,
    sent: Vec<u8>,
    got: usize,
    lines: u64,
    half_closed: bool,
    pub(crate) end: Option<End>,
    /// It ended the connection itself, by RST.
    gave_up: bool,
    /// Bytes came that were never sent, or not now.
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
    /// Connects. An error if the daemon does not listen there any more.
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

    /// Sends that many more lines, each of which is like no other.
    pub(crate) fn say(&mut self, lines: usize) {
        let mut bytes = Vec::new();
        for _ in 0..lines {
            bytes.extend(line(self.number, self.lines));
            self.lines += 1;
        }
        self.send(&bytes);
    }

    /// Sends the beginning of a line.
    pub(crate) fn begin_line(&mut self) {
        let bytes = line(self.number, self.lines);
        self.lines += 1;
        self.send(&bytes[..bytes.len() / 2]);
    }

    fn send(&mut self, bytes: &[u8]) {
        // Whoever has seen the end sends nothing more; that would only be thrown away.
        self.look();
        let Some(socket) = self.socket.as_mut().filter(|_| self.end.is_none()) else { return };
        // Where it fails, some of it may have been sent: what comes back has to be its beginning.
        let failed = socket.write_all(bytes).is_err();
        self.sent.extend_from_slice(bytes);
        if failed {
            self.ended(End::Error);
        }
    }

    /// Sends lines without reading, until so many are sent or nobody takes more.
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

    /// Takes what there is until nothing that was sent is on its way: what still is when a
    /// drain begins is not echoed; the peer sees FIN and knows.
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
                // Where many sockets are in TIME_WAIT, the table is long, and reading it slow.
                look_at = began + 5 * began.elapsed();
            }
        }
    }

    /// Whether the other end's kernel has all that was sent (proc(5), the column of `tx_queue`).
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

    /// Waits until all that was sent has come back, and if FIN was sent too, or has to come, for
    /// that. Returns false if that was not so in time.
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

    /// Waits for the end.
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

    /// Takes what there is now.
    fn look(&mut self) {
        while self.end.is_none() && self.receive(None) {}
    }

    /// Takes something, and compares it; false if there was nothing in that time.
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
                    let wrong = format!("{self:?}: {count} bytes that do not fit at {}", self.got);
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

    /// The end: our side is closed too.
    fn ended(&mut self, end: End) {
        self.end = Some(end);
        self.socket = None;
    }

    /// How many of the bytes that were sent have not come back.
    pub(crate) fn missing(&self) -> usize {
        self.sent.len().saturating_sub(self.got)
    }

    /// What became of it; an error is that something else came back than was sent.
    pub(crate) fn fate(&self) -> Result<Fate, String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let missing = self.missing();
        Ok(match self.end {
            _ if missing == 0 && self.gave_up => Fate::Exact,
            None if self.gave_up => Fate::Told,
            None => Fate::Waits,
            Some(End::Fin) if missing == 0 => Fate::Exact,
            Some(End::Fin) if self.half_closed => Fate::Silent,
            Some(End::Fin | End::Error) => Fate::Told,
        })
    }

    /// Whether it has seen EOF on a Unix socket, where that is also what a cut looks like.
    pub(crate) fn saw_eof_on_unix(&self) -> bool {
        self.address.is_none() && self.end == Some(End::Fin)
    }

    /// Whether it ended the connection itself, by RST.
    pub(crate) const fn gave_up(&self) -> bool {
        self.gave_up
    }
}

/// A Unix socket's address.
pub(crate) fn unix(path: &Path) -> SockAddr {
    SockAddr::unix(path).expect("a short path")
}

/// Every byte depends on the peer, the line and its place in it.
fn line(peer: u64, number: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(peer << 32 | number);
    let length = 40 + random.usize(..80);
    let mut bytes = format!("{peer} {number} ").into_bytes();
    bytes.extend(std::iter::repeat_with(|| random.alphanumeric()).take(length).map(|c| c as u8));
    bytes.push(b'\n');
    bytes
}
