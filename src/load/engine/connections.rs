//! Dials and closes connections.

use std::io;

use crate::connection::Ready;
use crate::net::endpoint::Endpoint;
use crate::net::source::Source;
use crate::num;
use crate::os::errno;
use crate::sys::Dial;

use super::Engine;
use crate::load::config::{Close, LoadConfig};
use crate::load::engine::connection::{LoadConnection, LoadStep};
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::mode::CloseWhen;
use crate::load::report;

/// Connects begun per turn. On a local address each connect performs the whole handshake, about 20
/// microseconds in which no other connection is served.
const CONNECTS_PER_TURN: usize = 16;

/// A long turn begins more: one connect per this many connections served, which costs them about a
/// fifth of their time.
const SERVED_A_CONNECT: usize = 16;

/// The network, the server, and the sources to connect from.
#[derive(Debug)]
pub(super) struct Net<D> {
    pub dial: D,
    server: Endpoint,
    sources: Vec<Source>,
    /// Number of connects tried.
    dials: usize,
}

impl<D: Dial> Net<D> {
    pub(super) fn new(dial: D, server: Endpoint, config: &LoadConfig) -> Self {
        Self { dial, server, sources: config.socket.sources.clone(), dials: 0 }
    }

    /// Begins a connect from the next source, and from its next port.
    fn connect(&mut self, key: usize) -> io::Result<D::Stream> {
        // By dials, not by connection number: an address without a free port is not tried twice in
        // a row.
        let turn = self.dials.checked_div(self.sources.len()).unwrap_or_default();
        let source = self.dials.checked_rem(self.sources.len());
        let source = source.and_then(|place| self.sources.get(place));
        let source = source.map(|source| source.in_turn(turn));
        self.dials += 1;
        self.dial.dial(key, &self.server, source)
    }
}

impl<D: Dial> Engine<D> {
    /// Dials the connections that are due, after a turn that served `served` connections.
    pub(super) fn connect(&mut self, served: usize) {
        for _ in 0..CONNECTS_PER_TURN.max(served / SERVED_A_CONNECT) {
            let Some(key) = self.dial_queue.next(self.now) else { break };
            if self.is_wanted(key) {
                self.connect_one(key);
            } else {
                self.dial_queue.answered_one();
            }
        }
    }

    /// True if the slot is to be dialled now. During the cooldown, and where the plan dials on
    /// demand, that takes a due line; without one the slot waits for it.
    fn is_wanted(&mut self, key: usize) -> bool {
        let on_demand = self.shared.plan.on_demand || self.clock.is_ending();
        let Some(slot) = self.slots.get_mut(key) else { return false };
        slot.awaits_a_line = on_demand && slot.due.lines() == 0;
        !slot.awaits_a_line
    }

    fn connect_one(&mut self, key: usize) {
        let number = self.shared.results.attempted;
        let now = self.net.dial.now();
        match self.net.connect(key) {
            Ok(stream) => {
                self.shared.results.attempted += 1;
                let connection = LoadConnection::new(stream, number, &self.shared.payload, now);
                self.slots.insert(key, connection);
                self.check_barrier();
            }
            Err(error) => {
                self.dial_queue.answered_one();
                self.dial_queue.redial_later(key, now);
                self.record_connect_error(&error);
            }
        }
    }

    /// Records a connect whose system call failed; notes the first for lack of a local resource.
    fn record_connect_error(&mut self, error: &io::Error) {
        if errno::is_local_exhaustion(error) {
            let errno = errno::errno_name(error);
            let remedy = report::hint(&errno).unwrap_or_default();
            if self.shared.results.add_local_error(errno) {
                self.notes.push(format!("connect: {error}: {remedy}"));
            }
        } else {
            self.shared.results.attempted += 1;
            self.shared.results.record_error(RunError::of(ErrorPhase::Connect, error), 0);
            self.lose_transaction();
        }
    }

    /// Begins the load and the run's time, once the start barrier is released.
    #[cold]
    pub(super) fn begin(&mut self) {
        if self.clock.is_ending() {
            return;
        }
        let missing = self.dial_queue.missing();
        if missing > 0 {
            self.notes.push(format!(
                "the load begins with {} of {} connections: no other was answered for a second",
                self.slots.len() - missing,
                self.slots.len()
            ));
        }
        self.clock.begin(self.now);
        self.slots.mark_all(Ready::NONE);
    }

    /// Counts a connection as answered once it has ended, has echoed a line or, in an open loop, is
    /// connected.
    #[cold]
    pub(super) fn mark_answered(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key).filter(|slot| slot.unanswered) else { return };
        let paced = self.schedule.pace.is_some();
        let answered = slot.connection.as_ref().is_none_or(|connection| {
            connection.has_answered() || (paced && !connection.is_connecting())
        });
        if answered {
            slot.unanswered = false;
            self.dial_queue.answered_one();
        }
        self.check_barrier();
    }

    /// Extends the start barrier if there is progress.
    fn check_barrier(&mut self) {
        let made = num::to_usize(self.shared.results.established);
        let (dialled, answered) = (self.dial_queue.opened(), self.dial_queue.answered());
        self.schedule.barrier.extend(dialled + made.min(self.slots.len()) + answered, self.now);
    }

    /// Removes a connection that has ended for any reason; its slot may be redialled.
    pub(super) fn close(&mut self, key: usize, step: LoadStep) {
        let Some(connection) = self.slots.take(key) else { return };
        let plan = self.shared.plan;
        match step {
            LoadStep::Failed(error) => {
                self.shared.results.record_error(error, connection.in_flight());
                if !connection.has_begun() {
                    self.lose_transaction();
                }
                self.note_greeting();
                self.dial_queue.redial_later(key, self.now);
                connection.close(Close::Rst);
            }
            LoadStep::Done | LoadStep::Idle | LoadStep::Yield => {
                if connection.all_begun(&plan) {
                    self.shared.results.add_transaction();
                }
                if plan.close_when == CloseWhen::Midway {
                    self.shared.results.add_aborted(connection.in_flight());
                }
                if plan.repeats() {
                    self.dial_queue.redial(key);
                }
                connection.close(plan.close);
            }
        }
    }

    /// Counts the transaction of a connection that failed before it could send.
    fn lose_transaction(&mut self) {
        if self.shared.plan.is_one_transaction() {
            self.shared.results.never_begun();
        }
    }

    /// Notes once that the server speaks first, which makes every connection fail.
    fn note_greeting(&mut self) {
        let results = &mut self.shared.results;
        if std::mem::take(&mut results.greeting_is_unnoted) {
            self.notes.extend(results.greeting.as_deref().map(report::speaks_first));
        }
    }

    /// Ends a run in which every slot has tried to connect and none has succeeded.
    #[cold]
    pub(super) fn end_if_none_connects(&mut self) {
        let slots = num::to_u64(self.slots.len());
        if self.shared.results.errors() >= slots && !self.clock.is_ending() {
            self.notes.push("no connection could be made: the run ends here".to_owned());
            self.end();
            self.abandon_unsent();
        }
    }
}
