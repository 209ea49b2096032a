//! The end of the daemon: by a drain, or at once.

use std::time::Duration;

use log::warn;

use crate::clock::MonotonicMs;
use crate::connection::LINGER;

use super::{Os, Reactor};

/// The steps of the grace. Within one of them, a peer in a closed loop sends its next line, unless
/// its round trip is as long as the step.
const GRACE_STEPS: u32 = 4;

impl<O: Os> Reactor<O> {
    /// Begins a drain: accepts the connections in the queues, closes the listeners, serves every
    /// connection as before until the grace is over, finishes it, and cuts those that are left at
    /// the deadline.
    pub fn drain(&mut self) {
        let now = self.os.now();
        self.drain_turn = self.shared.now;
        self.drain_until = now.after(self.options.drain);
        // Later input is discarded, so that replies in flight can arrive.
        self.read_until = now.after(self.options.drain / 4 * 3);
        self.grace_until = now.after(self.grace());
        // A stop in the middle of a turn would make a connection look quiet, too.
        let grace_step = Some(self.grace() / GRACE_STEPS).filter(|step| !step.is_zero());
        self.deadlines.check_for_stops_within(grace_step.unwrap_or(LINGER).min(LINGER));
        self.deadlines.schedule_stop_check(now);
        self.admission.begin_final_pass(self.capacity.listeners_inherited);
        self.listeners_idle = false;
        self.await_handshakes(now);
        if self.admission.nothing_ready() {
            self.close_listeners();
        }
        if self.grace().is_zero() {
            return self.end_grace();
        }
        self.deadlines.set_drain_step(now.after(self.grace() / GRACE_STEPS));
    }

    /// Keeps the listeners open for a step of the grace, in which handshakes may be completed that
    /// have begun. Where no connection has come for as long as the grace, none is expected.
    fn await_handshakes(&mut self, now: MonotonicMs) {
        let grace = self.grace();
        if self.last_accept.is_some_and(|last| now.since(last) < grace) {
            self.handshakes_until = now.after(grace / GRACE_STEPS);
            self.os.stop_handshakes(self.capacity.listeners_inherited);
        }
    }

    /// Leaves the listeners, and their accept queues, to another process: a drain accepts nothing.
    pub const fn leave_listeners(&mut self) {
        self.capacity.listeners_inherited = self.capacity.listeners;
    }

    /// The time in which the drain ends only quiet connections. A peer that closes first, as most
    /// clients do after their last line, loses nothing in it.
    fn grace(&self) -> Duration {
        self.options.drain_grace.min(self.options.drain / 2)
    }

    /// Sends FIN to each connection that was quiet for a step of the grace, or to all at its end.
    fn expire_grace(&mut self, now: MonotonicMs) {
        let grace = self.grace();
        let step = grace / GRACE_STEPS;
        if now >= self.grace_until {
            return self.end_grace();
        }
        self.deadlines.set_drain_step(self.grace_until.min(now.after(step)));
        self.end_final_pass();
        self.slots.drain(|connection| connection.is_quiet(now, step, grace));
    }

    /// Sends FIN to each connection, once its pending output is written.
    fn end_grace(&mut self) {
        self.shared.draining = true;
        self.terminate_children();
        self.deadlines.set_drain_step(self.read_until);
        self.slots.drain(|_| true);
    }

    /// Takes the next step of the drain, if its time has come: first the grace ends, then input,
    /// then everything.
    ///
    /// Before either of the last two, each connection has a final read. After a stop of the
    /// process, that is the first read of input that came in time; so the last quarter of the time
    /// begins only then.
    pub(super) fn expire_drain(&mut self) {
        let now = self.shared.now;
        if !self.deadlines.drain_step_due(now) {
            return;
        }
        if !self.shared.draining {
            return self.expire_grace(now);
        }
        self.reap();
        for key in self.slots.keys() {
            let Some(connection) = self.slots.open(key) else { continue };
            let step = connection.catch_up(&mut self.shared);
            self.after_catch_up(key, step);
        }
        if self.shared.read_over {
            return self.cut();
        }
        self.reap();
        self.shared.read_over = true;
        self.drain_until = self.drain_until.max(now.after(self.options.drain / 4));
        self.deadlines.set_drain_step(self.drain_until);
        self.slots.drain(|_| true);
        self.terminate_children();
    }

    /// Ends every connection at once.
    pub fn cut(&mut self) {
        self.close_listeners();
        self.slots.cut();
        self.reap();
        self.kill_children();
    }

    /// Returns true once all connections have been drained or cut, or the only one has ended.
    pub fn is_done(&self) -> bool {
        let ends = self.is_draining() || self.serves_one;
        ends && self.admission.is_closed() && self.open_count() == 0
    }

    /// Returns true once [`Self::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.drain_until != MonotonicMs::NEVER
    }

    /// Closes the listeners once the accept queues have been emptied for the last time, or there is
    /// no more time for that.
    pub(super) fn end_final_pass(&mut self) {
        let emptied = self.admission.nothing_ready() && self.shared.now >= self.handshakes_until;
        if !self.is_draining() || !(emptied || self.shared.read_over) {
            return;
        }
        if self.backlog_remains() {
            warn!("the drain's time is over, and more connections wait: they are reset");
        }
        self.close_listeners();
    }

    /// Returns true if a connection is in a queue.
    fn backlog_remains(&mut self) -> bool {
        while let Some(listener) = self.admission.next() {
            if !self.os.queue_is_empty(listener) {
                return true;
            }
            self.admission.mark_empty(listener);
        }
        false
    }

    pub(super) fn close_listeners(&mut self) {
        self.os.close_listeners();
        self.admission.close();
    }
}
