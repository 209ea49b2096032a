//! The points of a sweep: each traced call, at its first occurrences in each stage, with each of
//! its errors.

use std::collections::BTreeSet;
use std::fmt;

use super::calls;
use super::daemon::Scenario;
use super::trace::{Occurrence, Stage};

/// The fault at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// The call fails with that error.
    Fail(&'static str),
    /// SIGTERM comes during the call.
    Terminate,
}

/// How long the fault persists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasting {
    Once,
    /// From that call on, until strace is detached.
    FromThenOn,
}

/// One fault at one call.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) scenario: Scenario,
    pub(crate) stage: Stage,
    pub(crate) call: String,
    pub(crate) act: Act,
    /// The ordinal of the call among those of its name.
    pub(crate) number: usize,
    pub(crate) lasting: Lasting,
}

impl Point {
    /// The rule for strace's `inject`.
    pub(crate) fn rule(&self) -> String {
        let Self { call, number, .. } = self;
        let plus = if self.lasting == Lasting::FromThenOn { "+" } else { "" };
        match self.act {
            Act::Fail(errno) => format!("{call}:error={errno}:when={number}{plus}"),
            Act::Terminate => format!("{call}:signal=TERM:when={number}"),
        }
    }

    /// The calls that strace records.
    pub(crate) fn traced(&self) -> String {
        match self.act {
            Act::Fail(_) => {
                format!("{},accept4,recvfrom,sendto,setsockopt,shutdown,close", self.call)
            }
            Act::Terminate => "all".to_owned(),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.scenario.name(), self.stage.name(), self.rule())
    }
}

/// How many occurrences of a call fail once, and how many persistently, in a stage. In the start,
/// each occurrence has a purpose of its own.
const fn reach(stage: Stage) -> (usize, usize) {
    match stage {
        Stage::Start => (20, 3),
        Stage::Service => (12, 4),
        Stage::Drain => (8, 3),
    }
}

/// At how many occurrences of a call SIGTERM comes.
const TERMINATED: usize = 40;

/// Plans the points of a scenario from its calls without faults. Returns an error for a call that
/// is neither swept nor left out.
pub(crate) fn points(scenario: Scenario, seen: &[Occurrence]) -> Result<Vec<Point>, String> {
    let names: BTreeSet<&str> = seen.iter().map(|one| one.name.as_str()).collect();
    let unknown: Vec<_> = names
        .iter()
        .filter(|name| calls::swept(name).is_none() && !calls::left_out(name))
        .copied()
        .collect();
    if !unknown.is_empty() {
        return Err(format!(
            "{}: neither swept nor left out in tests/sweep/calls.rs: {}",
            scenario.name(),
            unknown.join(" ")
        ));
    }
    let mut all = Vec::new();
    for name in names {
        for stage in Stage::ALL {
            all.extend(of_call(scenario, stage, name, seen));
        }
    }
    Ok(all)
}

fn of_call(scenario: Scenario, stage: Stage, name: &str, seen: &[Occurrence]) -> Vec<Point> {
    let row = calls::swept(name);
    let only = row.and_then(|row| row.only);
    let here = seen.iter().filter(|one| one.name == name && one.stage == stage);
    let numbers = |by_child: bool| -> BTreeSet<usize> {
        let fits = here.clone().filter(|one| only.is_none_or(|only| one.line.contains(only)));
        fits.filter(|one| one.by_child == by_child).map(|one| one.number).collect()
    };
    let point = |act, number, lasting| Point {
        scenario,
        stage,
        call: name.to_owned(),
        act,
        number,
        lasting,
    };
    let (once, from_then_on) = reach(stage);
    let mut all = Vec::new();
    for &errno in row.map_or(&[][..], |row| row.errnos) {
        let own = numbers(false);
        all.extend(own.iter().take(once).map(|n| point(Act::Fail(errno), *n, Lasting::Once)));
        // Each child counts from one, so a fault in one child is a fault in all.
        let chosen = own.into_iter().take(from_then_on).chain(numbers(true));
        let sticky = only.is_none() && may_go_on(name, errno, stage);
        let chosen = chosen.take(if sticky { usize::MAX } else { 0 }).collect::<BTreeSet<_>>();
        all.extend(chosen.iter().map(|n| point(Act::Fail(errno), *n, Lasting::FromThenOn)));
    }
    if stage != Stage::Drain && calls::is_terminated(name) {
        let own = here.filter(|one| !one.by_child).map(|one| one.number).take(TERMINATED);
        all.extend(own.map(|n| point(Act::Terminate, n, Lasting::Once)));
    }
    all
}

/// True if an error may persist. The daemon retries an interrupted call until strace is detached,
/// which does not happen in the drain.
fn may_go_on(name: &str, errno: &str, stage: Stage) -> bool {
    let tried_for_ever = errno == "EINTR" && stage == Stage::Drain;
    !calls::only_once(name) && !tried_for_ever
}
