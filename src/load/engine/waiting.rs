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

use super::Engine;
use crate::load::engine::connection::{LoadStep, Wait};
use crate::load::engine::dial_queue::RETRY_DELAY;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::shutdown::Cut;
use crate::load::engine::start_barrier::QUIET_LIMIT;

/// Timeout scans per timeout period: a connection overstays by at most 1/8 of it.
const CHECKS_PER_TIMEOUT: u32 = 8;

/// A delay longer than 1/8 of the shortest wait counts as a pause of this process.
const PAUSE_SHARE_OF_TIMEOUT: u32 = 8;

/// Hints for a final read and write, which the poll may not have reported yet.
const READ_AND_WRITE: Ready = Ready::READABLE.union(Ready::WRITABLE);

/// When to check the timeouts, and the state at the last check.
#[derive(Debug)]
pub(super) struct TimeoutCheck {
    /// How long a connect, an echo or a close may take.
    pub timeout: Duration,
    /// When to check next.
    next: MonotonicNs,
    /// The shortest delay of a poll that counts as a pause of this process, in nanoseconds.
    pause_min_ns: u64,
    /// CPU time used until the last check.
    cpu_time: Duration,
    /// Lines finished and connections established at the last check, and when either last changed.
    progress: (u64, u64),
    progressed: MonotonicNs,
}

impl TimeoutCheck {
    pub(super) fn new(timeout: Duration, start: MonotonicNs) -> Self {
        Self {
            timeout,
            next: start,
            pause_min_ns: num::nanos(timeout.min(QUIET_LIMIT) / PAUSE_SHARE_OF_TIMEOUT),
            cpu_time: Duration::ZERO,
            progress: (0, 0),
            progressed: start,
        }
    }
}

impl<D: Dial> Engine<D> {
    pub(super) fn poll_and_mark(&mut self) -> io::Result<()> {
        let (before, until) = (self.now, self.poll_until());
        let mut interrupted = false;
        let polled = self.net.dial.poll(until, |event| match event {
            DialEvent::Stream(key, ready) => self.slots.mark(key, ready),
            DialEvent::Interrupt => interrupted = true,
        });
        self.now = self.net.dial.now();
        if self.now.ns_since(before.max(until)) > self.timeouts.pause_min_ns {
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

    /// Returns when the poll has to return, if no event comes.
    fn poll_until(&self) -> MonotonicNs {
        if self.slots.has_work() {
            return MonotonicNs(0);
        }
        let lines = self.schedule.wake().min(self.dial_queue.wake());
        lines.min(self.clock.wake()).min(self.timeouts.next)
    }

    /// Handles a turn that took much longer than its poll timeout: the excess that was no CPU time
    /// is a pause, and extends every wait.
    #[cold]
    fn detect_pause(&mut self, before: MonotonicNs, until: MonotonicNs) {
        let worked = self.net.dial.cpu_time().saturating_sub(self.timeouts.cpu_time);
        let pause = self.now.since(before.max(until)).saturating_sub(worked);
        if pause.as_nanos() > self.timeouts.pause_min_ns.into() {
            self.excuse(pause, self.now.since(before).saturating_sub(worked));
        }
    }

    /// Records a pause, and extends every wait by `turn`, the length of the turn without its CPU
    /// time.
    fn excuse(&mut self, pause: Duration, turn: Duration) {
        self.shared.results.paused += pause;
        self.clock.excuse(turn);
        self.schedule.barrier.excuse(turn);
        self.timeouts.progressed = self.timeouts.progressed.after(turn).min(self.now);
        for connection in self.slots.connections_mut() {
            connection.excuse(turn, self.now);
        }
    }

    /// Closes connections that have exceeded the timeout, and ends a run that makes none.
    pub(super) fn expire(&mut self) {
        if self.now >= self.timeouts.next {
            self.check_timeouts();
        }
        if self.slots.open() == 0 && self.shared.results.established == 0 {
            self.end_if_none_connects();
        }
    }

    /// Closes connections that have exceeded the timeout, after a final read of each, and ends the
    /// run if it makes no progress.
    #[cold]
    fn check_timeouts(&mut self) {
        let timeout = self.timeouts.timeout;
        self.timeouts.next = self.now.after(timeout / CHECKS_PER_TIMEOUT);
        self.timeouts.cpu_time = self.net.dial.cpu_time();
        for key in 0..self.slots.len() {
            let Some(connection) = self.slots.connection_mut(key) else { continue };
            match connection.wait(timeout, self.now) {
                Wait::Continues => {}
                Wait::FinalRead => {
                    // The next turn serves it, and then checks it here again.
                    self.slots.mark(key, READ_AND_WRITE);
                    self.timeouts.next = self.now;
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
        let connected = self.slots.connections().any(|connection| !connection.is_connecting());
        // A load that only waits for its next line makes no progress, and is not stuck.
        let waits = (connected || self.shared.plan.on_demand) && !self.schedule.budget.all_issued();
        if waits || progress != self.timeouts.progress {
            self.timeouts.progress = progress;
            self.timeouts.progressed = self.now;
            return;
        }
        // Failed connections are redialled meanwhile, and then have the full timeout.
        let patience = self.timeouts.timeout.saturating_add(RETRY_DELAY);
        if self.now.since(self.timeouts.progressed) > patience && !self.clock.is_ending() {
            self.notes.push("there was no progress any more: the run ends here".to_owned());
            self.end();
        }
    }

    /// Cuts open connections at the deadline, after a final read of each.
    #[cold]
    pub(super) fn end_at_deadline(&mut self) {
        self.cut = match self.cut {
            Cut::No => {
                self.slots.mark_all(READ_AND_WRITE);
                Cut::FinalRead
            }
            Cut::FinalRead | Cut::Done => Cut::Done,
        };
    }
}
