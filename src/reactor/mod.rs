//! The reactor: one loop that multiplexes the listeners and every peer. The only home of mio and
//! slab.
//!
//! What [`Reactor::turn`] does, in this order, and why in this order:
//!
//! 1. **poll**: wait for events; not at all while there is work, else until the next deadline.
//! 2. **mark**: an event only leaves a hint and queues its connection. No I/O.
//! 3. **serve**: each connection that is queued, once, within a budget.
//! 4. **expire**: what the deadlines say.
//! 5. **reap**: the one place that removes, closes, counts and logs.
//! 6. **accept**: last, and budgeted, so that a freed slot is not given again while events of
//!    this turn may still name it: a stale token is impossible, not detected.
//!
//! Everything is registered once, edge-triggered. Whoever stops before would-block (a budget,
//! back-pressure, a full house, a pause) must be remembered here, or that peer waits for ever.

mod accept;
mod alarm;
mod children;
mod closing;
mod counters;
mod deadlines;
mod dial;
mod dialer;
mod gate;
mod kernel;
mod listener;
mod news;
mod per_peer;
mod program;
mod rules;
mod slots;
mod socket;
mod system;
#[cfg(test)]
mod tests;
mod warnings;

use std::io;
use std::time::Duration;

use crate::clock::Millis;
use crate::connection::{Kind, Lent, Phase, Tally};
use crate::fault;

use self::children::Children;
use self::closing::log_closed;
use self::deadlines::Deadlines;
use self::gate::{EVICTS_PER_TURN, Gate};
use self::per_peer::PerPeer;
use self::slots::Slots;
use self::warnings::Warnings;

pub use self::counters::Counters;
pub use self::dial::{Dial, Dialled, Told};
pub use self::dialer::Dialer;
pub use self::gate::OverLimit;
pub use self::kernel::{Ended, Event, Kernel, Signal, Urge};
pub use self::listener::Listener;
pub use self::news::News;
pub use self::program::Program;
pub use self::rules::Rules;
pub use self::socket::Socket;
pub use self::system::System;

/// How many deadlines are looked at in one turn, so that it stays short.
const EXPIRIES_PER_TURN: usize = 1024;

/// The longest wait, should a deadline be years away: what a poll counts in is an `int` of
/// milliseconds (`epoll_wait(2)`), which is over after 24 days.
const PATIENCE_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// The event loop and all that it holds.
#[derive(Debug)]
pub struct Reactor<K: Kernel> {
    kernel: K,
    rules: Rules,
    slots: Slots<K::Stream>,
    children: Children,
    gate: Gate,
    per_peer: PerPeer,
    deadlines: Deadlines,
    lent: Lent,
    counters: Counters,
    /// When draining ends, whatever peers do.
    drain_until: Millis,
    /// Whom to evict next in this turn, the longest idle last.
    victims: Vec<usize>,
    warnings: Warnings,
}

impl<K: Kernel> Reactor<K> {
    /// A reactor for a kernel with that many listeners.
    pub fn new(kernel: K, listeners: usize, rules: Rules) -> Self {
        Self {
            kernel,
            slots: Slots::new(rules.connections_max + EVICTS_PER_TURN),
            children: Children::default(),
            gate: Gate::new(listeners, rules.connections_max, rules.over_limit),
            per_peer: PerPeer::new(rules.per_peer_max),
            deadlines: Deadlines::default(),
            lent: Lent::new(rules.service, rules.line_bytes_max),
            counters: Counters::default(),
            drain_until: Millis::NEVER,
            victims: Vec::new(),
            warnings: Warnings::default(),
            rules,
        }
    }

    /// One pass of the loop. Returns what the owner has to act on.
    ///
    /// An error is our own: the poll or a listener does not work any more.
    pub fn turn(&mut self) -> io::Result<News> {
        let mut news = self.poll_and_mark()?;
        self.serve();
        if self.deadlines.next() <= self.lent.now {
            news.insert(self.expire());
        }
        if self.slots.any_ended() {
            self.reap();
        }
        if !self.gate.is_quiet() {
            self.children.signalled = news.contains(News::SIGNALS);
            self.accept()?;
        }
        Ok(news)
    }

    /// Has a turn tell [`News::BEAT`] each time that this has passed, from now on: so the owner
    /// knows that the loop goes round.
    pub fn beat_every(&mut self, interval: Duration) {
        self.deadlines.beat_every(interval, self.kernel.now());
    }

    /// The signals that have come since this was asked last.
    pub fn signals(&mut self) -> Vec<Signal> {
        self.kernel.signals()
    }

    fn poll_and_mark(&mut self) -> io::Result<News> {
        let mut news = News::NONE;
        let timeout = self.patience();
        let polled = self.kernel.poll(timeout, |event| match event {
            Event::Stream(key, ready) => self.slots.mark(key, ready),
            Event::Listener(listener) => self.gate.knock(listener),
            Event::Signal => news.insert(News::SIGNALS),
        });
        self.lent.now = self.kernel.now();
        match polled {
            Err(error) if !fault::interrupted(&error) => Err(error),
            _ => Ok(news),
        }
    }

    /// How long to wait for an event.
    fn patience(&self) -> Option<Duration> {
        let now = self.lent.now;
        let mut next = self.deadlines.next();
        if !self.gate.is_quiet() {
            if self.gate.eager(self.open(), now) {
                return Some(Duration::ZERO);
            }
            next = next.min(self.gate.deadline(now));
        }
        if self.slots.busy() {
            return Some(Duration::ZERO);
        }
        (next != Millis::NEVER)
            .then(|| Duration::from_millis(next.0.saturating_sub(now.0).min(PATIENCE_MAX_MS)))
    }

    fn serve(&mut self) {
        self.slots.serve(|key, connection| {
            let served = connection.serve(&mut self.lent);
            if connection.deadline_hastened()
                && let Some((at, _)) = connection.deadline(&self.rules.timeouts)
            {
                self.deadlines.no_later_than(at, key);
            }
            served
        });
    }

    #[cold]
    fn expire(&mut self) -> News {
        let now = self.lent.now;
        for _ in 0..EXPIRIES_PER_TURN {
            let Some(key) = self.deadlines.due(now) else { break };
            let Some(connection) = self.slots.alive(key) else { continue };
            match connection.deadline(&self.rules.timeouts) {
                Some((at, cause)) if at <= now => {
                    self.slots.close(key, cause);
                }
                Some((at, _)) => self.deadlines.no_later_than(at, key),
                None => {}
            }
        }
        if self.drain_until <= now {
            self.cut();
        } else if self.rules.exec && self.lent.input_until <= now {
            self.ask_children();
            self.deadlines.end_at(self.drain_until);
        }
        if self.deadlines.beats(now) { News::BEAT } else { News::NONE }
    }

    #[cold]
    fn reap(&mut self) {
        while let Some((key, connection)) = self.slots.reap() {
            self.deadlines.forget(key);
            self.gate.slot_freed();
            self.per_peer.leave(connection.peer());
            if let Phase::Closed(cause) = connection.phase() {
                self.counters.closed(cause, connection.tally());
                log_closed(&connection, self.lent.now);
            }
        }
        debug_assert_eq!(
            self.counters.accepted,
            self.counters.closed_total() + u64::try_from(self.open()).unwrap_or(u64::MAX),
            "accepted = open + the sum of all causes"
        );
    }

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
        self.gate.last_call();
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

    /// What has been counted so far, open connections left out.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many connections are in each phase of [`Kind::ALIVE`], and what went through them.
    pub fn census(&self) -> ([usize; Kind::ALIVE.len()], Tally) {
        let mut phases = [0; Kind::ALIVE.len()];
        let mut tally = Tally::default();
        for connection in self.slots.iter() {
            let kind = connection.phase().kind();
            let counts = Kind::ALIVE.iter().zip(&mut phases);
            counts.filter(|(alive, _)| **alive == kind).for_each(|(_, count)| *count += 1);
            tally.add(connection.tally());
        }
        (phases, tally)
    }

    /// The gate's state in one word.
    pub fn gate_word(&self) -> &'static str {
        self.gate.word(self.open(), self.lent.now)
    }

    /// How many connections there are, those that children have included.
    fn open(&self) -> usize {
        self.slots.len() + self.children.len()
    }

    fn close_listeners(&mut self) {
        self.kernel.close_listeners();
        self.gate.close();
    }
}
