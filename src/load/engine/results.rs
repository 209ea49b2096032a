//! What is counted and timed while lines go there and back.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::engine::error::RunError;
use crate::load::report::{Answers, Distribution, Distributions, Interval, Mismatch};

/// How many mismatches are told one by one.
const MISMATCHES_LISTED: usize = 10;

/// How many bytes are shown of what came in place of the first echo.
const GREETING_SHOWN: usize = 60;

/// The longest time that is told apart, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Which of the run's sums a second belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunPhase {
    /// Ramp and warm-up: only those over the whole run.
    Warmup,
    /// All of them.
    Measure,
    /// The end, in which what was sent before still comes back: it counts for the latencies, or
    /// the slowest would be left out, but not for the rate.
    Cooldown,
}

/// What adds up.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::load) struct Sums {
    /// Lines that came back whole.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Connections that did all that was asked.
    pub transactions: u64,
    /// Connections on which something went wrong.
    pub errors: u64,
    /// Lines that never came back.
    pub unanswered: u64,
}

/// All results of a run.
#[derive(Debug)]
pub(in crate::load) struct Results {
    /// What has happened since the last second ended, and the latencies of it.
    current: Sums,
    current_latency: Histogram<u64>,
    current_late: Histogram<u64>,
    pub measured: Sums,
    /// What came back, or was given up, after that.
    pub after: Sums,
    pub total: Sums,
    /// Latencies of lines, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Times that connects took, in nanoseconds.
    pub connect: Histogram<u64>,
    /// How late the generator itself was, in nanoseconds.
    pub late: Histogram<u64>,
    pub attempted: u64,
    pub established: u64,
    pub errors: BTreeMap<RunError, u64>,
    pub mismatches: u64,
    pub first_mismatches: Vec<Mismatch>,
    /// How what came in place of the first echo begins.
    pub greeting: Option<String>,
    pub greeting_is_untold: bool,
    pub unanswered: u64,
    /// Those of them that were due and never sent.
    pub unsent: u64,
    /// Those of them that count for no limit of lines, because none was given to a connection.
    unbegun: u64,
    /// Held connections that were to echo a second line.
    pub held_verified: u64,
    /// Lines that were on their way when we reset their connection, as was planned.
    reset_away: u64,
    pub local_errors: BTreeMap<String, u64>,
    /// A signal has ended the run before its time.
    pub interrupted: bool,
    /// For how long this process stood still.
    pub paused: Duration,
    pub seconds: Vec<Interval>,
}

impl Results {
    pub(super) fn new() -> Self {
        Self {
            current: Sums::default(),
            current_latency: histogram(),
            current_late: histogram(),
            measured: Sums::default(),
            after: Sums::default(),
            total: Sums::default(),
            latency: histogram(),
            connect: histogram(),
            late: histogram(),
            attempted: 0,
            established: 0,
            errors: BTreeMap::new(),
            mismatches: 0,
            first_mismatches: Vec::new(),
            greeting: None,
            greeting_is_untold: false,
            unanswered: 0,
            unsent: 0,
            unbegun: 0,
            held_verified: 0,
            reset_away: 0,
            local_errors: BTreeMap::new(),
            interrupted: false,
            paused: Duration::ZERO,
            seconds: Vec::new(),
        }
    }

    /// A line of that many bytes is back; `latency_ns` if it was timed.
    #[inline]
    pub(super) fn line(&mut self, bytes: usize, latency_ns: Option<u64>) {
        self.current.lines += 1;
        self.current.bytes += u64::try_from(bytes).unwrap_or_default();
        if let Some(latency) = latency_ns {
            self.current_latency.saturating_record(latency);
        }
    }

    /// A connect has succeeded after that many nanoseconds.
    pub(super) fn connected(&mut self, after_ns: u64) {
        self.established += 1;
        self.connect.saturating_record(after_ns);
    }

    /// A line was sent that many nanoseconds later than it was due, though its connection was free.
    pub(super) fn late(&mut self, by_ns: u64) {
        self.current_late.saturating_record(by_ns);
    }

    /// A connection has done all that was asked.
    pub(super) fn add_transaction(&mut self) {
        self.current.transactions += 1;
    }

    /// Something went wrong on a connection, which ends it; `unanswered` lines of it are not back.
    pub(super) fn record_error(&mut self, trouble: RunError, unanswered: u64) {
        *self.errors.entry(trouble).or_default() += 1;
        self.current.errors += 1;
        self.add_lost(unanswered);
    }

    /// That many lines that were on their way have been given up.
    pub(super) fn add_lost(&mut self, lines: u64) {
        self.current.unanswered += lines;
        self.unanswered += lines;
    }

    /// That many lines were due, and will never be sent.
    pub(super) fn never_sent(&mut self, lines: u64) {
        self.add_lost(lines);
        self.unsent += lines;
    }

    /// An exchange has lost its line with its connection, before it could send it.
    pub(super) fn never_begun(&mut self) {
        self.never_sent(1);
        self.unbegun += 1;
    }

    /// That many lines were on their way when their connection was reset, as was planned.
    pub(super) fn add_aborted(&mut self, lines: u64) {
        self.reset_away += lines;
    }

    /// A byte came back that was not the one that was due; `greeting` if it came in place of the
    /// first echo, and is nothing like it. One of these tells as much as many.
    pub(super) fn mismatch(&mut self, mismatch: Mismatch, greeting: Option<&[u8]>) {
        self.mismatches += 1;
        if let Some(greeting) = greeting {
            if self.greeting.is_some() {
                return;
            }
            let shown = greeting.get(..GREETING_SHOWN).unwrap_or(greeting);
            self.greeting = Some(shown.escape_ascii().to_string());
            self.greeting_is_untold = true;
        }
        if self.first_mismatches.len() < MISMATCHES_LISTED {
            self.first_mismatches.push(mismatch);
        }
    }

    /// This machine could not give what a connect needs. Returns true the first time.
    pub(super) fn add_local_error(&mut self, errno: String) -> bool {
        let count = self.local_errors.entry(errno).or_default();
        *count += 1;
        *count == 1
    }

    /// All times of the run, with what never came back. Lines count from when it was measured,
    /// as their latencies do; connects always.
    pub(in crate::load) fn distributions(&self) -> Distributions {
        let mut timed = self.measured;
        timed.add(self.after);
        let failed = self.attempted.saturating_sub(self.established);
        Distributions {
            latency: Distribution { times: self.latency.clone(), answers: timed.answers() },
            connect: Distribution::new(self.connect.clone(), failed),
            late: Distribution::new(self.late.clone(), 0),
        }
    }

    /// How many lines have come to an end, whatever it was.
    pub(super) fn lines_over(&self) -> u64 {
        let lost = self.unanswered - self.unbegun;
        self.total.lines + self.current.lines + lost + self.reset_away
    }

    /// Connections on which something went wrong, over the whole run.
    pub(in crate::load) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Ends a second, or a part of one, that long after the run began.
    #[cold]
    pub(super) fn end_second(&mut self, at: Duration, open: usize, part: RunPhase) -> Interval {
        let sums = std::mem::take(&mut self.current);
        let answers = sums.answers();
        let percentile = |part| answers.at(&self.current_latency, part).value();
        let second = Interval {
            at_s: at.as_secs_f64(),
            lines: sums.lines,
            open: u64::try_from(open).unwrap_or(u64::MAX),
            errors: sums.errors,
            unanswered: sums.unanswered,
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            measured: part == RunPhase::Measure,
        };
        self.total.add(sums);
        match part {
            RunPhase::Warmup => {}
            RunPhase::Measure => self.measured.add(sums),
            RunPhase::Cooldown => self.after.add(sums),
        }
        move_into(&mut self.latency, &mut self.current_latency, part);
        move_into(&mut self.late, &mut self.current_late, part);
        self.seconds.push(second);
        second
    }
}

impl Sums {
    /// How many lines came back, and how many never did.
    pub(super) const fn answers(&self) -> Answers {
        Answers { answered: self.lines, lost: self.unanswered }
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.transactions += other.transactions;
        self.errors += other.errors;
        self.unanswered += other.unanswered;
    }
}

/// Adds a second's times to the run's, if it counts for them, and begins the next second.
fn move_into(sum: &mut Histogram<u64>, current: &mut Histogram<u64>, part: RunPhase) {
    if current.is_empty() {
        return;
    }
    if part != RunPhase::Warmup {
        // Both have the same bounds, so that nothing is too large for the sum.
        let added = sum.add(&*current);
        debug_assert!(added.is_ok(), "{added:?}");
    }
    current.reset();
}

/// Three significant digits, from a nanosecond to an hour.
#[expect(clippy::expect_used, reason = "the bounds are constants that the crate takes")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("valid bounds")
}
