//! The processes of the examined program, as /proc shows them (proc(5)).

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A process that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    pub(super) parent: i32,
    /// `R`, `S`, `T`, `Z` and so on.
    pub(super) state: char,
    pub(super) threads: usize,
}

/// Returns all descendants of process `ancestor`.
///
/// The exam is a subreaper (prctl(2)), so a process stays a descendant when its parent has ended.
pub(super) fn descendants(ancestor: i32) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut rest: Vec<_> = numbers.filter_map(process).collect();
    let mut family = HashSet::from([ancestor]);
    let mut found = Vec::new();
    loop {
        let (next, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|one| family.contains(&one.parent));
        if next.is_empty() {
            return found;
        }
        family.extend(next.iter().map(|one| one.pid));
        found.extend(next);
        rest = others;
    }
}

/// Reads /proc/PID/stat. The name, in parentheses, may contain anything.
fn process(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = number(fields.next())?;
    let threads = number(fields.nth(15))?;
    Some(Process { pid, parent, state, threads })
}

fn number<T: FromStr>(field: Option<&str>) -> Option<T> {
    field?.trim().parse().ok()
}

/// The file that the process executes.
pub(super) fn program(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// The number of open descriptors.
pub(super) fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// The bytes of memory that the process itself has written: resident pages that are of no file and
/// not shared memory.
pub(super) fn memory(pid: i32) -> usize {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut pages = text.split(' ').skip(1);
    let resident: usize = number(pages.next()).unwrap_or_default();
    let shared = number(pages.next()).unwrap_or_default();
    resident.saturating_sub(shared) * rustix::param::page_size()
}

/// True if a tracer is attached to the process.
pub(super) fn is_traced(pid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let tracer = text.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

/// Sends a signal. A process that has ended meanwhile is no error.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        _ = kill_process(pid, signal);
    }
}

/// Takes the exit status of a process that the exam has inherited.
pub(super) fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}
