//! Children: with `--exec`, a command answers each connection in a process of its own.
//!
//! The reactor only starts it, and lets go of the socket; it then knows neither what is said nor
//! when, but that the child has ended, and how. So a child is no connection here with phases,
//! readiness and deadlines, but an entry in a table. It counts as one for the limit, and ends with
//! exactly one cause as they do.
//!
//! A child is its whole process group: what it has left behind when it ends itself may hold the
//! connection. So the entry stays until all of that has ended, and is told to end with the others.

use std::collections::HashMap;
use std::fmt;

use log::{debug, warn};
use rustix::process::Pid;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::{Peer, Traffic};

use super::os::{ExitStatus, StopSignal};
use super::reap::log_child;
use super::warnings::Warning;
use super::{Os, Reactor};

/// All children that are not over, by process id. That is nobody else's as long as they are in
/// here: the kernel gives it again only when no process and no group has it.
#[derive(Debug, Default)]
pub(super) struct Children {
    by_id: HashMap<Pid, Child>,
    /// Those of them that were reaped and have left processes of their group behind.
    left_behind: Vec<Pid>,
    /// Signals came in this turn, and are heeded at its end.
    pub(super) signal_pending: bool,
}

#[derive(Debug)]
struct Child {
    peer: Peer,
    opened: MonotonicMs,
    /// It was started in a turn with a signal, and when that was.
    from_final_pass: Option<MonotonicMs>,
    /// It was asked to end.
    term_sent: bool,
    /// How it ended itself; what it has started may live on.
    ended: Option<ExitStatus>,
}

impl Children {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl<K: Os> Reactor<K> {
    /// How many children have not been reaped.
    pub fn children(&self) -> usize {
        self.children.len()
    }

    /// Has a child answer the connection that was just accepted.
    pub(super) fn spawn_child(&mut self, stream: K::Stream, peer: Peer, opened: MonotonicMs) {
        let now = self.shared.now;
        let at_signal = self.children.signal_pending.then_some(now);
        let child =
            Child { peer, opened, from_final_pass: at_signal, term_sent: false, ended: None };
        match self.os.spawn(stream, &peer) {
            Ok(id) => self.child_started(id, child),
            Err(error) => {
                if let Some(suppressed) = self.warnings.allow(Warning::Child, now) {
                    warn!("a child could not be started: {error}{suppressed}");
                }
                self.child_closed(&child, Cause::Exec);
            }
        }
        // Too late to be given any time; and nothing would ask it later.
        if self.shared.read_over {
            self.terminate_children();
        }
    }

    /// The same for a connection whose PROXY header has said who its peer is.
    pub(super) fn spawn_for_proxied(&mut self, key: usize) {
        self.deadlines.cancel(key);
        let connection = self.slots.remove(key);
        let (peer, opened) = (*connection.peer(), connection.opened());
        self.spawn_child(connection.into_stream(), peer, opened);
    }

    /// Takes every child that has ended. Several that end together may raise one SIGCHLD, because
    /// signals are not queued; so this asks until there is no other. It comes to its end: there
    /// are no more than were started, and none is started meanwhile.
    pub fn reap_children(&mut self) {
        while let Some((id, ended)) = self.os.reap() {
            // Others are what children have left behind; or were started by the program that had
            // this process id before.
            if let Some(child) = self.children.by_id.get_mut(&id) {
                child.ended = Some(ended);
                self.children.left_behind.push(id);
            }
        }
        let mut reaped = 0;
        for id in std::mem::take(&mut self.children.left_behind) {
            if !self.os.is_over(id) {
                self.children.left_behind.push(id);
            } else if let Some(child) = self.children.by_id.remove(&id) {
                self.child_closed(&child, Cause::Exec);
                reaped += 1;
            }
        }
        if reaped > 0 {
            self.admission.resume();
            debug!("reaped {reaped} children");
        }
    }

    /// Asks every child to end that was not asked yet. At the beginning of the drain that leaves
    /// out those started in the turn in which the signal came: their peers have waited in the
    /// queue until then, and are given the same time as those that still do.
    pub(super) fn terminate_children(&mut self) {
        let now = self.shared.now;
        let draining_begins = !self.shared.read_over;
        for (id, child) in &mut self.children.by_id {
            let from_queue = child.from_final_pass == Some(now);
            if draining_begins && from_queue {
                continue;
            }
            if !std::mem::replace(&mut child.term_sent, true) {
                self.os.signal_child(*id, StopSignal::Terminate);
            }
        }
    }

    /// Kills every child that has not ended. They are not waited for: a process that was killed
    /// may still take a while to end, and we are ending ourselves.
    pub(super) fn kill_children(&mut self) {
        self.reap_children();
        self.children.left_behind.clear();
        for (id, child) in std::mem::take(&mut self.children.by_id) {
            self.os.signal_child(id, StopSignal::Kill);
            self.child_closed(&child, Cause::Cut);
        }
    }

    fn child_started(&mut self, id: Pid, child: Child) {
        // Its number was still another's only if that had left behind what ended unnoticed.
        if let Some(before) = self.children.by_id.insert(id, child) {
            debug_assert!(before.ended.is_some(), "a process id is given again once reaped");
            self.children.left_behind.retain(|other| *other != id);
            self.child_closed(&before, Cause::Exec);
        }
    }

    fn child_closed(&mut self, child: &Child, cause: Cause) {
        let status: &dyn fmt::Display = match (&child.ended, cause) {
            (_, Cause::Cut) => &"killed",
            (Some(ended), _) => ended,
            (None, _) => &"not-started",
        };
        self.per_peer.release(&child.peer);
        self.count_closed(cause, Traffic::default(), &child.peer);
        let lasted = self.shared.now.since(child.opened);
        log_child(&child.peer, cause, lasted, status);
    }
}
