//! One simulated connection: both directions with their buffers, FIN, RST, errors, and the
//! readiness changes since the last event. It follows tcp(7) and epoll(7), as measured on Linux;
//! where systems differ, the seed decides.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::Ready;

use super::traffic::{Answers, Talk};

/// How much of the connection's end the peer has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    Fin,
    Reset,
}

/// Buffer sizes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The daemon's receive queue.
    pub(super) receive: usize,
    /// The daemon's send queue.
    pub(super) send: usize,
    /// The peer's receive queue.
    pub(super) window: usize,
}

/// The kernel's state of a connection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Wire {
    pub(super) talk: Talk,
    pub(super) sizes: Sizes,
    /// A Unix socket: a read may return less than is available.
    pub(super) unix: bool,

    /// Bytes sent by the peer, and bytes of them read by the daemon.
    pub(super) sent: usize,
    pub(super) read: usize,
    /// The peer's FIN has arrived; the daemon has made the read that returns it.
    pub(super) fin: bool,
    pub(super) fin_read: bool,
    /// Position of the urgent mark, at which a read stops.
    pub(super) mark: Option<usize>,

    /// Bytes written by the daemon, bytes of them delivered to the peer, and bytes read by the
    /// peer.
    pub(super) written: usize,
    pub(super) carried: usize,
    pub(super) taken: usize,
    /// Written bytes that a close destroyed before the peer got them.
    pub(super) destroyed: usize,
    /// The response written to an admin client.
    pub(super) said: Vec<u8>,
    /// The daemon has sent FIN, after it had read this many bytes.
    pub(super) half_closed: Option<usize>,
    /// The daemon has closed the socket.
    pub(super) closed: bool,
    /// `SO_LINGER` of zero: the close sends RST even if all input was read.
    pub(super) lingers_not: bool,
    /// RST is on its way to the peer.
    pub(super) reset_sent: bool,

    /// The pending socket error, returned once.
    pub(super) error: Option<Errno>,
    /// An event has reported the error.
    pub(super) error_told: bool,
    /// The connection is over: after the pending error, reads return 0 and writes EPIPE.
    pub(super) dead: bool,
    /// A fault was injected that the connection need not survive.
    pub(super) faulted: bool,
    pub(super) seen: Seen,
    pub(super) accepted_at: MonotonicMs,
    pub(super) closed_at: MonotonicMs,
    /// Times of the last read, of the last transfer in either direction, of the daemon's FIN, and
    /// of the last moment when the peer accepted pending output.
    pub(super) read_at: MonotonicMs,
    pub(super) moved_at: MonotonicMs,
    pub(super) half_closed_at: MonotonicMs,
    /// The time between the last transfer and the daemon's FIN.
    pub(super) quiet_before_fin: Duration,
    pub(super) pending_since: MonotonicMs,
    /// The PROXY header came too late, so the daemon echoes it as input.
    pub(super) raw: bool,

    /// Registration key.
    pub(super) key: Option<usize>,
    /// Readiness gained since the last event.
    pub(super) edges: Ready,
    /// A write failed for lack of space, and no event has reported space since.
    pub(super) wants_room: bool,
    /// The last write failed for lack of space: output is pending.
    pub(super) blocked: bool,
    /// The last write was interrupted: output is pending, whether or not there is space.
    pub(super) interrupted: bool,
    /// Bytes peeked but left in the queue: possibly an incomplete header.
    pub(super) peeked: usize,
    /// Reads in this turn.
    pub(super) reads: usize,
}

impl Wire {
    pub(super) fn new(talk: Talk, sizes: Sizes) -> Self {
        Self {
            talk,
            sizes,
            unix: false,
            sent: 0,
            read: 0,
            fin: false,
            fin_read: false,
            mark: None,
            written: 0,
            carried: 0,
            taken: 0,
            destroyed: 0,
            said: Vec::new(),
            half_closed: None,
            closed: false,
            lingers_not: false,
            reset_sent: false,
            error: None,
            error_told: false,
            dead: false,
            faulted: false,
            seen: Seen::Nothing,
            accepted_at: MonotonicMs::NEVER,
            closed_at: MonotonicMs::NEVER,
            read_at: MonotonicMs::NEVER,
            moved_at: MonotonicMs::NEVER,
            half_closed_at: MonotonicMs::NEVER,
            quiet_before_fin: Duration::ZERO,
            pending_since: MonotonicMs::NEVER,
            raw: false,
            key: None,
            edges: Ready::NONE,
            wants_room: false,
            blocked: false,
            interrupted: false,
            peeked: 0,
            reads: 0,
        }
    }

    /// recv(2). On a Unix socket the read returns at most `most` bytes.
    pub(super) fn read(&mut self, room: &mut [u8], most: usize) -> io::Result<usize> {
        self.reads += 1;
        let until = self.mark.filter(|mark| *mark > self.read).unwrap_or(self.sent);
        let fresh = (until.min(self.sent) - self.read).min(room.len());
        if fresh == 0 {
            return self.read_nothing();
        }
        let fresh = if self.unix { fresh.min(most.max(1)) } else { fresh };
        room[..fresh].copy_from_slice(&self.talk.input[self.read..self.read + fresh]);
        self.read += fresh;
        Ok(fresh)
    }

    /// recv(2) with `MSG_PEEK`.
    pub(super) fn peek(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.read;
        let peeked = self.read(room, usize::MAX);
        self.peeked = self.read;
        self.read = read;
        peeked
    }

    fn read_nothing(&mut self) -> io::Result<usize> {
        if !self.fin
            && let Some(errno) = self.error.take()
        {
            return Err(errno.into());
        }
        if self.fin || self.dead {
            self.fin_read = true;
            return Ok(0);
        }
        Err(Errno::AGAIN.into())
    }

    /// send(2), of at most `most` bytes.
    pub(super) fn write(&mut self, bytes: &[u8], most: usize) -> io::Result<usize> {
        if let Some(errno) = self.error.take() {
            return Err(errno.into());
        }
        if self.dead {
            return Err(Errno::PIPE.into());
        }
        let room = self.room();
        if room == 0 {
            self.wants_room = true;
            self.blocked = true;
            return Err(Errno::AGAIN.into());
        }
        let taken = bytes.len().min(room).min(most.max(1));
        if self.talk.answers == Answers::Http {
            self.said.extend_from_slice(&bytes[..taken]);
        }
        self.written += taken;
        self.blocked = false;
        Ok(taken)
    }

    /// A signal interrupts the write: its bytes become, or stay, pending output.
    pub(super) fn interrupt_write(&mut self, now: MonotonicMs) {
        if !self.blocked && !std::mem::replace(&mut self.interrupted, true) {
            self.pending_since = now;
        }
    }

    /// Free space in the daemon's send queue.
    pub(super) const fn room(&self) -> usize {
        self.sizes.send - (self.written - self.carried)
    }

    /// Receives this many more bytes from the peer.
    pub(super) fn arrive(&mut self, bytes: usize) {
        self.sent += bytes;
        self.edges.insert(Ready::READABLE);
    }

    /// Receives the peer's FIN.
    pub(super) fn arrive_fin(&mut self) {
        self.fin = true;
        self.edges.insert(Ready::READABLE.union(Ready::READ_TO_EAGAIN));
    }

    /// Ends the connection, by the peer's RST or by the network.
    pub(super) fn break_off(&mut self, errno: Errno) {
        // After FIN, a read does not return the error (tcp_reset() in the kernel).
        self.error = Some(if self.fin { Errno::PIPE } else { errno });
        self.dead = true;
        self.faulted = true;
        let all = Ready::READABLE.union(Ready::WRITABLE).union(Ready::READ_TO_EAGAIN);
        self.edges.insert(all.union(Ready::ERROR));
    }

    /// Moves this many bytes from the daemon's send queue to the peer's receive queue.
    pub(super) fn carry(&mut self, bytes: usize) {
        self.carried += bytes;
        // The kernel reports space only once a third of the queue is free.
        if self.wants_room && self.room() * 3 >= self.sizes.send {
            self.wants_room = false;
            self.edges.insert(Ready::WRITABLE);
        }
    }

    /// close(2): sends FIN, or RST if unread input is left, which also destroys the content of the
    /// send queue (RFC 2525, section 2.17).
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.key = None;
        // Unix sockets ignore `SO_LINGER`, but reset on unread input too.
        if (self.lingers_not && !self.unix) || self.read < self.sent {
            self.reset();
        }
    }

    /// Sends RST to the peer in place of the undelivered bytes.
    pub(super) fn reset(&mut self) {
        self.reset_sent = true;
        self.destroyed = self.written - self.carried;
    }

    /// The current level-triggered readiness.
    pub(super) fn level(&self) -> Ready {
        let mut ready = Ready::NONE;
        if self.read < self.sent || self.fin || self.dead {
            ready.insert(Ready::READABLE);
        }
        if self.room() > 0 || self.dead {
            ready.insert(Ready::WRITABLE);
        }
        if self.fin || self.dead || self.mark.is_some_and(|mark| mark >= self.read) {
            ready.insert(Ready::READ_TO_EAGAIN);
        }
        if self.error.is_some() {
            ready.insert(Ready::ERROR);
        }
        ready
    }

    /// True if the daemon has input to read that no event will announce.
    pub(super) fn is_forgotten(&self) -> bool {
        // Peeked bytes wait for more input, or for the header's deadline.
        let unread = self.read < self.sent || (self.fin && !self.fin_read);
        let unread = (unread && self.peeked <= self.read) || self.error.is_some();
        self.key.is_some() && self.edges == Ready::NONE && unread && !self.blocked
    }

    /// True if the socket has readiness that no event has reported yet.
    pub(super) fn has_news(&self) -> bool {
        self.key.is_some() && self.edges != Ready::NONE
    }
}
