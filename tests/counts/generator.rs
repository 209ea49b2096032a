//! The load generator's release binary under the tools that count.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_tcpecho-load");

/// On one processor, which the daemon is on too.
pub(crate) const BESIDE: [&str; 3] = ["taskset", "-c", "0"];

/// How many instructions it takes for that many lines on 200 connections, from beginning to end,
/// without what it does once a second: how many seconds valgrind takes is another matter.
pub(crate) fn instructions(server: SocketAddr, lines: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("callgrind");
    let profile = format!("--callgrind-out-file={}", file.display());
    // Beside the daemon, and after it: when it polls, all echoes are there, so that each turn has
    // the same work. How many lines come in a turn would else be up to the machine.
    let valgrind = ["valgrind", "--tool=callgrind", "--compress-strings=no", &profile];
    run(&[&BESIDE[..], &["nice", "-n", "19"], &valgrind].concat(), server, lines);
    let profile = fs::read_to_string(&file).unwrap();
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    total.trim().parse::<u64>().unwrap() - calls_of(&profile, "Results::end_second")
}

/// What calls of that function cost, with all that it calls: in a profile, the second line after
/// the one that names a called function ends with that (callgrind's format specification).
fn calls_of(profile: &str, function: &str) -> u64 {
    let mut lines = profile.lines();
    let mut sum = 0;
    while let Some(line) = lines.next() {
        if line.starts_with("cfn=") && line.contains(function) {
            let cost = lines.nth(1).unwrap().rsplit(' ').next().unwrap();
            sum += cost.parse::<u64>().unwrap();
        }
    }
    assert!(sum > 0, "{function} is in the profile: each run ends a second, if only its last");
    sum
}

/// How many system calls it makes for that many lines on 200 connections and a bit.
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
