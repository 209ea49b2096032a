//! Children: with `--exec`, a command answers each connection in a process of its own.
//!
//! The reactor only starts the child, and closes its own socket. It then knows nothing of the
//! exchange, only that the child has ended, and how. So a child is no connection with phases,
//! readiness and deadlines, but an entry in a table. It counts as a connection for the limit, and
//! like one it ends with exactly one cause.
//!
//! A child stands for its whole process group: processes that it leaves behind may hold the
//! connection. So the entry stays until all of them have ended, and signals go to the whole group.

use std::collections::HashMap;
use std::fmt;

use log::{debug, warn};
use rustix::process::Pid;

use crate::cause::Cause;
use crate::clock::MonotonicMs;
use crate::connection::{History, Peer, PhaseKind, Traffic};

use super::os::{ExitStatus, StopSignal};
use super::reap::log_child;
use super::warnings::Warning;
use super::{Os, Reactor};

/// All children that are not over, by process id. While an entry is here, no other process has its
/// id: the kernel reuses an id only when no process and no group has it.
#[derive(Debug, Default)]
pub(super) struct Children {
    by_id: HashMap<Pid, Child>,
    /// The children that were reaped and have left processes of their group behind.
    left_behind: Vec<Pid>,
    /// Signals came in this turn; the owner handles them after it.
    pub(super) signal_pending: bool,
}

#[derive(Debug)]
struct Child {
    peer: Peer,
    /// The number of the listener.
    listener: u8,
    history: History,
    /// The time of its start, if signals came in that turn, or a drain had begun.
    from_final_pass: Option<MonotonicMs>,
    /// SIGTERM was sent to it.
    term_sent: bool,
    /// Its own exit status; processes that it started may live on.
    ended: Option<ExitStatus>,
}

impl Children {
    /// Returns the number of children.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns the peer and the history of each child.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Peer, History)> {
        self.by_id.values().map(|child| (&child.peer, child.history))
    }
}

impl<O: Os> Reactor<O> {
    /// Returns the number of children that are not over.
    pub fn children(&self) -> usize {
        self.children.len()
    }

    /// Starts a child that answers the connection that was just accepted.
    pub(super) fn spawn_child(
        &mut self,
        stream: O::Stream,
        peer: Peer,
        listener: u8,
        history: History,
    ) {
        let now = self.shared.now;
        let late = self.children.signal_pending || self.is_draining();
        let mut child = Child {
            peer,
            listener,
            history,
            from_final_pass: late.then_some(now),
            term_sent: false,
            ended: None,
        };
        match self.os.spawn(stream, &peer) {
            Ok(id) => {
                child.history = child.history.then(PhaseKind::Child);
                self.child_started(id, child);
            }
            Err(error) => {
                if let Some(suppressed) = self.warnings.allow(Warning::Child, now) {
                    warn!("a child could not be started: {error}{suppressed}");
                }
                self.child_closed(&child, Cause::Exec);
            }
        }
        // It is too late to give the child any time, and no later step would send SIGTERM to it.
        if self.shared.read_over {
            self.terminate_children();
        }
    }

    /// Starts a child for a connection that is now identified.
    pub(super) fn spawn_for_proxied(&mut self, key: usize) {
        self.deadlines.cancel(key);
        let connection = self.slots.remove(key);
        let (peer, history) = (*connection.peer(), connection.history());
        let listener = connection.listener();
        self.spawn_child(connection.into_stream(), peer, listener, history);
    }

    /// Reaps every child that has ended. Several that end together may raise one SIGCHLD, because
    /// signals are not queued; so this repeats until there is no other. It comes to an end, because
    /// no child is started meanwhile.
    pub fn reap_children(&mut self) {
        while let Some((id, ended)) = self.os.reap() {
            // Other ids are orphans of children, or children of the program that this process ran
            // before exec.
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

    /// Sends SIGTERM to every child that has not had it. The end of the grace leaves out children
    /// started since the turn of the signal: their peers have waited in the queue until then, and
    /// get the same time as those that still wait.
    pub(super) fn terminate_children(&mut self) {
        let grace_ends = !self.shared.read_over;
        for (id, child) in &mut self.children.by_id {
            let from_queue = child.from_final_pass.is_some_and(|at| at >= self.drain_turn);
            if grace_ends && from_queue {
                continue;
            }
            if !std::mem::replace(&mut child.term_sent, true) {
                self.os.signal_child(*id, StopSignal::Terminate);
            }
        }
    }

    /// Kills every child that has not ended, and does not wait for it: a killed process may still
    /// take a while to end, and the daemon is ending itself.
    pub(super) fn kill_children(&mut self) {
        self.reap_children();
        self.children.left_behind.clear();
        for (id, child) in std::mem::take(&mut self.children.by_id) {
            self.os.signal_child(id, StopSignal::Kill);
            self.child_closed(&child, Cause::Cut);
        }
    }

    fn child_started(&mut self, id: Pid, child: Child) {
        // An entry with this id is left only if the child's orphans ended without a SIGCHLD.
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
        self.count_closed(
            cause,
            Traffic::default(),
            child.history.then(PhaseKind::Closed),
            &child.peer,
        );
        let lasted = self.shared.now.since(child.history.accepted());
        let listener = self.options.listener(child.listener).address.as_str();
        log_child(&child.peer, cause, lasted, listener, status);
    }
}
