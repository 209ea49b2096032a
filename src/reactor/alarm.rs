//! An exact timer for [`super::Dialer`]: a poll's own timeout counts in milliseconds, in which a
//! thousand lines may be due.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::clock::Nanos;

/// What time it is, to the nanosecond.
#[inline]
pub(super) fn now() -> Nanos {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative: this clock counts from the machine's start.
    Nanos(tv_sec.cast_unsigned() * 1_000_000_000 + tv_nsec.cast_unsigned())
}

/// How long it takes to be woken: what is due sooner is not slept for, but polled for.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WAKE: Duration = Duration::from_micros(50);

/// A timer that ends a poll by an event (`timerfd_create(2)`).
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) struct Alarm {
    timer: std::os::fd::OwnedFd,
    set: Nanos,
}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Alarm {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;

        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let mut source = mio::unix::SourceFd(&timer.as_raw_fd());
        registry.register(&mut source, token, mio::Interest::READABLE)?;
        Ok(Self { timer, set: Nanos::NEVER })
    }

    /// Has polls end [`WAKE`] before `until`, and from then on not wait at all; returns the timeout
    /// with which to poll. The timer is set again only for another moment. It is never read: to
    /// set it makes the next end a new edge.
    pub(super) fn set(&mut self, until: Nanos) -> io::Result<Option<Duration>> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, timerfd_settime};

        let wake = if until == Nanos::NEVER { until } else { until.before(WAKE) };
        if wake <= now() {
            return Ok(Some(Duration::ZERO));
        }
        if wake != self.set {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            // All zeroes would mean: never again.
            let it_value = if wake == Nanos::NEVER { zero } else { timespec(wake) };
            let once = Itimerspec { it_interval: zero, it_value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
            self.set = wake;
        }
        Ok(None)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn timespec(at: Nanos) -> Timespec {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Timespec { tv_sec: number(at.0 / 1_000_000_000), tv_nsec: number(at.0 % 1_000_000_000) }
}

/// Elsewhere the poll's own timeout has to do, which is exact to a millisecond.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) struct Alarm;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Alarm {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail where there is a timer")]
    pub(super) fn new(_registry: &Registry, _token: Token) -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as above")]
    pub(super) fn set(&mut self, until: Nanos) -> io::Result<Option<Duration>> {
        Ok((until != Nanos::NEVER).then(|| until.since(now())))
    }
}
