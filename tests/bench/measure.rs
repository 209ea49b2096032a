//! Resource usage of a process and its children from /proc: processor time, memory, descriptors.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to come to rest after a load; servers with a process per connection
/// have children that exit.
const REST_LIMIT: Duration = Duration::from_secs(5);

/// A server is at rest when its processor time has not changed for this long.
const REST: Duration = Duration::from_millis(50);

/// The unit of `/proc/PID/stat`: a hundredth of a second (proc(5), `USER_HZ`).
const TICK_S: f64 = 0.01;

/// Returns the processor time of a process, its children and its exited children, in seconds, once
/// it no longer grows.
pub(crate) fn cpu_at_rest_s(root: u32) -> f64 {
    let end = Instant::now() + REST_LIMIT;
    let mut before = cpu_s(root);
    loop {
        thread::sleep(REST);
        let now = cpu_s(root);
        // Less means that a process of the tree has exited meanwhile.
        if now <= before || Instant::now() > end {
            return now;
        }
        before = now;
    }
}

/// The kernel counts the time of a thread in nanoseconds, and adds up that of reaped children.
fn cpu_s(root: u32) -> f64 {
    tree(root).into_iter().map(|pid| threads_s(pid) + ended_children_s(pid)).sum()
}

fn threads_s(pid: u32) -> f64 {
    let threads = names(&format!("/proc/{pid}/task"));
    let nanoseconds = threads.iter().filter_map(|thread| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The fields `cutime` and `cstime`, the 16th and 17th; the second field, a name, may contain
/// blanks.
fn ended_children_s(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2);
    ticks.filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() * TICK_S
}

/// The private memory of a process and its children, in bytes (proc(5), `smaps_rollup`).
pub(crate) fn private_bytes(root: u32) -> f64 {
    let rollups = tree(root)
        .into_iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok());
    let private = |text: String| {
        let lines = text.lines().filter(|line| line.starts_with("Private_"));
        let kibibytes =
            lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kibibytes.sum::<f64>()
    };
    rollups.map(private).sum::<f64>() * 1024.0
}

/// The number of open descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> usize {
    names(&format!("/proc/{pid}/fd")).len()
}

/// A process and all its descendants, without those that exit meanwhile.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&pid) = found.get(next) {
        for thread in names(&format!("/proc/{pid}/task")) {
            let children = format!("/proc/{pid}/task/{thread}/children");
            let children = fs::read_to_string(children).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    found
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
