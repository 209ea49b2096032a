//! The end of the daemon: by a drain, or at once.

use log::warn;

use crate::clock::MonotonicMs;
use crate::connection::LINGER;

use super::{Os, Reactor};

impl<O: Os> Reactor<O> {
    /// Begins a drain: accepts the connections in the queues, closes the listeners, finishes every
    /// connection, and cuts those that are left at the deadline.
    pub fn drain(&mut self) {
        let now = self.os.now();
        self.drain_until = now.after(self.options.drain);
        // Later input is discarded, so that replies in flight can arrive.
        self.read_until = now.after(self.options.drain / 4 * 3);
        self.shared.draining = true;
        self.deadlines.check_for_stops_within(LINGER);
        self.deadlines.schedule_stop_check(now);
        self.terminate_children();
        self.deadlines.set_drain_deadline(self.read_until);
        self.admission.begin_final_pass(self.capacity.listeners_inherited);
        self.listeners_idle = false;
        if self.admission.nothing_ready() {
            self.close_listeners();
        }
        self.slots.drain();
    }

    /// Takes the next step of the drain, if its time has come: first input ends, then everything.
    ///
    /// Before either step, each connection has a final read. After a stop of the process, that is
    /// the first read of input that came in time; so the last quarter of the time begins only then.
    pub(super) fn expire_drain(&mut self) {
        let now = self.shared.now;
        if now < self.read_until || (self.shared.read_over && now < self.drain_until) {
            return;
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
        self.deadlines.set_drain_deadline(self.drain_until);
        self.slots.drain();
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
        if !self.is_draining() || !(self.admission.nothing_ready() || self.shared.read_over) {
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
