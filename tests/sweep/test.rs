//! `make sweep` at one point in 31: a few of every call and error, the same in every run.

#![cfg(test)]

mod calls;
mod checked;
mod daemon;
mod documented;
#[expect(dead_code, reason = "the fault tests observe more")]
#[path = "../faults/support/observe.rs"]
mod observe;
#[expect(dead_code, reason = "only the whole sweep writes a page")]
mod page;
mod peer;
mod plan;
mod point;
mod sweep;
#[expect(dead_code, reason = "the fault tests need more")]
#[path = "../faults/support/tools.rs"]
mod tools;
mod trace;
#[path = "../faults/support/wait.rs"]
mod wait;
mod workload;

use std::path::Path;
use std::time::Instant;

use self::page::Table;
use self::point::Verdict;

/// A prime, so that it shares no factor with the number of a call's errors.
const ONE_IN: usize = 31;

#[test]
#[cfg_attr(mio_unsupported_force_poll_poll, ignore = "the calls and errors are those of epoll")]
fn one_in_thirty_one_faults_is_survived_and_nothing_is_lost() {
    if !tools::have(&["strace", "setpriv"]) {
        return;
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_tcpechod"));
    let points: Vec<_> = sweep::all_points(binary).unwrap().into_iter().step_by(ONE_IN).collect();
    let mut table = Table::default();
    let mut failed = Vec::new();
    let mut injected = 0;
    let start = Instant::now();
    sweep::run(binary, &points, |point, outcome| {
        table.add(point, &outcome);
        injected += usize::from(outcome.verdict != Verdict::NotReached);
        if outcome.verdict == Verdict::Failed {
            failed.push(format!("{point}\n  {}", outcome.wrong.join("\n  ")));
        }
    });
    println!("{}", table.text(start.elapsed()));
    assert_eq!(failed, [""; 0], "{}", failed.join("\n"));
    assert!(injected * 10 > points.len() * 9, "{injected} of {} were injected", points.len());
}
