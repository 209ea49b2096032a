//! Children: with `--exec`, a command answers each connection in a process of its own.
//!
//! The reactor only starts it, and lets go of the socket; it then knows neither what is said nor
//! when, but that the child has ended, and how. So a child is no connection here with phases,
//! readiness and deadlines, but an entry in a table. It counts as one for the limit, and ends with
//! exactly one cause as they do.

use std::collections::HashMap;
use std::fmt;

use log::{debug, warn};
use rustix::process::Pid;

use crate::cause::Cause;
use crate::clock::Millis;
use crate::connection::{Peer, Tally};

use super::closing::log_child;
use super::kernel::Urge;
use super::{Kernel, Reactor};

/// All children that have not been reaped, by process id. That is nobody else's as long as they
/// are in here: the kernel gives it again only after the reaping.
#[derive(Debug, Default)]
pub(super) struct Children {
    by_id: HashMap<Pid, Child>,
    /// Signals came in this turn, and are heeded at its end.
    pub(super) signalled: bool,
}

#[derive(Debug)]
struct Child {
    peer: Peer,
    opened: Millis,
    /// It was started in a turn with a signal.
    at_signal: bool,
    /// It was asked to end.
    asked: bool,
}

impl Children {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl<K: Kernel> Reactor<K> {
    /// How many children have not been reaped.
    pub fn children(&self) -> usize {
        self.children.len()
    }

    /// Has a child answer the connection that was just accepted.
    pub(super) fn hand_over(&mut self, stream: K::Stream, peer: Peer) {
        let now = self.lent.now;
        let at_signal = self.children.signalled;
        let child = Child { peer, opened: now, at_signal, asked: false };
        match self.kernel.spawn(stream) {
            Ok(id) => {
                let before = self.children.by_id.insert(id, child);
                debug_assert!(before.is_none(), "a process id is given again once reaped");
            }
            Err(error) => {
                if let Some(left_out) = self.warnings.may_warn(now) {
                    warn!("a child could not be started: {error} (warnings left out: {left_out})");
                }
                self.child_closed(&child, Cause::Exec, &"not-started");
            }
        }
        // Too late to be given any time; and nothing would ask it later.
        if self.lent.input_until <= now {
            self.ask_children();
        }
    }

    /// Takes every child that has ended. Several that end together may raise one SIGCHLD, because
    /// signals are not queued; so this asks until there is no other. It comes to its end: there
    /// are no more than were started, and none is started meanwhile.
    pub fn reap_children(&mut self) {
        let mut reaped = 0;
        while let Some((id, ended)) = self.kernel.reap() {
            // Whoever had this process id before us, or the first one of a container, may have
            // children that were not started here.
            let Some(child) = self.children.by_id.remove(&id) else { continue };
            self.child_closed(&child, Cause::Exec, &ended);
            reaped += 1;
        }
        if reaped > 0 {
            self.gate.slot_freed();
            debug!("reaped {reaped} children");
        }
    }

    /// Asks every child to end that was not asked yet. At the beginning of the drain that leaves
    /// out those started in the turn in which the signal came: their peers have waited in the
    /// queue until then, and are given the same time as those that still do.
    pub(super) fn ask_children(&mut self) {
        let now = self.lent.now;
        let draining_begins = now < self.lent.input_until;
        for (id, child) in &mut self.children.by_id {
            let from_queue = child.at_signal && child.opened == now;
            if draining_begins && from_queue {
                continue;
            }
            if !std::mem::replace(&mut child.asked, true) {
                self.kernel.signal_child(*id, Urge::Terminate);
            }
        }
    }

    /// Kills every child that has not ended. They are not waited for: a process that was killed
    /// may still take a while to end, and we are ending ourselves.
    pub(super) fn kill_children(&mut self) {
        self.reap_children();
        for (id, child) in std::mem::take(&mut self.children.by_id) {
            self.kernel.signal_child(id, Urge::Kill);
            self.child_closed(&child, Cause::Cut, &"killed");
        }
    }

    fn child_closed(&mut self, child: &Child, cause: Cause, status: &dyn fmt::Display) {
        self.per_peer.leave(&child.peer);
        self.counters.closed(cause, Tally::default());
        let lasted = self.lent.now.since(child.opened);
        log_child(&child.peer, cause, lasted, status);
    }
}
