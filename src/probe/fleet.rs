//! Many connections with one errand each: connect, be silent, ask for echoes. The probes `idle`,
//! `ports` and `who` are such errands.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use slab::Slab;

use crate::client::FailureKind;
use crate::clock::MonotonicNs;
use crate::net::endpoint::Endpoint;
use crate::os::errno;
use crate::sys::{Dial, DialEvent, DialedStream};

use super::config::Dialing;
use super::errand::{Errand, Outcome};
use super::pause;
use super::trip::{Probe, READ_AND_WRITE, Trip, TripError, TripEvent};

/// A connection on its errand.
struct Task<S> {
    trip: Trip<S>,
    errand: Errand,
    outcome: Outcome,
    /// When the silence ends; none while an answer is waited for.
    send_at: Option<MonotonicNs>,
    /// When the silence began.
    quiet_since: MonotonicNs,
    /// The deadline of the connect, the greeting or the echo; none in a silence.
    deadline: Option<MonotonicNs>,
    echoes: u32,
}

/// The connections that are on their errands.
pub(super) struct Fleet<D: Dial> {
    dial: D,
    server: Endpoint,
    timeout: Duration,
    tasks: Slab<Task<D::Stream>>,
    timers: BinaryHeap<Reverse<(MonotonicNs, usize)>>,
    done: Vec<Outcome>,
    now: MonotonicNs,
    /// How to connect; the source, if an errand names none.
    dialing: Dialing,
    /// SIGINT or SIGTERM has come.
    pub interrupted: bool,
}

impl<D: Dial> Fleet<D> {
    /// All connections are to `server`; every step but a silence has to end within `timeout`.
    pub(super) fn new(dial: D, server: Endpoint, timeout: Duration) -> Self {
        let now = dial.now();
        Self {
            dial,
            server,
            timeout,
            tasks: Slab::new(),
            timers: BinaryHeap::new(),
            done: Vec::new(),
            now,
            dialing: Dialing::default(),
            interrupted: false,
        }
    }

    /// Connects in this way; connections that name no source take its sources in turn.
    pub(super) fn dialing(mut self, dialing: &Dialing) -> Self {
        self.dialing = dialing.clone();
        self
    }

    /// Sends out the errands, at most `at_once` at a time, and returns their outcomes, in their
    /// order; fewer after an interruption. `done` hears of each at once, and may end the run.
    pub(super) fn run(
        &mut self,
        errands: &[Errand],
        at_once: usize,
        mut done: impl FnMut(&Outcome) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<Vec<Outcome>> {
        let mut all = Vec::with_capacity(errands.len());
        let mut waiting = errands.iter().copied().enumerate();
        let mut enough = false;
        while (waiting.len() > 0 || !self.tasks.is_empty() || !self.done.is_empty())
            && !self.interrupted
            && !enough
        {
            while self.tasks.len() < at_once
                && let Some((number, errand)) = waiting.next()
            {
                self.start(number, errand);
            }
            if self.done.is_empty() {
                self.turn()?;
            }
            for outcome in self.done.drain(..) {
                enough |= done(&outcome)?.is_break();
                all.push(outcome);
            }
        }
        self.tasks.drain().for_each(|task| task.trip.reset());
        self.timers.clear();
        all.sort_unstable_by_key(|outcome| outcome.number);
        Ok(all)
    }

    fn start(&mut self, number: usize, errand: Errand) {
        let mut outcome = Outcome { number, ..Outcome::default() };
        let key = self.tasks.vacant_key();
        self.now = self.dial.now();
        let source =
            errand.source.or_else(|| self.dialing.socket.source_in_turn(number, &self.server));
        match self.dial.dial(key, &self.server, source) {
            Ok(stream) => {
                outcome.local = stream.local();
                let trip = Trip::new(number, stream, self.now).send_proxy(self.dialing.send_proxy);
                let trip = if errand.greeting { trip.await_banner() } else { trip };
                let deadline = Some(self.now.after(self.timeout));
                let echoes = errand.echoes;
                let quiet_since = self.now;
                let send_at = None;
                self.tasks.insert(Task {
                    trip,
                    errand,
                    outcome,
                    send_at,
                    quiet_since,
                    deadline,
                    echoes,
                });
                self.schedule(key);
            }
            Err(error) => {
                let failure = Some((TripError::of(&error), Duration::ZERO));
                let port_in_use = errno::is_address_in_use(&error);
                self.done.push(Outcome { port_in_use, failure, ..outcome });
            }
        }
    }

    /// Waits, serves the connections that are ready, and those that are due.
    fn turn(&mut self) -> io::Result<()> {
        let until = self.timers.peek().map_or(MonotonicNs::NEVER, |Reverse((at, _))| *at);
        let (before, mut marked) = (self.now, Vec::new());
        let (tasks, interrupted) = (&mut self.tasks, &mut self.interrupted);
        let polled = self.dial.poll(until, |event| match event {
            DialEvent::Stream(key, ready) => {
                if let Some(task) = tasks.get_mut(key) {
                    task.trip.mark(ready);
                    marked.push(key);
                }
            }
            DialEvent::Interrupt => *interrupted = true,
        });
        match polled {
            Err(error) if !errno::is_interrupted(&error) => return Err(error),
            _ => {}
        }
        self.now = self.dial.now();
        if let Some(pause) = pause(before, until, self.now, self.timeout) {
            self.excuse(pause);
        }
        for key in marked {
            self.serve(key);
        }
        while let Some(Reverse((at, key))) = self.timers.peek().copied() {
            if at > self.now {
                break;
            }
            self.timers.pop();
            self.attend(key);
        }
        Ok(())
    }

    /// Puts off the deadlines: this process was stopped. A silence that was longer than planned
    /// stays as long as it was.
    fn excuse(&mut self, pause: Duration) {
        for (key, task) in &mut self.tasks {
            task.deadline = task.deadline.map(|at| at.after(pause));
            task.trip.excuse(pause);
            if let Some(at) = task.deadline {
                self.timers.push(Reverse((at, key)));
            }
        }
    }

    /// Serves a connection at the end of its silence or its time.
    fn attend(&mut self, key: usize) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        if task.send_at.is_some_and(|at| at <= self.now) {
            task.send_at = None;
            task.outcome.silent = self.now.since(task.quiet_since);
            task.deadline = Some(self.now.after(self.timeout));
            let number = u64::from(task.errand.echoes - task.echoes) + 1;
            task.trip.send(Probe { number, sent: self.now });
            self.schedule(key);
            self.serve(key);
        } else if task.deadline.is_some_and(|at| at <= self.now) {
            // A last look: the answer may have come in time.
            task.trip.mark(READ_AND_WRITE);
            self.serve(key);
            let Some(task) = self.tasks.get(key) else { return };
            if task.deadline.is_some_and(|at| at <= self.now) {
                let details = "no answer in time".to_owned();
                self.fail(key, TripError { kind: FailureKind::TimedOut, details });
            }
        }
    }

    fn serve(&mut self, key: usize) {
        let mut events = Vec::new();
        let Some(task) = self.tasks.get_mut(key) else { return };
        let served = task.trip.serve(self.now, &mut events);
        for event in events {
            self.happened(key, event);
        }
        if let Err(error) = served {
            self.fail(key, error);
        }
    }

    fn happened(&mut self, key: usize, event: TripEvent) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        match event {
            TripEvent::Connected => {
                task.outcome.connect = Some(self.now.since(task.trip.dialled));
                if !task.errand.greeting {
                    self.next_echo(key);
                }
            }
            TripEvent::Banner(text) => {
                task.outcome.banner = Some(text);
                self.next_echo(key);
            }
            TripEvent::Answered(probe) | TripEvent::Late(probe) => {
                let took = self.now.since(probe.sent);
                let outcome = &mut task.outcome;
                outcome.echo = outcome.echo.max(Some(took));
                outcome.echo_min = Some(outcome.echo_min.map_or(took, |least| least.min(took)));
                task.echoes = task.echoes.saturating_sub(1);
                self.next_echo(key);
            }
        }
    }

    /// Begins the silence before the next echo, or ends the errand.
    fn next_echo(&mut self, key: usize) {
        let Some(task) = self.tasks.get_mut(key) else { return };
        if task.echoes > 0 {
            task.deadline = None;
            task.quiet_since = self.now;
            task.send_at = Some(self.now.after(task.errand.silence));
            self.schedule(key);
        } else {
            let Task { trip, errand, outcome, .. } = self.tasks.remove(key);
            if errand.reset {
                trip.reset();
            }
            self.done.push(outcome);
        }
    }

    fn fail(&mut self, key: usize, error: TripError) {
        let Some(Task { trip, mut outcome, quiet_since, .. }) = self.tasks.try_remove(key) else {
            return;
        };
        trip.reset();
        let after = trip.connected.map_or(Duration::ZERO, |_| self.now.since(quiet_since));
        outcome.failure = Some((error, after));
        self.done.push(outcome);
    }

    fn schedule(&mut self, key: usize) {
        let Some(task) = self.tasks.get(key) else { return };
        if let Some(at) = task.send_at.or(task.deadline) {
            self.timers.push(Reverse((at, key)));
        }
    }
}
