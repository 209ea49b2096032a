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

/// Raises the soft limit to the hard one (getrlimit(2), `RLIMIT_NOFILE`).
pub fn raise() -> io::Result<()> {
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        let raised = Rlimit { current: before.maximum, maximum: before.maximum };
        setrlimit(Resource::Nofile, raised)?;
    }
    Ok(())
}

/// How many there are now, where the system tells (proc(5)); 0 elsewhere.
pub fn open() -> usize {
    // One of them is the directory that is being read.
    std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count().saturating_sub(1))
}
