//! How the generator waits: until when, and what it makes of a pause of its own.
//!
//! A process may be stopped, frozen or starved for any time, and then finds that a deadline has
//! passed while what it waits for has long been there. The server is not to blame for that. So a
//! turn that took much longer than it was to take, and not because of its work, lengthens every
//! wait; and before a connection is given up, it is read from and written to once more, because one
//! poll need not tell all that is ready.

use std::io;
use std::time::Duration;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::connection::Ready;
use crate::os::errno;
use crate::sys::{Dial, DialEvent};

use super::{Engine, mark};
use crate::load::engine::connection::{LoadStep, Wait};
use crate::load::engine::dial_queue::RETRY_DELAY;
use crate::load::engine::error::{ErrorPhase, RunError};
use crate::load::engine::pace::Pace;
use crate::load::engine::start_barrier::QUIET_LIMIT;

/// How often all connections are looked at for one that has been waited for too long, in parts of
/// the timeout: it is exceeded by no more than one of them.
const CHECKS_PER_TIMEOUT: u32 = 8;

/// From which part of the shortest wait on a delay of our own counts as a pause.
const PAUSE_SHARE_OF_TIMEOUT: u32 = 8;

/// Where to look for what no event may have told yet.
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

    /// The shortest delay that counts as a pause of our own, in nanoseconds.
    pub(super) fn pause_min_ns(timeout: Duration) -> u64 {
        let pause = timeout.min(QUIET_LIMIT) / PAUSE_SHARE_OF_TIMEOUT;
        u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Until when to wait for an event.
    fn poll_until(&self) -> MonotonicNs {
        if !self.run_queue.is_empty() {
            return MonotonicNs(0);
        }
        let line = self.pace.as_ref().map_or(MonotonicNs::NEVER, Pace::next);
        let next = line.min(self.dial_queue.wake()).min(self.clock.wake()).min(self.next_check);
        next.min(self.barrier.wake())
    }

    /// This turn took much longer than the poll was to wait. What of that was no work of ours is a
    /// pause, and as much longer is everything waited for that we wait for.
    #[cold]
    fn detect_pause(&mut self, before: MonotonicNs, until: MonotonicNs) {
        let worked = self.dial.cpu_time().saturating_sub(self.cpu_time);
        let pause = self.now.since(before.max(until)).saturating_sub(worked);
        if pause.as_nanos() > self.pause_min_ns.into() {
            self.excuse(pause, self.now.since(before).saturating_sub(worked));
        }
    }

    /// This process stood still for that long, in a turn that took so long but for its work.
    fn excuse(&mut self, pause: Duration, turn: Duration) {
        self.shared.results.paused += pause;
        self.clock.excuse(turn);
        self.barrier.excuse(turn);
        self.progressed = self.progressed.after(turn).min(self.now);
        for exchange in self.slots.iter_mut().filter_map(|slot| slot.connection.as_mut()) {
            exchange.excuse(turn, self.now);
        }
    }

    /// Ends connections that have been waited for too long, after a last look at each; and
    /// everything if nothing comes of it.
    #[cold]
    pub(super) fn expire(&mut self) {
        self.next_check = self.now.after(self.timeout / CHECKS_PER_TIMEOUT);
        self.cpu_time = self.dial.cpu_time();
        for key in 0..self.slots.len() {
            let exchange = self.slots.get_mut(key).and_then(|slot| slot.connection.as_mut());
            match exchange.map_or(Wait::Continues, |one| one.wait(self.timeout, self.now)) {
                Wait::Continues => {}
                Wait::FinalRead => {
                    // In the next turn it is served; after that it is judged again, here.
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

    /// Ends a run in which nothing happens any more.
    fn end_without_progress(&mut self) {
        let results = &self.shared.results;
        let progress = (results.lines_over(), results.established);
        let mut exchanges = self.slots.iter().filter_map(|slot| slot.connection.as_ref());
        let connected = exchanges.any(|exchange| !exchange.is_connecting());
        // A load that has only to wait for its lines' time makes no progress, and is not stuck.
        let waits = (connected || self.shared.plan.on_demand) && !self.budget.all_issued();
        if waits || progress != self.progress {
            self.progress = progress;
            self.progressed = self.now;
            return;
        }
        // Those that have failed are tried again meanwhile, and have their time then.
        let patience = self.timeout.saturating_add(RETRY_DELAY);
        if self.now.since(self.progressed) > patience && !self.clock.is_ending() {
            self.notes.push("there was no progress any more: the run ends here".to_owned());
            self.end();
        }
    }

    /// Cuts what has not ended when all time is over, after a last look at it.
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
