//! Accepts connections from the listeners' queues, or rejects them: the last step of the turn for
//! peers.

use std::io;
use std::net::SocketAddr;

use log::{debug, warn};

use crate::cause::Cause;
use crate::connection::{Connection, History, Peer, PhaseKind, Ready, Traffic};
use crate::net::access::Access;
use crate::os::errno::{self, AcceptError};

use super::admission::{Decision, EVICTS_PER_TURN};
use super::warnings::Warning;
use super::{Os, OverLimit, Reactor};

/// Connections accepted in one turn: a storm of new ones must not delay the open ones.
const ACCEPTS_PER_TURN: usize = 64;

/// Connections accepted in the turn in which a drain's time for input is over: as many as the
/// default backlog holds.
const FINAL_PASS_ACCEPTS_MAX: usize = 4096;

/// Polls of a queue in one turn, one after each accepted connection. Once they are used up, a last
/// `accept` finds the queue empty. That takes about as long as six polls, because `accept` makes a
/// socket, a file and a descriptor first, and takes them back.
const QUEUE_POLLS_PER_TURN: usize = 6;

impl<O: Os> Reactor<O> {
    #[cold]
    pub(super) fn accept(&mut self) -> io::Result<()> {
        self.victims.clear();
        self.warn_if_full();
        let (mut failures, mut polls_left) = (0, QUEUE_POLLS_PER_TURN);
        // The final pass: connections that came in time may still be in the queue.
        let budget = if self.shared.read_over { FINAL_PASS_ACCEPTS_MAX } else { ACCEPTS_PER_TURN };
        for _ in 0..budget {
            let decision = self.admission.decide(self.open_count(), self.shared.now);
            if decision == Decision::Defer {
                break;
            }
            let Some(listener) = self.admission.next() else { break };
            match self.os.accept(listener) {
                Ok((stream, peer)) => {
                    let number = u8::try_from(listener).unwrap_or(u8::MAX);
                    self.admit(stream, peer, number, decision);
                    if polls_left > 0 {
                        polls_left -= 1;
                        self.poll_queue(listener);
                    }
                }
                Err(error) if errno::would_block(&error) => self.admission.mark_empty(listener),
                Err(error) => {
                    self.accept_failed(listener, &error)?;
                    failures += 1;
                    if failures == ACCEPTS_PER_TURN {
                        self.pause(&error);
                    }
                }
            }
        }
        self.evict_unidentified();
        self.end_final_pass();
        Ok(())
    }

    fn poll_queue(&mut self, listener: usize) {
        if self.os.queue_is_empty(listener) {
            self.admission.mark_empty(listener);
        }
    }

    /// Serves this connection, which another program has accepted, and no other.
    pub fn serve_one(&mut self, stream: O::Stream, peer: Peer) {
        self.shared.now = self.os.now();
        self.close_listeners();
        self.serves_one = true;
        self.admit(stream, peer, 0, Decision::Accept);
    }

    fn admit(&mut self, mut stream: O::Stream, peer: Peer, listener: u8, admission: Decision) {
        self.counters.accepted(usize::from(listener));
        self.last_accept = Some(self.shared.now);
        let policy = self.options.listener(listener).proxy_header;
        let known = policy.is_none();
        // A proxy may have any number of connections: its clients are counted, once they are known.
        if admission == Decision::Refuse
            || !self.is_permitted(&peer)
            || (known && !self.per_peer.try_acquire(&peer))
        {
            self.reject(stream, peer, listener, Cause::Refused);
            return;
        }
        if self.options.exec && known {
            self.spawn_child(stream, peer, listener, History::new(self.shared.now));
            return;
        }
        if let Err(error) = self.os.register(&mut stream, self.slots.next_key()) {
            let cause = self.register_failed(&error);
            if known {
                self.per_peer.release(&peer);
            }
            self.reject(stream, peer, listener, cause);
            return;
        }
        let mut connection =
            Connection::new(stream, peer, self.shared.listener(listener), policy, self.shared.now);
        if known {
            connection.count();
        }
        let key = self.slots.insert(connection);
        if known {
            if admission == Decision::AcceptAndEvict {
                self.evict(key);
            }
            self.send_banner(key);
        } else {
            self.await_header(key);
        }
        self.arm_deadline(key);
        if self.shared.draining {
            self.slots.drain_one(key);
        }
    }

    /// Sends the banner to an admitted connection.
    pub(super) fn send_banner(&mut self, key: usize) {
        let Some(banner) = &self.options.banner else { return };
        if let Some(connection) = self.slots.open(key) {
            let line = banner.line(connection.peer());
            connection.greet(line.as_bytes(), self.shared.now);
            self.slots.wake(key, Ready::WRITABLE);
        }
    }

    /// Returns the cause for a failed registration: refused by fault injection, or an error for
    /// lack of memory.
    fn register_failed(&mut self, error: &io::Error) -> Cause {
        if errno::is_refused(error) {
            return Cause::Refused;
        }
        if let Some(suppressed) = self.warnings.allow(Warning::Register, self.shared.now) {
            warn!("a connection could not be registered: {error}{suppressed}");
        } else {
            debug!("a connection could not be registered: {error}");
        }
        Cause::Error
    }

    /// Lets these peers connect from now on; open connections stay.
    pub fn set_access(&mut self, access: Access) {
        self.options.access = access;
    }

    /// Returns true if the lists of networks let the peer connect.
    fn is_permitted(&self, peer: &Peer) -> bool {
        let permitted = |address: SocketAddr| self.options.access.permits(address.ip());
        peer.address().is_none_or(permitted)
    }

    /// Closes a connection that was never admitted.
    fn reject(&mut self, stream: O::Stream, peer: Peer, listener: u8, cause: Cause) {
        let mut connection =
            Connection::new(stream, peer, self.shared.listener(listener), None, self.shared.now);
        connection.reject(cause);
        self.count_closed(cause, Traffic::default(), connection.history(), connection.peer());
        self.log_closed(&connection);
    }

    /// Evicts the connection that has been idle the longest, but not the `newcomer`, nor one that
    /// is not admitted yet: connections that wait for a PROXY header evict each other.
    pub(super) fn evict(&mut self, newcomer: usize) {
        if self.victims.is_empty() {
            self.victims = self.slots.longest_idle(EVICTS_PER_TURN, Connection::is_counted);
        }
        while let Some(key) = self.victims.pop() {
            if key != newcomer && self.slots.close(key, Cause::Evicted) {
                return;
            }
        }
    }

    fn accept_failed(&mut self, listener: usize, error: &io::Error) -> io::Result<()> {
        *self.counters.accept_errors.entry(errno::errno_name(error)).or_default() += 1;
        match errno::accept_error(error) {
            AcceptError::WouldBlock => Ok(()),
            AcceptError::Retry => {
                if errno::died_before_accept(error) {
                    self.counters.accepted(listener);
                    let (now, traffic) = (self.shared.now, Traffic::default());
                    self.counters.closed(
                        Cause::Aborted,
                        traffic,
                        History::new(now).then(PhaseKind::Closed),
                        now,
                    );
                }
                debug!("accept: {error}; continuing");
                Ok(())
            }
            AcceptError::Exhausted => {
                self.pause(error);
                Ok(())
            }
            AcceptError::ListenerBroken => {
                self.close_listeners();
                Err(io::Error::new(error.kind(), format!("a listener is broken: accept: {error}")))
            }
        }
    }

    /// Warns that connections wait in a queue while the limit is reached.
    fn warn_if_full(&mut self) {
        let most = self.capacity.connections_max;
        if self.open_count() < most || self.is_draining() {
            return;
        }
        if self.warnings.allow(Warning::Full, self.shared.now).is_some() {
            let what = match self.options.over_limit {
                OverLimit::Wait => "more wait in the backlog",
                OverLimit::Refuse => "more are refused",
                OverLimit::Evict => "more take the places of the longest idle",
            };
            warn!("--max-connections is reached, {most} connections: {what}");
        }
    }

    /// Accepts no connection for a while: descriptors or memory have run out, or `accept` returns
    /// only errors, as when a filter forbids the call.
    fn pause(&mut self, error: &io::Error) {
        self.admission.pause(self.shared.now);
        self.counters.pauses += 1;
        if let Some(suppressed) = self.warnings.allow(Warning::Accept, self.shared.now) {
            warn!(
                "accept: {error}; pausing, with {} connections open; if descriptors have run out, \
                 raise their limit or lower --max-connections{suppressed}",
                self.open_count()
            );
        }
    }
}
