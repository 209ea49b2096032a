//! The end: by a drain, or at once.

use crate::clock::Millis;

use super::{Kernel, Reactor};

impl<K: Kernel> Reactor<K> {
    /// Accepts who is in a queue, closes the listeners, has every connection finish what is owed,
    /// and cuts at the deadline who has not.
    pub fn drain(&mut self) {
        let now = self.kernel.now();
        self.drain_until = now.after(self.rules.drain);
        // What then still comes is thrown away, so that replies in flight can arrive.
        self.lent.input_until = now.after(self.rules.drain / 4 * 3);
        self.ask_children();
        let next = if self.rules.exec { self.lent.input_until } else { self.drain_until };
        self.deadlines.end_at(next);
        self.gate.last_call(self.rules.inherited);
        self.calm = false;
        if self.gate.is_quiet() {
            self.close_listeners();
        }
        self.slots.drain();
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
        self.drain_until != Millis::NEVER
    }

    pub(super) fn close_listeners(&mut self) {
        self.kernel.close_listeners();
        self.gate.close();
    }
}
