//! The whole sweep: traces the calls, plans the points, and runs a few points at a time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::daemon::{Daemon, Scenario};
use super::plan::{self, Lasting, Point};
use super::point::{self, Outcome};
use super::trace::{Occurrence, Stage};
use super::workload::{Crowd, LIMIT, new_status};

/// Returns every point, planned from the calls that the daemon makes without faults.
pub(crate) fn all_points(binary: &Path) -> Result<Vec<Point>, String> {
    let mut all = Vec::new();
    for scenario in Scenario::ALL {
        let mut seen = calls(binary, scenario, Stage::Service)?;
        seen.retain(|one| one.stage != Stage::Drain);
        let drain = calls(binary, scenario, Stage::Drain)?;
        seen.extend(drain.into_iter().filter(|one| one.stage == Stage::Drain));
        all.extend(plan::points(scenario, &seen)?);
    }
    Ok(all)
}

/// Traces the daemon's calls under the workload of that stage.
fn calls(binary: &Path, scenario: Scenario, stage: Stage) -> Result<Vec<Occurrence>, String> {
    let mut daemon = Daemon::start(binary, scenario, "all", None);
    let address = daemon.wait_until_ready(LIMIT).ok_or_else(|| daemon.log())?;
    let mut crowd = Crowd::new(scenario, address, Lasting::Once);
    crowd.converse(&mut daemon, stage);
    crowd.settle();
    if !crowd.fresh() || new_status(&mut daemon, LIMIT).is_none() {
        return Err(format!("without any fault, a peer is not served:\n{}", daemon.log()));
    }
    crowd.before_drain();
    daemon.terminate();
    crowd.hear_all_ends();
    let status = daemon.wait_for_end(LIMIT);
    if status.and_then(|status| status.code()) != Some(0) {
        return Err(format!("without any fault: {status:?}\n{}", daemon.log()));
    }
    Ok(daemon.trace().occurrences())
}

/// Runs all points, a few at a time, and reports each as it ends.
pub(crate) fn run(binary: &Path, points: &[Point], mut record: impl FnMut(&Point, Outcome)) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..runs_at_a_time() {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = point::run(binary, point);
                    if sender.send((point, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (point, outcome) in receiver {
            record(point, outcome);
        }
    });
}

/// A traced daemon waits half of the time.
fn runs_at_a_time() -> usize {
    2 * thread::available_parallelism().map_or(1, usize::from)
}
