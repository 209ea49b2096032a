//! File descriptors: the limit on them, one for each connection and a few more, and their
//! readiness.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use log::warn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit on descriptors; none if unlimited.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The limit after [`raise`] has succeeded.
pub fn hard_limit() -> Option<u64> {
    reachable_limit(&getrlimit(Resource::Nofile), CEILING)
}

/// Raises the soft limit to the hard one (getrlimit(2), `RLIMIT_NOFILE`), or as far as possible.
pub fn raise() -> io::Result<()> {
    let before = getrlimit(Resource::Nofile);
    let current = reachable_limit(&before, CEILING);
    if before.current != current {
        setrlimit(Resource::Nofile, Rlimit { current, maximum: before.maximum })?;
    }
    Ok(())
}

/// Apple's systems have no hard limit, but accept no more than `OPEN_MAX` (getrlimit(2) there).
const CEILING: Option<u64> = if cfg!(target_vendor = "apple") { Some(10_240) } else { None };

/// A saved limit, to be restored later.
#[derive(Clone, Debug)]
pub struct DescriptorLimit(Rlimit);

impl DescriptorLimit {
    /// Returns the current limit.
    pub fn now() -> Self {
        Self(getrlimit(Resource::Nofile))
    }

    /// The number of descriptors that it allows; none if unlimited.
    pub const fn soft(&self) -> Option<u64> {
        self.0.current
    }
}

/// Runs `start` with this soft limit. It may be lower than the number of open descriptors, which
/// stay open.
pub fn with_limit<T>(DescriptorLimit(lower): &DescriptorLimit, start: impl FnOnce() -> T) -> T {
    let now = getrlimit(Resource::Nofile);
    let set = |limit: Rlimit| match setrlimit(Resource::Nofile, limit) {
        Ok(()) => {}
        Err(error) => warn!("the limit on descriptors could not be set: {error}"),
    };
    if now.current == lower.current {
        return start();
    }
    set(Rlimit { current: lower.current, maximum: now.maximum });
    let started = start();
    set(now);
    started
}

/// The highest soft limit possible; the current one may exceed the system's present maximum.
fn reachable_limit(limit: &Rlimit, ceiling: Option<u64>) -> Option<u64> {
    let most = [limit.maximum, ceiling].into_iter().flatten().min()?;
    Some(most.max(limit.current?))
}

/// The number of open descriptors, where the system reports it (proc(5)); 0 elsewhere.
pub fn open() -> usize {
    // One of them is the directory being read.
    std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1))
}

/// True if descriptor `number` is open, or if the system does not report that (proc(5)).
pub fn is_open(number: u64) -> bool {
    let all = Path::new("/proc/self/fd");
    !all.exists() || all.join(number.to_string()).is_symlink()
}

/// Returns those of `events` that a descriptor is ready for now, and its errors; none if poll(2)
/// fails.
pub fn poll_now(descriptor: impl AsFd, events: PollFlags) -> Option<PollFlags> {
    wait(descriptor, events, Duration::ZERO)
}

/// The same, after waiting at most `time` for one of them.
pub fn wait(descriptor: impl AsFd, events: PollFlags, time: Duration) -> Option<PollFlags> {
    let mut polled = [PollFd::new(&descriptor, events)];
    poll(&mut polled, Timespec::try_from(time).ok().as_ref()).ok()?;
    let [polled] = polled;
    Some(polled.revents())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes_and_never_lowered() {
        let most =
            |current, maximum, ceiling| reachable_limit(&Rlimit { current, maximum }, ceiling);
        assert_eq!(most(Some(1024), Some(20_000), None), Some(20_000));
        assert_eq!(most(Some(1024), None, None), None);
        assert_eq!(most(Some(256), None, Some(10_240)), Some(10_240));
        assert_eq!(most(Some(256), Some(5000), Some(10_240)), Some(5000));
        assert_eq!(most(Some(50_000), None, Some(10_240)), Some(50_000));
        assert_eq!(most(None, None, Some(10_240)), None);
    }
}
