//! A timer for [`super::Dialer`], which may have a thousand lines due in one millisecond, the unit
//! of a poll's own timeout.

/// The poll's own timeout; on Linux, a precise timer in its place.
#[cfg_attr(
    all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)),
    path = "timerfd.rs"
)]
mod poll;

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::clock::MonotonicNs;

pub(super) use self::poll::Timer;

/// Returns the time, to the nanosecond.
#[inline]
pub(super) fn now() -> MonotonicNs {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    // Neither is ever negative: this clock counts from the machine's start.
    MonotonicNs(tv_sec.cast_unsigned() * 1_000_000_000 + tv_nsec.cast_unsigned())
}

/// Returns the processor time that this process has used.
pub(super) fn cpu_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    Duration::from_secs(tv_sec.cast_unsigned()) + Duration::from_nanos(tv_nsec.cast_unsigned())
}
