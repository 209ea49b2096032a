//! Runs one point: starts the daemon with the fault, runs the workload, and checks everything.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::daemon::{Daemon, Scenario, wait};
use super::documented::ended_as_documented;
use super::observe::{Closing, Status};
use super::peer::Fate;
use super::plan::{Act, Lasting, Point};
use super::trace::{Stage, Trace};
use super::workload::{Crowd, LIMIT, new_status};

/// Attempts per point. A poll that is interrupted each time spends nearly all its time in the
/// injected call, so several attempts in a row can detach strace in the middle of one.
const TRIES: usize = 10;

/// Timeout of a start before a persistent fault is lifted.
const START: Duration = Duration::from_millis(400);

/// Longest time until the daemon handles a signal.
const SIGNAL_LIMIT: Duration = Duration::from_secs(1);

/// Lines of the log that a failure shows.
const LOG_LINES: usize = 12;

/// Causes of orderly ends, at which no peer may miss any bytes.
const IN_ORDER: [&str; 2] = ["finished", "drained"];

/// The result of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    #[default]
    /// The fault did not occur: the daemon made fewer such calls this time.
    NotReached,
    /// Only the connection with the fault was affected.
    Survived,
    /// The daemon ended as documented.
    Ended,
    /// A promise was broken.
    Failed,
}

/// The results of a point.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) verdict: Verdict,
    /// Bytes missing on connections that seemed to end in order.
    pub(crate) bytes_lost: usize,
    /// Bytes in transit when the daemon drained; they are not echoed, because its FIN came before
    /// it had them.
    pub(crate) on_the_way: usize,
    /// Unix peers that were cut and saw EOF, since there is no RST; the closing line says so.
    pub(crate) unix_cut: usize,
    /// Connections that ended visibly, with RST or an early FIN.
    pub(crate) aborted: usize,
    /// The errors found.
    pub(crate) wrong: Vec<String>,
}

/// Runs a point. Retries if strace was detached in the middle of an injected call: that call then
/// fails with ENOSYS, which proves nothing.
pub(crate) fn run(binary: &Path, point: &Point) -> Outcome {
    for _ in 1..TRIES {
        let outcome = try_once(binary, point);
        let half_done = outcome.wrong.iter().any(|line| line.contains("(os error 38)"));
        if !half_done || point.act == Act::Fail("ENOSYS") {
            return outcome;
        }
    }
    try_once(binary, point)
}

fn try_once(binary: &Path, point: &Point) -> Outcome {
    let daemon = Daemon::start(binary, point.scenario, &point.traced(), Some(&point.rule()));
    let mut run = Run { point, daemon, crowd: None, wrong: Vec::new() };
    run.go();
    run.judge()
}

/// A run of a point.
struct Run<'a> {
    point: &'a Point,
    daemon: Daemon,
    crowd: Option<Crowd>,
    wrong: Vec<String>,
}

impl Run<'_> {
    fn go(&mut self) {
        let goes_on = self.point.lasting == Lasting::FromThenOn;
        let mut address = self.daemon.wait_until_ready(if goes_on { START } else { LIMIT });
        if address.is_none() && goes_on && self.daemon.ended().is_none() {
            self.daemon.lift();
            address = self.daemon.wait_until_ready(LIMIT);
        }
        let Some(address) = address else { return };
        let mut crowd = Crowd::new(self.point.scenario, address, self.point.lasting);
        crowd.converse(&mut self.daemon, self.point.stage);
        if goes_on && self.point.stage != Stage::Drain {
            self.daemon.lift();
        }
        if !self.was_terminated() {
            crowd.settle();
            let first = crowd.fresh();
            if !first && goes_on {
                // The fault occurred before the drain.
                self.daemon.lift();
            }
            // The fault may have hit the first peer.
            if first || crowd.fresh() {
                self.check_status();
                crowd.before_drain();
                self.terminate();
            }
        }
        crowd.hear_all_ends();
        self.crowd = Some(crowd);
    }

    /// Starts the drain. If the fault lost the signal byte while the loop was not waiting, a second
    /// signal wakes the loop for both.
    fn terminate(&mut self) {
        if self.was_terminated() {
            return;
        }
        self.daemon.terminate();
        let handled = |daemon: &mut Daemon| {
            daemon.ended().is_some() || daemon.log().contains("] draining, for")
        };
        if self.point.call == "sendto" && !wait(SIGNAL_LIMIT, || handled(&mut self.daemon)) {
            let lost = |line: &str| line.contains("MSG_DONTWAIT");
            if self.daemon.trace().injected().any(lost) {
                self.daemon.terminate();
            }
        }
    }

    /// True once strace has sent SIGTERM.
    fn was_terminated(&self) -> bool {
        self.point.act == Act::Terminate && self.daemon.trace().has_signal()
    }

    /// Checks that every accepted connection is accounted for.
    fn check_status(&mut self) {
        // The fault may have dropped a log line, or lost a signal byte.
        let tries = if self.touches_log() || self.point.call == "sendto" { 3 } else { 1 };
        let patience = if tries > 1 { Duration::from_secs(1) } else { LIMIT };
        let log = (0..tries).find_map(|_| new_status(&mut self.daemon, patience));
        match log.as_deref().and_then(Status::last_in) {
            Some(status) => self.wrong.extend(status.balance().err()),
            None if self.daemon.ended().is_some() || self.keeps_log_from_being() => {}
            None => self.wrong.push("no status in the log".to_owned()),
        }
    }

    fn touches_log(&self) -> bool {
        ["write", "ppoll"].contains(&self.point.call.as_str())
    }

    /// True if the daemon can no longer log.
    fn keeps_log_from_being(&self) -> bool {
        self.touches_log()
            && self.point.lasting == Lasting::FromThenOn
            && self.point.stage == Stage::Drain
    }

    fn judge(mut self) -> Outcome {
        let status = self.daemon.wait_for_end(LIMIT);
        let trace = self.daemon.trace();
        let log = self.daemon.log();
        let injected = match self.point.act {
            Act::Fail(_) => trace.injected().count(),
            Act::Terminate => usize::from(trace.has_signal()),
        };
        let verdict = self.verdict(status, injected, &trace, &log);
        let mut outcome = Outcome { verdict, ..Outcome::default() };
        self.judge_peers(&log, &mut outcome);
        if log.contains("panicked") {
            self.wrong.push("a panic".to_owned());
        }
        let aborted = outcome.aborted + outcome.unix_cut;
        let once = self.point.lasting == Lasting::Once && self.point.act != Act::Terminate;
        if once && verdict == Verdict::Survived && aborted > injected {
            self.wrong.push(format!("{injected} faults ended {aborted} connections"));
        }
        self.wrong.extend(trace.wrong_closes());
        if !self.wrong.is_empty() {
            outcome.verdict = Verdict::Failed;
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(LOG_LINES);
            self.wrong.extend(lines.into_iter().skip(last).map(ToOwned::to_owned));
        }
        outcome.wrong = self.wrong;
        outcome
    }

    /// Judges the daemon's own end.
    fn verdict(
        &mut self,
        status: Option<ExitStatus>,
        injected: usize,
        trace: &Trace,
        log: &str,
    ) -> Verdict {
        let Some(status) = status else {
            self.wrong.push("the daemon did not exit".to_owned());
            return Verdict::Failed;
        };
        let requested = self.daemon.stop_requested || self.was_terminated();
        if requested && status.code() == Some(0) {
            self.check_last_status(log);
            return if injected > 0 { Verdict::Survived } else { Verdict::NotReached };
        }
        let complaint = match self.point.act {
            // The test sent the second signal, so the injected one came too late.
            Act::Terminate if self.daemon.stop_requested && log.contains("a second signal") => {
                return Verdict::NotReached;
            }
            Act::Terminate if trace.was_killed_before_it_listened() => None,
            Act::Terminate => Some("no clean drain".to_owned()),
            Act::Fail(errno) => ended_as_documented(self.point, errno, status, trace, log).err(),
        };
        match complaint {
            None => Verdict::Ended,
            Some(complaint) => {
                self.wrong.push(format!("{status}: {complaint}"));
                Verdict::Failed
            }
        }
    }

    fn check_last_status(&mut self, log: &str) {
        match Status::last_in(log) {
            Some(status) => {
                self.wrong.extend(status.balance().err());
                if status.alive() > 0 && !self.touches_log() {
                    self.wrong.push(format!("open connections at the end: {status:?}"));
                }
            }
            None if self.touches_log() => {}
            None => self.wrong.push("no status at the end".to_owned()),
        }
    }

    /// Adds the results of the peers.
    fn judge_peers(&mut self, log: &str, outcome: &mut Outcome) {
        let Some(crowd) = &self.crowd else { return };
        outcome.aborted = crowd.rejected;
        self.wrong.extend(crowd.late.iter().cloned());
        let closings = closings(log);
        let mut unix = unix_closings(log);
        // The drain began while the peers were sending.
        let interrupted = self.point.act == Act::Terminate || log.contains("; draining\n");
        for peer in &crowd.peers {
            let address = peer.address.map(|address| address.to_string()).unwrap_or_default();
            let closing = closings.get(address.as_str());
            let cause = closing.map_or("", |closing| closing.cause.as_str());
            let child = self.point.scenario == Scenario::Exec;
            let served_by_child = closing.is_some_and(|closing| closing.status == "0");
            let missing = peer.missing();
            match peer.fate() {
                Ok(Fate::Exact) => continue,
                Ok(Fate::Aborted) if peer.gave_up() => continue,
                // The trace shows that the drain read all input, and echoed before FIN all that it
                // had read.
                Ok(Fate::Aborted | Fate::Silent) if interrupted && cause == "drained" => {
                    outcome.on_the_way += missing;
                    continue;
                }
                // The peer sees EOF for any cause, so the log decides: it has a closing line for
                // each such peer.
                Ok(Fate::Aborted | Fate::Silent)
                    if interrupted && peer.saw_eof_on_unix() && take(&mut unix, has_late_input) =>
                {
                    outcome.on_the_way += missing;
                    continue;
                }
                Ok(Fate::Aborted | Fate::Silent)
                    if peer.saw_eof_on_unix() && take(&mut unix, is_cut) =>
                {
                    outcome.unix_cut += 1;
                    continue;
                }
                Ok(Fate::Aborted) if peer.saw_eof_on_unix() && !self.touches_log() => {
                    self.wrong.push(format!("EOF, {missing} missing, no closing line: {peer:?}"));
                }
                Ok(Fate::Aborted) if !IN_ORDER.contains(&cause) && !served_by_child => {
                    outcome.aborted += 1;
                    continue;
                }
                // Only a killed child knows its unread input.
                Ok(Fate::Silent) if child && !served_by_child => {
                    outcome.aborted += 1;
                    continue;
                }
                Ok(fate) => {
                    self.wrong.push(format!("{fate:?}, {missing} missing: {peer:?}, {cause}"));
                }
                Err(wrong) => self.wrong.push(wrong),
            }
            outcome.bytes_lost += missing.max(1);
        }
    }
}

/// The closing lines of Unix peers. They carry only the process id of the peer, which is the same
/// for all.
fn unix_closings(log: &str) -> Vec<Closing> {
    let lines = log.lines().filter(|line| line.contains("closed peer=unix:"));
    lines.map(Closing::parse).collect()
}

/// Removes a matching closing line, if there is one, so that it serves no other peer.
fn take(closings: &mut Vec<Closing>, is_such: fn(&Closing) -> bool) -> bool {
    let place = closings.iter().position(is_such);
    place.map(|place| closings.swap_remove(place)).is_some()
}

/// True if the daemon ended the connection early, with a cause that says so.
fn is_cut(closing: &Closing) -> bool {
    !IN_ORDER.contains(&closing.cause.as_str())
}

/// True if input came after the drain's last read.
fn has_late_input(closing: &Closing) -> bool {
    closing.cause == "drained" && closing.bytes_in > closing.bytes_out
}

/// The closing lines, by peer.
fn closings(log: &str) -> BTreeMap<&str, Closing> {
    let lines = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("closed peer=")?;
        Some((rest.split(' ').next()?, Closing::parse(line)))
    });
    lines.collect()
}
