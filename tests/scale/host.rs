//! The facts of the machine and the run, collected at the time of the run.

use std::env::consts::ARCH;
use std::fmt::Write;
use std::fs;
use std::thread::available_parallelism;
use std::time::SystemTime;

/// Returns a table of the command, `make` with target and arguments, of the machine, and of `more`.
pub(crate) fn facts(target: &str, said: &str, more: &[(&str, String)]) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let command = match said {
        "" => format!("`make {target}`"),
        said => format!("`make {target} ARGS='{said}'`"),
    };
    let facts = [
        ("command", command),
        ("date", now.split('T').next().unwrap_or_default().to_owned()),
        ("kernel", format!("Linux {} {ARCH}", file("/proc/sys/kernel/osrelease"))),
        ("cores", available_parallelism().map_or(0, usize::from).to_string()),
    ];
    let mut table = String::from("| | |\n|---|---|\n");
    for (name, fact) in facts.iter().chain(more) {
        writeln!(table, "| {name} | {fact} |").unwrap();
    }
    table
}

/// The load average of the last minute, five and fifteen minutes (proc(5)).
pub(crate) fn load_average() -> (&'static str, String) {
    let load = file("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(", ");
    ("load average before the run", load)
}

fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
