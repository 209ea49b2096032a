//! The reactor: one loop that multiplexes the listeners and every peer.
//!
//! [`Reactor::turn`] is one pass of the loop. Its steps, in this order:
//!
//! 1. **poll**: waits for events until the next deadline; with work left it does not wait.
//! 2. **mark**: stores an event as a hint and queues its connection. No I/O.
//! 3. **serve**: serves each queued connection once, within a budget.
//! 4. **expire**: handles the deadlines that have passed.
//! 5. **reap**: removes, closes, counts and logs closed connections, and admits the clients that a
//!    PROXY header has named.
//! 6. **accept**: after these, and within a budget: a key is reused only when no event of this
//!    turn can name its former owner. So a stale key is impossible, not detected.
//! 7. **admin**: serves metrics and health checks, after all peers.
//!
//! Every source is registered once, edge-triggered. A step that stops before would-block (at a
//! budget, for back-pressure, at the connection limit, in a pause) must store that here, or the
//! peer waits for ever.

mod accept;
mod admin;
mod admission;
mod banner;
mod bulk_queue;
mod deadlines;
mod drain;
mod exec;
mod expire;
mod fault_injection;
mod histogram;
mod names;
mod options;
mod os;
mod per_peer;
mod proxy_header;
mod reap;
mod slots;
mod stats;
mod stops;
mod summary;
mod survey;
mod tcp_samples;
#[cfg(test)]
mod tests;
mod timer_wheel;
mod wakeups;
mod warnings;

use std::io;
use std::time::Duration;

use crate::clock::MonotonicMs;
use crate::connection::Shared;
use crate::os::errno;

use self::admin::Admin;
use self::admission::{Admission, EVICTS_PER_TURN};
use self::deadlines::Deadlines;
use self::exec::Children;
use self::expire::EXPIRIES_PER_TURN;
use self::names::Names;
use self::per_peer::PerPeer;
use self::slots::Slots;
use self::summary::Summary;
use self::tcp_samples::Sampler;
use self::warnings::Warnings;

pub use self::admin::{ADMIN_KEY_BASE, AdminHandler};
pub use self::admission::{LISTENER_STATES, OverLimit};
pub use self::banner::Banner;
pub use self::fault_injection::{
    FaultCounts, FaultInjector, FaultKind, FaultSampler, FaultSpec, FaultyStream,
};
pub use self::histogram::Histogram;
pub use self::options::{Capacity, ListenerOptions, Options};
pub use self::os::{Event, ExitStatus, Os, Signal, StopSignal};
pub use self::per_peer::PeerLimit;
pub use self::stats::{Counters, ListenerFigures, REJECTIONS};
pub use self::survey::Survey;
pub use self::tcp_samples::TcpSamples;
pub use self::wakeups::Wakeups;

/// A turn that takes longer than this is counted as slow.
pub const SLOW_ITERATION: Duration = Duration::from_millis(50);

/// A turn that serves no more connections than this is not timed: at 64 KiB in and out each, they
/// take some two milliseconds.
const UNTIMED_TURN_MAX: usize = 32;

/// The longest poll: `epoll_wait(2)` counts milliseconds in an `int`, which holds 24 days.
const POLL_TIMEOUT_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// The most connections for which memory is reserved at the start: 90 MB of address space. A
/// container's limit of a thousand million descriptors would ask for 90 GB, and not get them.
const PREALLOCATED_MAX: usize = 1 << 20;

/// The event loop and its state.
#[derive(Debug)]
pub struct Reactor<O: Os> {
    os: O,
    options: Options,
    capacity: Capacity,
    slots: Slots<O::Stream>,
    children: Children,
    admission: Admission,
    per_peer: PerPeer,
    deadlines: Deadlines,
    shared: Shared,
    admin: Admin<O::Stream>,
    admin_handler: Option<AdminHandler<O>>,
    /// No listener is ready, no admin client is connected: the hot path skips both in one test.
    listeners_idle: bool,
    /// It ends with the only connection, that of [`Self::serve_one`].
    serves_one: bool,
    counters: Counters,
    /// The time of the last connection.
    last_accept: Option<MonotonicMs>,
    /// In a drain: the time of the turn in which it began; the end of handshakes, of the grace, of
    /// reading, and of everything.
    drain_turn: MonotonicMs,
    handshakes_until: MonotonicMs,
    grace_until: MonotonicMs,
    read_until: MonotonicMs,
    drain_until: MonotonicMs,
    /// The connections to evict next in this turn, the longest-idle last.
    victims: Vec<usize>,
    warnings: Warnings,
    summary: Summary,
    sampler: Sampler,
    names: Names,
}

impl<O: Os> Reactor<O> {
    /// Creates a reactor on that operating system, or on a simulated one.
    pub fn new(os: O, capacity: Capacity, mut options: Options) -> Self {
        options.complete(capacity.listeners);
        let mut shared = Shared::with_services(options.services(), options.line_bytes_max);
        shared.execs = options.exec;
        let v6_prefix = options.per_peer_max.map_or(PeerLimit::V6_PREFIX, |max| max.v6_prefix);
        let room = (capacity.connections_max + EVICTS_PER_TURN).min(PREALLOCATED_MAX);
        let mut deadlines = Deadlines::with_capacity(room);
        if let Some(shortest) = stops::shortest_timeout(&options) {
            deadlines.check_for_stops_within(shortest);
        }
        Self {
            os,
            slots: Slots::with_capacity(room),
            children: Children::default(),
            admission: Admission::new(capacity, options.over_limit),
            per_peer: PerPeer::new(options.per_peer_max),
            deadlines,
            shared,
            admin: Admin::default(),
            admin_handler: None,
            listeners_idle: false,
            serves_one: false,
            counters: Counters::default(),
            last_accept: None,
            drain_turn: MonotonicMs::NEVER,
            handshakes_until: MonotonicMs::default(),
            grace_until: MonotonicMs::NEVER,
            read_until: MonotonicMs::NEVER,
            drain_until: MonotonicMs::NEVER,
            victims: Vec::new(),
            warnings: Warnings::default(),
            summary: Summary::new(v6_prefix),
            sampler: Sampler::new(options.listeners.len()),
            names: Names::default(),
            capacity,
            options,
        }
    }

    /// Makes one pass of the loop, and returns the events that its owner handles.
    ///
    /// # Errors
    ///
    /// Those of our own: the poll or a listener is broken.
    pub fn turn(&mut self) -> io::Result<Wakeups> {
        let mut wakeups = self.poll_and_mark()?;
        let mut served = self.serve();
        if self.deadlines.next() <= self.shared.now {
            wakeups.insert(self.expire());
            // A final read takes as long as a turn of a connection.
            served += EXPIRIES_PER_TURN;
        }
        if self.slots.has_work() {
            self.reap();
            self.slots.end_turn();
        }
        if !self.listeners_idle {
            self.accept_and_serve_admin(wakeups)?;
            // Starting a child, or a scrape, may take long.
            served += UNTIMED_TURN_MAX + 1;
        }
        self.counters.iterations += 1;
        if served > UNTIMED_TURN_MAX {
            self.record_duration();
        }
        Ok(wakeups)
    }

    /// Accepts connections and serves admin connections, and notes whether both are idle.
    #[cold]
    fn accept_and_serve_admin(&mut self, wakeups: Wakeups) -> io::Result<()> {
        if !self.admission.nothing_ready() {
            self.children.signal_pending = wakeups.contains(Wakeups::SIGNALS);
            self.accept()?;
        }
        if !self.admin.is_idle() {
            self.serve_admin();
        }
        self.listeners_idle = self.admission.nothing_ready() && self.admin.is_idle();
        Ok(())
    }

    /// Counts the duration of this turn. Turns that serve few connections are not timed, so lines
    /// pay nothing for it.
    #[cold]
    fn record_duration(&mut self) {
        self.counters.turn_lasted(self.os.now().since(self.shared.now));
    }

    /// Makes a turn return [`Wakeups::WATCHDOG`] at that interval, from now on: the sign that the
    /// loop is running.
    pub fn watchdog_every(&mut self, interval: Duration) {
        self.deadlines.watchdog_every(interval, self.os.now());
    }

    /// Returns the signals since the last call.
    pub fn signals(&mut self) -> Vec<Signal> {
        self.os.signals()
    }

    fn poll_and_mark(&mut self) -> io::Result<Wakeups> {
        let mut wakeups = Wakeups::NONE;
        let timeout = self.poll_timeout();
        let polled = self.os.poll(timeout, |event| match event {
            Event::Stream(key, ready) => {
                if !self.slots.mark(key, ready) {
                    self.admin.mark(key, ready);
                }
            }
            Event::Listener(listener) => {
                self.admission.mark_ready(listener);
                self.listeners_idle = false;
            }
            Event::ChildStderr => {}
            Event::Admin => {
                self.admin.mark_ready();
                self.listeners_idle = false;
            }
            Event::Signal => wakeups.insert(Wakeups::SIGNALS),
        });
        self.shared.now = self.os.now();
        match polled {
            Err(error) => poll_failed(&error),
            Ok(()) => Ok(wakeups),
        }
    }

    /// The time for which to wait for an event.
    fn poll_timeout(&self) -> Option<Duration> {
        let now = self.shared.now;
        let mut next = self.deadlines.next();
        if self.slots.has_work() {
            return Some(Duration::ZERO);
        }
        if !self.listeners_idle {
            if self.admission.may_accept_now(self.open_count(), now) {
                return Some(Duration::ZERO);
            }
            next = next.min(self.admission.deadline(now)).min(self.admin.deadline(now));
        }
        (next != MonotonicMs::NEVER)
            .then(|| Duration::from_millis(next.0.saturating_sub(now.0).min(POLL_TIMEOUT_MAX_MS)))
    }

    /// Returns the number of budgets used.
    fn serve(&mut self) -> usize {
        self.slots.serve(|key, connection| {
            let served = connection.serve(&mut self.shared);
            if connection.deadline_moved_up()
                && let Some((at, _)) = connection.deadline(&self.options.timeouts)
            {
                self.deadlines.schedule(key, at, self.shared.now);
            }
            served
        })
    }
}

/// Maps a failed poll. EINTR counts as a signal event: the handler also writes to a pipe, but that
/// write can fail.
#[cold]
fn poll_failed(error: &io::Error) -> io::Result<Wakeups> {
    if errno::is_interrupted(error) {
        return Ok(Wakeups::SIGNALS);
    }
    Err(io::Error::new(error.kind(), format!("the poll is broken: {error}")))
}
