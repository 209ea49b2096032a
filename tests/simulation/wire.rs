//! One connection of the simulation: both directions with their buffers, FIN, RST, errors, and
//! what has changed since the last event. The rules are those of tcp(7) and epoll(7), as measured
//! on Linux; where systems differ, the seed decides.

use std::io;

use rustix::io::Errno;
use tcpecho::clock::MonotonicMs;
use tcpecho::connection::Ready;

use super::talk::{Answers, Talk};

/// What the peer has seen of the connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    Fin,
    Reset,
}

/// How large the buffers are, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Our receive queue.
    pub(super) receive: usize,
    /// Our send queue.
    pub(super) send: usize,
    /// The peer's receive queue.
    pub(super) window: usize,
}

/// A connection, as the kernel has it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Wire {
    pub(super) talk: Talk,
    pub(super) sizes: Sizes,
    /// Over a Unix socket: reads may be short, whatever is there.
    pub(super) unix: bool,

    /// How much the peer has sent, and how much of it was read.
    pub(super) sent: usize,
    pub(super) read: usize,
    /// The peer's FIN has come; the read that says so was made.
    pub(super) fin: bool,
    pub(super) fin_read: bool,
    /// Where an urgent byte stops a read.
    pub(super) mark: Option<usize>,

    /// How much was written, how much of it has left for the peer, and how much that has taken.
    pub(super) written: usize,
    pub(super) carried: usize,
    pub(super) taken: usize,
    /// The bytes written that the peer will never get, because a close has destroyed them.
    pub(super) destroyed: usize,
    /// What was written for a visitor.
    pub(super) said: Vec<u8>,
    /// We have sent FIN, after so many bytes were read.
    pub(super) half_closed: Option<usize>,
    /// We have closed.
    pub(super) closed: bool,
    /// Our close sends RST whatever was read.
    pub(super) lingers_not: bool,
    /// RST is on its way to the peer.
    pub(super) reset_sent: bool,

    /// The error that the socket has to tell, once.
    pub(super) error: Option<Errno>,
    /// An event has said that there is one.
    pub(super) error_told: bool,
    /// It is over: after the error is told, reads say that the input has ended, and writes EPIPE.
    pub(super) dead: bool,
    /// Something was done to it that it need not survive.
    pub(super) faulted: bool,
    pub(super) seen: Seen,
    pub(super) accepted_at: MonotonicMs,
    pub(super) closed_at: MonotonicMs,
    /// When bytes were last read, or moved either way; when we sent FIN; and when the peer last
    /// took some of what is owed.
    pub(super) read_at: MonotonicMs,
    pub(super) moved_at: MonotonicMs,
    pub(super) half_closed_at: MonotonicMs,
    pub(super) owed_at: MonotonicMs,
    /// Its header came too late to be one, and is echoed.
    pub(super) raw: bool,

    /// Under which key it is registered.
    pub(super) key: Option<usize>,
    /// What has begun to be so since the last event.
    pub(super) edges: Ready,
    /// A write has found no room, and no event has told since that there is some.
    pub(super) wants_room: bool,
    /// The last write has found no room: something is owed.
    pub(super) blocked: bool,
    /// The last write was interrupted: something is owed, whether or not there is room.
    pub(super) interrupted: bool,
    /// How much was looked at and left there: it may be a header's beginning.
    pub(super) peeked: usize,
    /// How many reads there were in this turn.
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
            owed_at: MonotonicMs::NEVER,
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

    /// recv(2). `most` is how much of a Unix socket's bytes this read gives.
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

    /// send(2), of no more than `most` bytes.
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
        if self.talk.answers == Answers::Visit {
            self.said.extend_from_slice(&bytes[..taken]);
        }
        self.written += taken;
        self.blocked = false;
        Ok(taken)
    }

    /// A signal comes before the write: what it was to take is owed from now on, or still is.
    pub(super) fn interrupt_write(&mut self, now: MonotonicMs) {
        if !self.blocked && !std::mem::replace(&mut self.interrupted, true) {
            self.owed_at = now;
        }
    }

    /// How much our send queue still takes.
    pub(super) const fn room(&self) -> usize {
        self.sizes.send - (self.written - self.carried)
    }

    /// The peer sends so many bytes more.
    pub(super) fn arrive(&mut self, bytes: usize) {
        self.sent += bytes;
        self.edges.insert(Ready::READABLE);
    }

    /// The peer's FIN comes.
    pub(super) fn arrive_fin(&mut self) {
        self.fin = true;
        self.edges.insert(Ready::READABLE.union(Ready::READ_TO_EAGAIN));
    }

    /// The connection is over, by the peer's RST or by the network.
    pub(super) fn break_off(&mut self, errno: Errno) {
        // After FIN, no read tells of it (tcp_reset() in the kernel).
        self.error = Some(if self.fin { Errno::PIPE } else { errno });
        self.dead = true;
        self.faulted = true;
        let all = Ready::READABLE.union(Ready::WRITABLE).union(Ready::READ_TO_EAGAIN);
        self.edges.insert(all.union(Ready::ERROR));
    }

    /// So many bytes leave our send queue for the peer's receive queue.
    pub(super) fn carry(&mut self, bytes: usize) {
        self.carried += bytes;
        // The kernel waits until a third is free.
        if self.wants_room && self.room() * 3 >= self.sizes.send {
            self.wants_room = false;
            self.edges.insert(Ready::WRITABLE);
        }
    }

    /// close(2): FIN, or RST if there is input that was not read; then what is still in the send
    /// queue is destroyed (RFC 2525, section 2.17).
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.key = None;
        // Unix sockets know no `SO_LINGER`; unread input resets there too.
        if (self.lingers_not && !self.unix) || self.read < self.sent {
            self.reset();
        }
    }

    /// RST goes to the peer, in place of what was on its way.
    pub(super) fn reset(&mut self) {
        self.reset_sent = true;
        self.destroyed = self.written - self.carried;
    }

    /// What is so now.
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

    /// True if there is something for the daemon to read that no event will tell any more.
    pub(super) fn is_forgotten(&self) -> bool {
        // What was only looked at waits for more, or for the header's deadline.
        let unread = self.read < self.sent || (self.fin && !self.fin_read);
        let unread = (unread && self.peeked <= self.read) || self.error.is_some();
        self.key.is_some() && self.edges == Ready::NONE && unread && !self.blocked
    }

    /// True if it is ready in a way that no event has told yet.
    pub(super) fn has_news(&self) -> bool {
        self.key.is_some() && self.edges != Ready::NONE
    }
}
