//! The figures of a sweep: a table, and the page with the machine that they are of.

#[expect(dead_code, reason = "other pages tell more of the machine")]
#[path = "../million/facts.rs"]
mod facts;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::calls::LEFT_OUT;
use super::plan::{Act, Point};
use super::point::{Outcome, Verdict};

/// What came of all points of a kind.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    points: usize,
    injected: usize,
    survived: usize,
    ended: usize,
    failed: usize,
    told: usize,
    unix_cut: usize,
    on_the_way: usize,
    bytes_lost: usize,
}

impl Row {
    fn add(&mut self, other: Self) {
        self.points += other.points;
        self.injected += other.injected;
        self.survived += other.survived;
        self.ended += other.ended;
        self.failed += other.failed;
        self.told += other.told;
        self.unix_cut += other.unix_cut;
        self.on_the_way += other.on_the_way;
        self.bytes_lost += other.bytes_lost;
    }
}

/// A row for each system call, and for SIGTERM.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<String, Row>);

impl Table {
    pub(crate) fn add(&mut self, point: &Point, outcome: &Outcome) {
        let name = match point.act {
            Act::Fail(_) => point.call.clone(),
            Act::Terminate => "SIGTERM at every call".to_owned(),
        };
        let count = |verdict| usize::from(outcome.verdict == verdict);
        self.0.entry(name).or_default().add(Row {
            points: 1,
            injected: 1 - count(Verdict::NotReached),
            survived: count(Verdict::Survived),
            ended: count(Verdict::Ended),
            failed: count(Verdict::Failed),
            told: outcome.told,
            unix_cut: outcome.unix_cut,
            on_the_way: outcome.on_the_way,
            bytes_lost: outcome.bytes_lost,
        });
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.values().any(|row| row.failed > 0)
    }

    /// Markdown, and a line of it all.
    pub(crate) fn text(&self, lasted: Duration) -> String {
        let mut text = String::from(
            "| call | points | injected | survived | ended as documented | failed \
             | connections told | Unix peers cut | bytes on their way at a drain \
             | bytes lost |\n\
             |---|---|---|---|---|---|---|---|---|---|\n",
        );
        let mut sum = Row::default();
        for (name, row) in &self.0 {
            writeln!(text, "| `{name}` {}", cells(row)).unwrap();
            sum.add(*row);
        }
        writeln!(text, "| all {}", cells(&sum)).unwrap();
        let Row { points, injected, survived, ended, failed, bytes_lost, .. } = sum;
        writeln!(
            text,
            "\n{points} points, {injected} injected: {survived} survived, {ended} ended as \
             documented, {failed} failed, {bytes_lost} bytes lost, in {:.0} s.",
            lasted.as_secs_f64()
        )
        .unwrap();
        text
    }
}

fn cells(row: &Row) -> String {
    let Row { points, injected, survived, ended, failed, told, unix_cut, on_the_way, bytes_lost } =
        row;
    format!(
        "| {points} | {injected} | {survived} | {ended} | {failed} | {told} | {unix_cut} \
         | {on_the_way} | {bytes_lost} |"
    )
}

/// The whole page, as Markdown.
pub(crate) fn page(table: &str) -> String {
    let mut left_out = String::from("| call | error | why not |\n|---|---|---|\n");
    for (call, errno, reason) in LEFT_OUT {
        let errno = if *errno == "*" { "all" } else { errno };
        writeln!(left_out, "| `{call}` | {errno} | {reason} |").unwrap();
    }
    format!(
        "# Every system call, every error\n\n\
         For whoever wants to know what the daemon survives. Written by a program, do not edit.\n\n\
         {}\n{}\n{table}\n## What is left out\n\n{left_out}",
        facts::facts("sweep", "", &[]),
        EXPLAINED
    )
}

const EXPLAINED: &str = "\
The daemon runs under strace and a workload: peers that talk, half-close, reset and read slowly, on
TCP and Unix sockets, visitors of the metrics, a service manager, signals, a drain; and the same
with `--exec cat`. At each point one call fails, once (`when=N`) or from then on (`when=N+`) until
strace is taken away, or SIGTERM comes with it. Which calls there are is what a trace without any
fault shows: one that is neither injected nor left out below has the sweep fail.

- *injected*: strace says so in its record. The others were not reached, and count for nothing.
- *survived*: the daemon lives, or drained when asked to; its counters balance; somebody new is
  echoed; every byte of everybody else came back, and nobody else was ended.
- *ended as documented*: in the start, exit status 1 and a last line that names the error, or
  SIGTERM before it listened; in service only where the listener or the poll is broken, or a child
  can't be killed, with exit status 1 and the words for it.
- *connections told*: who had the fault was ended by RST, or by FIN before its own, and is counted
  under another cause than `finished` and `drained`.
- *Unix peers cut*: who had the fault was on a Unix socket, which has no RST: it saw EOF, and if it
  had half-closed, it can't tell that from the end of everything. The closing lines give as many
  Unix peers another cause than `finished` and `drained`.
- *bytes on their way at a drain*: sent by peers that were still sending when a drain surprised
  them, and that the log calls `drained`; they did not come back, also where the peer had half-
  closed and sees no more than FIN. Shown of each such FIN, as far as strace was there: behind
  SIGTERM, the last read before it found the end of what was in the socket (EAGAIN, less than was
  asked for, or the peer's FIN), and all that was read before it was echoed before it. What came
  later is not echoed.
- *bytes lost*: missing from every other connection that ended as if nothing had happened.
";
