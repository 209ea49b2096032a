//! The limit on descriptors: one for each connection, and a few more.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many descriptors the process may have; none if there is no limit.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How many it may have once [`raise`] has succeeded.
pub fn hard_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the soft limit to the hard one (getrlimit(2), `RLIMIT_NOFILE`), or as far as it goes.
pub fn raise() -> io::Result<()> {
    let before = getrlimit(Resource::Nofile);
    let current = attainable(before.maximum);
    if before.current != current {
        setrlimit(Resource::Nofile, Rlimit { current, maximum: before.maximum })?;
    }
    Ok(())
}

/// How far a soft limit can be raised under that hard one.
#[cfg(not(target_vendor = "apple"))]
const fn attainable(maximum: Option<u64>) -> Option<u64> {
    maximum
}

/// Apple's systems have no hard limit, and yet take no more than `OPEN_MAX` (getrlimit(2) there).
#[cfg(target_vendor = "apple")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there may be no limit")]
fn attainable(maximum: Option<u64>) -> Option<u64> {
    const OPEN_MAX: u64 = 10_240;

    Some(maximum.map_or(OPEN_MAX, |maximum| maximum.min(OPEN_MAX)))
}

/// How many there are now, where the system tells (proc(5)); 0 elsewhere.
pub fn open() -> usize {
    // One of them is the directory that is being read.
    std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1))
}
