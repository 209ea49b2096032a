//! A task: a row of a table, its result, and the time that it may take.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::server::Server;

/// A row of the table of tasks. The texts are for the report; none of them has the solution.
#[derive(Debug)]
pub struct Task {
    /// Its name on the command line and in the reports.
    pub name: &'static str,
    /// Points for passing it.
    pub points: u32,
    /// Its time limit, in multiples of `--timeout`.
    pub times: u32,
    /// The actions of the exam.
    pub did: &'static str,
    /// The reactions of a correct program.
    pub expected: &'static str,
    /// One hint.
    pub hint: &'static str,
    /// The page of the demonstrations and the section of the book.
    pub read: &'static str,
    /// The moves.
    pub(super) run: Moves,
}

impl Task {
    /// A task with the usual time limit; its texts are still to be written.
    pub(super) const fn new(name: &'static str, points: u32, run: Moves) -> Self {
        Self { name, points, times: 1, did: "", expected: "", hint: "", read: "", run }
    }
}

/// The function of a task.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moves {
    /// Judges a server, which the exam has started.
    Server(fn(&mut Server) -> Judged),
    /// Judges a client, which the task starts when its own server is ready.
    Client(fn(&mut Client) -> Judged),
}

/// An observation of a correct program, or the reason why it was not correct.
pub(super) type Judged = Result<String, Failure>;

/// Why a task gives no points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The program is wrong, as this observation shows.
    Wrong(String),
    /// The exam could not do the task: it does not count.
    Skipped(String),
}

/// The failure of a program in which the exam saw `seen`.
pub(super) fn wrong<T>(seen: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Wrong(seen.into()))
}

/// For an error of the exam's own: the program is not to blame.
pub(super) fn ours(action: &str) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |error| Failure::Skipped(format!("the exam itself: {action}: {error}"))
}

/// The moment when a task has to be done. Every wait of the exam ends there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

/// The pause between two looks at a condition that the kernel does not report.
const PAUSE: Duration = Duration::from_millis(2);

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The earlier of this moment and `time` from now.
    pub(super) fn within(self, time: Duration) -> Self {
        Self(self.0.min(Instant::now() + time))
    }

    /// The time left; a millisecond at least, because a socket's timeout must not be zero.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }

    pub(super) fn has_passed(self) -> bool {
        interrupted() || Instant::now() >= self.0
    }

    /// Waits until `condition` holds; false if it does not hold in time.
    pub(super) fn until(self, mut condition: impl FnMut() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            if self.has_passed() {
                return false;
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Set by SIGINT, SIGTERM and SIGHUP, so that the exam ends the program before itself.
pub(super) static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
