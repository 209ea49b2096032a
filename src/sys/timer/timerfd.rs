//! A timer with a resolution of some microseconds: `timerfd_create(2)`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::clock::MonotonicNs;

use super::now;

/// The latency of a wakeup: for a deadline nearer than this, the loop polls without sleeping.
const WAKE: Duration = Duration::from_micros(50);

/// A timer that ends a poll by an event.
pub(in super::super) struct Timer {
    timer: OwnedFd,
    set: MonotonicNs,
}

impl Timer {
    pub(in super::super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = SourceFd(&timer.as_raw_fd());
        registry.register(&mut source, token, Interest::READABLE)?;
        Ok(Self { timer, set: MonotonicNs::NEVER })
    }

    /// Makes polls end [`WAKE`] before `until`, and from then on not wait at all; returns the
    /// timeout with which to poll. Sets the timer only if the time has changed. Nothing reads the
    /// timer: setting it makes its next expiry a new edge.
    pub(in super::super) fn set(&mut self, until: MonotonicNs) -> io::Result<Option<Duration>> {
        let wake = if until == MonotonicNs::NEVER { until } else { until.before(WAKE) };
        if wake <= now() {
            return Ok(Some(Duration::ZERO));
        }
        if wake != self.set {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            // All zeroes disarm the timer.
            let it_value = if wake == MonotonicNs::NEVER { zero } else { timespec(wake) };
            let once = Itimerspec { it_interval: zero, it_value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
            self.set = wake;
        }
        Ok(None)
    }
}

fn timespec(at: MonotonicNs) -> Timespec {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Timespec { tv_sec: number(at.0 / 1_000_000_000), tv_nsec: number(at.0 % 1_000_000_000) }
}
