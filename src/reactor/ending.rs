//! The end: by a drain, or at once.

use crate::clock::MonotonicMs;
use crate::connection::LINGER;

use super::{Kernel, Reactor};

impl<K: Kernel> Reactor<K> {
    /// Accepts who is in a queue, closes the listeners, has every connection finish what is owed,
    /// and cuts at the deadline who has not.
    pub fn drain(&mut self) {
        let now = self.kernel.now();
        self.drain_until = now.after(self.rules.drain);
        // What then still comes is thrown away, so that replies in flight can arrive.
        self.input_until = now.after(self.rules.drain / 4 * 3);
        self.lent.draining = true;
        self.deadlines.tick_within(LINGER);
        self.deadlines.keep_ticking(now);
        self.ask_children();
        self.deadlines.end_at(self.input_until);
        self.gate.last_call(self.rules.inherited);
        self.calm = false;
        if self.gate.is_quiet() {
            self.close_listeners();
        }
        self.slots.drain();
    }

    /// The next step of the drain, if its time has come: first input is over, then everything.
    ///
    /// Before either, each connection has a last look at its socket. Where we were stopped
    /// meanwhile, that is the first one at what came in time; so the last quarter of the time
    /// begins only then.
    pub(super) fn expire_drain(&mut self) {
        let now = self.lent.now;
        if now < self.input_until || (self.lent.read_over && now < self.drain_until) {
            return;
        }
        self.reap();
        for key in self.slots.keys() {
            let Some(connection) = self.slots.alive(key) else { continue };
            let served = connection.catch_up(&mut self.lent);
            self.looked(key, served);
        }
        if self.lent.read_over {
            return self.cut();
        }
        self.reap();
        self.lent.read_over = true;
        self.drain_until = self.drain_until.max(now.after(self.rules.drain / 4));
        self.deadlines.end_at(self.drain_until);
        self.slots.drain();
        self.ask_children();
    }

    /// Ends every connection at once.
    pub fn cut(&mut self) {
        self.close_listeners();
        self.slots.cut();
        self.reap();
        self.kill_children();
    }

    /// True once everything has been drained or cut.
    pub fn is_done(&self) -> bool {
        self.is_draining() && self.gate.is_closed() && self.open() == 0
    }

    /// True once [`Self::drain`] has been asked.
    pub fn is_draining(&self) -> bool {
        self.drain_until != MonotonicMs::NEVER
    }

    pub(super) fn close_listeners(&mut self) {
        self.kernel.close_listeners();
        self.gate.close();
    }
}
