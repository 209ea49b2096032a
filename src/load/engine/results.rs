//! Counters and latency histograms of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::distribution::{Answers, Distribution, Distributions};
use crate::load::engine::error::RunError;
use crate::load::engine::interval::{Interval, Mismatch};
use crate::load::engine::run_phase::RunPhase;
use crate::num;

/// Number of mismatches listed one by one.
const MISMATCHES_LISTED: usize = 10;

/// Number of bytes shown of a greeting.
const GREETING_SHOWN: usize = 60;

/// The longest time that histograms distinguish, in nanoseconds: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Counters of an interval or a phase.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::load) struct Sums {
    /// Lines that came back complete.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Connections that completed their plan.
    pub transactions: u64,
    /// Connections that failed.
    pub errors: u64,
    /// Lines that never came back.
    pub unanswered: u64,
}

/// All results of a run.
#[derive(Debug)]
pub(in crate::load) struct Results {
    /// Counters and latencies since the last interval ended.
    current: Sums,
    current_latency: Histogram<u64>,
    current_late: Histogram<u64>,
    pub measured: Sums,
    /// Lines that came back or were given up during the cooldown.
    pub after: Sums,
    pub total: Sums,
    /// Latencies of lines, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Connect times, in nanoseconds.
    pub connect: Histogram<u64>,
    /// Delays of the generator itself, in nanoseconds.
    pub late: Histogram<u64>,
    pub attempted: u64,
    pub established: u64,
    pub errors: BTreeMap<RunError, u64>,
    pub mismatches: u64,
    pub first_mismatches: Vec<Mismatch>,
    /// Beginning of the bytes that came in place of the first echo.
    pub greeting: Option<String>,
    /// True until the engine has noted the greeting for the user.
    pub greeting_is_unnoted: bool,
    pub unanswered: u64,
    /// Unanswered lines that were due and never sent.
    pub unsent: u64,
    /// Unsent lines outside the line limit, because they were never issued to a connection.
    unbegun: u64,
    /// Held connections that had to echo a second line.
    pub held_verified: u64,
    /// Lines in flight when the plan reset their connection.
    aborted: u64,
    pub local_errors: BTreeMap<String, u64>,
    /// True if a signal ended the run early.
    pub interrupted: bool,
    /// How long this process was stopped or starved.
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
            greeting_is_unnoted: false,
            unanswered: 0,
            unsent: 0,
            unbegun: 0,
            held_verified: 0,
            aborted: 0,
            local_errors: BTreeMap::new(),
            interrupted: false,
            paused: Duration::ZERO,
            seconds: Vec::new(),
        }
    }

    /// Counts a line that came back, of `bytes` bytes; `latency_ns` if it was timed.
    #[inline]
    pub(super) fn line(&mut self, bytes: usize, latency_ns: Option<u64>) {
        self.current.lines += 1;
        self.current.bytes += u64::try_from(bytes).unwrap_or_default();
        if let Some(latency) = latency_ns {
            self.current_latency.saturating_record(latency);
        }
    }

    /// Records a successful connect, which took `after_ns`.
    pub(super) fn connected(&mut self, after_ns: u64) {
        self.established += 1;
        self.connect.saturating_record(after_ns);
    }

    /// Records a line sent `by_ns` after its due time, though its connection was free.
    pub(super) fn late(&mut self, by_ns: u64) {
        self.current_late.saturating_record(by_ns);
    }

    /// Counts a connection that completed its plan.
    pub(super) fn add_transaction(&mut self) {
        self.current.transactions += 1;
    }

    /// Counts an error that ends a connection, and its `unanswered` lines as lost.
    pub(super) fn record_error(&mut self, error: RunError, unanswered: u64) {
        *self.errors.entry(error).or_default() += 1;
        self.current.errors += 1;
        self.add_lost(unanswered);
    }

    /// Counts lines in flight that were given up.
    pub(super) fn add_lost(&mut self, lines: u64) {
        self.current.unanswered += lines;
        self.unanswered += lines;
    }

    /// Counts lines that were due and will never be sent.
    pub(super) fn never_sent(&mut self, lines: u64) {
        self.add_lost(lines);
        self.unsent += lines;
    }

    /// Counts the line of a transaction whose connection failed before it could send.
    pub(super) fn never_begun(&mut self) {
        self.never_sent(1);
        self.unbegun += 1;
    }

    /// Counts lines in flight when the plan reset their connection.
    pub(super) fn add_aborted(&mut self, lines: u64) {
        self.aborted += lines;
    }

    /// Records a wrong byte. `greeting` is the input if it came in place of the first echo and does
    /// not resemble it; only the first of these is listed, because more add nothing.
    pub(super) fn mismatch(&mut self, mismatch: Mismatch, greeting: Option<&[u8]>) {
        self.mismatches += 1;
        if let Some(greeting) = greeting {
            if self.greeting.is_some() {
                return;
            }
            let shown = greeting.get(..GREETING_SHOWN).unwrap_or(greeting);
            self.greeting = Some(shown.escape_ascii().to_string());
            self.greeting_is_unnoted = true;
        }
        if self.first_mismatches.len() < MISMATCHES_LISTED {
            self.first_mismatches.push(mismatch);
        }
    }

    /// Counts a connect that failed for lack of a local resource. Returns true the first time.
    pub(super) fn add_local_error(&mut self, errno: String) -> bool {
        let count = self.local_errors.entry(errno).or_default();
        *count += 1;
        *count == 1
    }

    /// Returns all times of the run, with the number of missing answers. Lines count from the start
    /// of measuring, as their latencies do; connects over the whole run.
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

    /// Number of finished lines: echoed, lost or reset.
    pub(super) fn lines_over(&self) -> u64 {
        let lost = self.unanswered - self.unbegun;
        self.total.lines + self.current.lines + lost + self.aborted
    }

    /// Number of connections that failed, over the whole run.
    pub(in crate::load) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Ends the current interval, `at` after the start of the run; its results count for `phase`.
    #[cold]
    pub(super) fn end_interval(&mut self, at: Duration, open: usize, phase: RunPhase) -> Interval {
        let sums = std::mem::take(&mut self.current);
        let answers = sums.answers();
        let percentile = |share| answers.at(&self.current_latency, share).value();
        let interval = Interval {
            at_s: at.as_secs_f64(),
            lines: sums.lines,
            open: num::to_u64(open),
            errors: sums.errors,
            unanswered: sums.unanswered,
            p50_us: percentile(0.5),
            p99_us: percentile(0.99),
            measured: matches!(phase, RunPhase::Measure { .. }),
        };
        self.total.add(sums);
        match phase {
            RunPhase::Warmup { .. } => {}
            RunPhase::Measure { .. } => self.measured.add(sums),
            RunPhase::Cooldown { .. } => self.after.add(sums),
        }
        move_into(&mut self.latency, &mut self.current_latency, phase);
        move_into(&mut self.late, &mut self.current_late, phase);
        self.seconds.push(interval);
        interval
    }
}

impl Sums {
    /// Returns how many lines came back, and how many were lost.
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

/// Adds an interval's times to the run's, if its phase counts, and clears them.
fn move_into(sum: &mut Histogram<u64>, current: &mut Histogram<u64>, phase: RunPhase) {
    if current.is_empty() {
        return;
    }
    if !matches!(phase, RunPhase::Warmup { .. }) {
        // Both have the same bounds, so no value is too large for the sum.
        let added = sum.add(&*current);
        debug_assert!(added.is_ok(), "{added:?}");
    }
    current.reset();
}

/// Creates a histogram with three significant digits, from a nanosecond to an hour.
#[expect(clippy::expect_used, reason = "the bounds are constants that the crate takes")]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("valid bounds")
}
