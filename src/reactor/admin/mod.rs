//! The admin endpoint: metrics and health checks over HTTP, on a listener of its own in the same
//! loop, excluded from all connection counts.
//!
//! The reactor reads requests and writes responses; the [`AdminHandler`] makes a response of a
//! request. The number of admin connections is limited, and each has a deadline. At the limit one
//! is evicted: an answered one, else one without a request, from the address with the most
//! connections. So neither a flood of connections nor one of requests locks out a health probe.

mod table;

use std::fmt;
use std::io;

use log::{debug, warn};

use crate::connection::{Peer, Ready};
use crate::http::{HttpConnection, HttpStep, REQUEST_TIMEOUT, Request, Response};
use crate::os::errno::{self, AcceptError};

use super::admission::ACCEPT_PAUSE;
use super::stats::{EVICTED, REFUSED};
use super::warnings::Warning;
use super::{Os, PeerLimit, Reactor};

pub(super) use self::table::Admin;

/// The most admin connections at a time; they use reserved descriptors.
pub(super) const ADMIN_CONNECTIONS_MAX: usize = 16;

/// Connections accepted and served in one turn: each delays the peers' events by 20 microseconds.
const ADMIN_ACCEPTS_PER_TURN: usize = 4;
const ADMIN_SERVED_PER_TURN: usize = 4;

/// Keys of admin connections begin here. No other connection has such a key: the slab would take a
/// quarter of all memory.
pub const ADMIN_KEY_BASE: usize = 1 << (usize::BITS - 2);

/// Bytes read at once.
const READ_BYTES_MAX: usize = 4096;

/// Makes the response to a request.
pub struct AdminHandler<O: Os>(Box<HandlerFn<O>>);

type HandlerFn<O> = dyn FnMut(&mut Reactor<O>, &Request) -> Response;

impl<O: Os> AdminHandler<O> {
    /// Creates a handler that calls that function.
    pub fn new(respond: impl FnMut(&mut Reactor<O>, &Request) -> Response + 'static) -> Self {
        Self(Box::new(respond))
    }
}

impl<O: Os> fmt::Debug for AdminHandler<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminHandler")
    }
}

impl<O: Os> Reactor<O> {
    /// Sets the handler of admin requests. Without one each response is 503.
    pub fn set_admin_handler(&mut self, handler: AdminHandler<O>) {
        self.admin_handler = Some(handler);
    }

    /// Returns the number of open admin connections.
    pub fn admin_connections(&self) -> usize {
        self.admin.connections.len()
    }

    /// Serves the admin connections: after the peers, and within a budget.
    #[cold]
    pub(super) fn serve_admin(&mut self) {
        let now = self.shared.now;
        let mut buffer = [0; READ_BYTES_MAX];
        let batch = self.admin.run_queue.len().min(ADMIN_SERVED_PER_TURN);
        for key in self.admin.run_queue.drain(..batch).collect::<Vec<_>>() {
            self.serve_admin_connection(key, &mut buffer);
        }
        for key in self.admin.expired(now) {
            self.expire_admin_connection(key, &mut buffer);
        }
        if self.admin.ready && self.admin.paused_until <= now {
            self.accept_admin();
        }
    }

    fn serve_admin_connection(&mut self, key: usize, buffer: &mut [u8]) {
        let now = self.shared.now;
        let Some(connection) = self.admin.connections.get_mut(key) else { return };
        match connection.http.serve(buffer, now) {
            HttpStep::Pending => {}
            HttpStep::Yield => self.admin.enqueue(key),
            HttpStep::Done => self.admin.remove(key),
            HttpStep::Request(request) => {
                let response = self.respond(&request);
                if let Some(connection) = self.admin.connections.get_mut(key) {
                    connection.http.respond(response, now);
                    self.serve_admin_connection(key, buffer);
                }
            }
        }
    }

    fn respond(&mut self, request: &Request) -> Response {
        // The handler sees the whole reactor, so it can't stay in it meanwhile.
        let Some(mut handler) = self.admin_handler.take() else {
            return Response::text(503, "there is no handler");
        };
        let response = handler.0(self, request);
        self.admin_handler = Some(handler);
        response
    }

    /// Handles an expired deadline, after a final read of the socket: responds with 408 to a
    /// partial request, else closes.
    fn expire_admin_connection(&mut self, key: usize, buffer: &mut [u8]) {
        let now = self.shared.now;
        self.admin.mark(ADMIN_KEY_BASE + key, Ready::READABLE.union(Ready::WRITABLE));
        self.serve_admin_connection(key, buffer);
        let connection = self.admin.connections.get_mut(key);
        let Some(connection) = connection.filter(|one| one.http.deadline() <= now) else { return };
        if connection.http.expire(now) == HttpStep::Yield {
            self.admin.enqueue(key);
        } else {
            self.admin.remove(key);
        }
    }

    fn accept_admin(&mut self) {
        let mut failures = 0;
        for _ in 0..ADMIN_ACCEPTS_PER_TURN {
            let error = match self.os.accept_admin() {
                Ok((stream, peer)) => {
                    self.admit_admin(stream, peer);
                    continue;
                }
                Err(error) => error,
            };
            failures += 1;
            match errno::accept_error(&error) {
                AcceptError::WouldBlock => {
                    self.admin.ready = false;
                    return;
                }
                // If `accept` fails every time, as when a filter forbids the call, it is tried
                // again later too.
                AcceptError::Retry if failures < ADMIN_ACCEPTS_PER_TURN => {}
                AcceptError::Retry | AcceptError::Exhausted | AcceptError::ListenerBroken => {
                    self.admin_accept_failed(&error);
                    return;
                }
            }
        }
    }

    fn admit_admin(&mut self, stream: O::Stream, peer: Peer) {
        let access = &self.options.metrics_access;
        if !peer.address().is_none_or(|address| access.permits(address.ip())) {
            return self.reject_admin(&peer, REFUSED);
        }
        if self.admin.connections.len() >= ADMIN_CONNECTIONS_MAX {
            self.evict_admin();
        }
        let mut http = HttpConnection::new(stream, self.shared.now);
        let key = self.admin.connections.vacant_key();
        match self.os.register(http.stream_mut(), ADMIN_KEY_BASE + key) {
            Ok(()) => {
                self.admin.insert(http, peer);
                self.deadlines.check_for_stops_within(REQUEST_TIMEOUT);
                self.deadlines.schedule_stop_check(self.shared.now);
            }
            Err(error) => self.admin_accept_failed(&error),
        }
    }

    fn evict_admin(&mut self) {
        let Some(key) = self.admin.victim() else { return };
        let victim = self.admin.connections.get(key);
        if let Some(peer) = victim.filter(|one| !one.http.is_answered()).map(|one| one.peer) {
            self.reject_admin(&peer, EVICTED);
        }
        self.admin.remove(key);
    }

    /// Counts a connection that is closed before it was answered.
    fn reject_admin(&mut self, peer: &Peer, reason: &'static str) {
        *self.counters.admin_rejected.entry(reason).or_default() += 1;
        if let Some(at) = self.summary.note_admin(peer, self.shared.now) {
            self.deadlines.set_summary(at);
        }
        debug!(peer:%, reason; "metrics listener: connection rejected");
    }

    /// Warns, and pauses the admin listener. Echoing does not depend on it, so the daemon goes on.
    fn admin_accept_failed(&mut self, error: &io::Error) {
        self.admin.paused_until = self.shared.now.after(ACCEPT_PAUSE);
        if let Some(suppressed) = self.warnings.allow(Warning::Admin, self.shared.now) {
            warn!("metrics listener: accept failed: {error}{suppressed}");
        }
    }
}
