//! Poll timeouts, expired connections, and pauses of this process.
//!
//! A process may be stopped, frozen or starved for any time, and then find that a deadline has
//! passed although the echo arrived long before. That is not the server's fault. So a turn that
//! took much longer than its poll timeout, and not because of its work, extends every wait. And a
//! connection is read and written once more before it is given up, because one poll need not report
//! every ready socket.

use std::io;
use std::time::Duration;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::num;
use crate::os::errno;
use crate::sys::{Dial, DialEvent};

use super::{Engine, mark};
use crate::load::engine::connection::{LoadStep, Wait};
use crate::load::engine::dial_queue::RETRY_DELAY;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::pace::Pace;
use crate::load::engine::start_barrier::QUIET_LIMIT;

/// Timeout scans per timeout period: a connection overstays by at most 1/8 of it.
const CHECKS_PER_TIMEOUT: u32 = 8;

/// A delay longer than 1/8 of the shortest wait counts as a pause of this process.
const PAUSE_SHARE_OF_TIMEOUT: u32 = 8;

/// Hints for a final read and write, which the poll may not have reported yet.
const READ_AND_WRITE: Ready = Ready::READABLE.union(Ready::WRITABLE);

impl<D: Dial> Engine<D> {
    pub(super) fn poll_and_mark(&mut self) -> io::Result<()> {
        let (before, until) = (self.now, self.poll_until());
        let (slots, run_queue) = (&mut self.slots, &mut self.run_queue);
        let mut interrupted = false;
        let polled = self.dial.poll(until, |told| match told {
            DialEvent::Stream(key, ready) => mark(slots, run_queue, key, ready),
            DialEvent::Interrupt => interrupted = true,
        });
        self.now = self.dial.now();
        if self.now.ns_since(before.max(until)) > self.pause_min_ns {
            self.detect_pause(before, until);
        }
        if interrupted {
            self.interrupt();
        }
        match polled {
            Err(error) if !errno::is_interrupted(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the shortest delay that counts as a pause of this process, in nanoseconds.
    pub(super) fn pause_min_ns(timeout: Duration) -> u64 {
        let pause = timeout.min(QUIET_LIMIT) / PAUSE_SHARE_OF_TIMEOUT;
        num::nanos(pause)
    }

    /// Returns when the poll has to return, if no event comes.
    fn poll_until(&self) -> MonotonicNs {
        if !self.run_queue.is_empty() {
            return MonotonicNs(0);
        }
        let line = self.pace.as_ref().map_or(MonotonicNs::NEVER, Pace::next);
        let next = line.min(self.dial_queue.wake()).min(self.clock.wake()).min(self.next_check);
        next.min(self.barrier.wake())
    }

    /// Handles a turn that took much longer than its poll timeout: the excess that was no CPU time
    /// is a pause, and extends every wait.
    #[cold]
    fn detect_pause(&mut self, before: MonotonicNs, until: MonotonicNs) {
        let worked = self.dial.cpu_time().saturating_sub(self.cpu_time);
        let pause = self.now.since(before.max(until)).saturating_sub(worked);
        if pause.as_nanos() > self.pause_min_ns.into() {
            self.excuse(pause, self.now.since(before).saturating_sub(worked));
        }
    }

    /// Records a pause, and extends every wait by `turn`, the length of the turn without its CPU
    /// time.
    fn excuse(&mut self, pause: Duration, turn: Duration) {
        self.shared.results.paused += pause;
        self.clock.excuse(turn);
        self.barrier.excuse(turn);
        self.progressed = self.progressed.after(turn).min(self.now);
        for exchange in self.slots.iter_mut().filter_map(|slot| slot.connection.as_mut()) {
            exchange.excuse(turn, self.now);
        }
    }

    /// Closes connections that have exceeded the timeout, after a final read of each, and ends the
    /// run if it makes no progress.
    #[cold]
    pub(super) fn expire(&mut self) {
        self.next_check = self.now.after(self.timeout / CHECKS_PER_TIMEOUT);
        self.cpu_time = self.dial.cpu_time();
        for key in 0..self.slots.len() {
            let exchange = self.slots.get_mut(key).and_then(|slot| slot.connection.as_mut());
            match exchange.map_or(Wait::Continues, |one| one.wait(self.timeout, self.now)) {
                Wait::Continues => {}
                Wait::FinalRead => {
                    // The next turn serves it, and then checks it here again.
                    mark(&mut self.slots, &mut self.run_queue, key, READ_AND_WRITE);
                    self.next_check = self.now;
                }
                Wait::IsOver => {
                    let timed_out = RunError::new(ErrorPhase::Timeout, FailureKind::TimedOut);
                    self.close(key, LoadStep::Failed(timed_out));
                    self.mark_answered(key);
                }
            }
        }
        self.end_without_progress();
    }

    /// Ends a run without progress.
    fn end_without_progress(&mut self) {
        let results = &self.shared.results;
        let progress = (results.lines_over(), results.established);
        let mut exchanges = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let connected = exchanges.any(|exchange| !exchange.is_connecting());
        // A load that only waits for its next line makes no progress, and is not stuck.
        let waits = (connected || self.shared.plan.on_demand) && !self.budget.all_issued();
        if waits || progress != self.progress {
            self.progress = progress;
            self.progressed = self.now;
            return;
        }
        // Failed connections are redialled meanwhile, and then have the full timeout.
        let patience = self.timeout.saturating_add(RETRY_DELAY);
        if self.now.since(self.progressed) > patience && !self.clock.is_ending() {
            self.notes.push("there was no progress any more: the run ends here".to_owned());
            self.end();
        }
    }

    /// Cuts open connections at the deadline, after a final read of each.
    #[cold]
    pub(super) fn end_at_deadline(&mut self) {
        if std::mem::replace(&mut self.final_read, true) {
            self.is_cut = true;
            return;
        }
        for key in 0..self.slots.len() {
            mark(&mut self.slots, &mut self.run_queue, key, READ_AND_WRITE);
        }
    }
}
