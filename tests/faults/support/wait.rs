//! Waits for conditions, never for a fixed time.

use std::thread;
use std::time::{Duration, Instant};

/// The time limit of every wait. It is long, because the machine may be busy; a condition that is
/// not true by then never becomes true.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The pause between two polls of a condition.
const BETWEEN_POLLS: Duration = Duration::from_millis(4);

/// Polls `condition` until it returns a value; fails the test after [`LIMIT`].
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        thread::park_timeout(BETWEEN_POLLS);
    }
}
