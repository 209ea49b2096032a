//! Waiting for something to become true, never for time to pass.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. Nothing takes this long unless it never comes: the machine may be
/// doing a lot besides.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// How long to let the others run between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(4);

/// Asks until there is an answer, and fails the test if none comes.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        thread::park_timeout(BETWEEN_LOOKS);
    }
}
