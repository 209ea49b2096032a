//! The load generator's release binary under strace and valgrind.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_tcpecho-load");

/// Pins a process to the processor of the daemon.
pub(crate) const BESIDE: [&str; 3] = ["taskset", "-c", "0"];

/// Counts the instructions for that many lines on 200 connections, from start to end, without the
/// work done once a second, because the duration under valgrind varies.
pub(crate) fn instructions(server: SocketAddr, lines: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("callgrind");
    let profile = format!("--callgrind-out-file={}", file.display());
    // On the daemon's processor, and with lower priority: when the load generator polls, all echoes
    // have come, so that each turn has the same work. Otherwise the number of lines per turn would
    // depend on the machine.
    let valgrind = ["valgrind", "--tool=callgrind", "--compress-strings=no", &profile];
    run(&[&BESIDE[..], &["nice", "-n", "19"], &valgrind].concat(), server, lines);
    let profile = fs::read_to_string(&file).unwrap();
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse::<u64>().unwrap() - calls_of(&profile, "Results::end_interval")
}

/// The inclusive cost of calls of that function. In a profile, the second line after the name of
/// the called function ends with it (callgrind's format specification).
fn calls_of(profile: &str, function: &str) -> u64 {
    let mut lines = profile.lines();
    let mut sum = 0;
    while let Some(line) = lines.next() {
        if line.starts_with("cfn=") && line.contains(function) {
            let cost = lines.nth(1).unwrap().rsplit(' ').next().unwrap();
            sum += cost.parse::<u64>().unwrap();
        }
    }
    // Each run ends at least one interval.
    assert!(sum > 0, "{function} is not in the profile");
    sum
}

/// Counts the system calls for slightly more than that many lines on 200 connections.
pub(crate) fn calls(server: SocketAddr, lines: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("calls");
    run(&["strace", "-f", "-c", "-o", file.to_str().unwrap()], server, lines + 200);
    let table = fs::read_to_string(&file).unwrap();
    let total = table.lines().find(|line| line.ends_with(" total")).unwrap();
    // % time, seconds, usecs/call, calls, [errors,] total
    total.split_whitespace().nth(3).unwrap().parse().unwrap()
}

fn run(tool: &[&str], server: SocketAddr, lines: u64) {
    let mut command = Command::new(tool[0]);
    command.args(&tool[1..]).args([BINARY, &server.ip().to_string(), &server.port().to_string()]);
    command.args(["--quiet", "--connections", "200", "--lines", &lines.to_string()]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
