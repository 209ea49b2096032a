//! The tools that some faults are provoked with, and whether they work here.

use std::env;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

/// A harmless run of each tool, which shows that it is there and allowed to do its work.
const TRIALS: &[(&str, &[&str])] = &[
    ("strace", &["-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=listen", "true"]),
    ("prlimit", &["--nofile=512:512", "true"]),
    ("ss", &["-Hltn"]),
    ("haproxy", &["-v"]),
    ("python3", &["-c", "import yaml"]),
    ("unshare", &["-rn", "true"]),
    ("nsenter", &["--version"]),
    ("ip", &["-V"]),
    ("bash", &["-c", ":"]),
    ("curl", &["--version"]),
    ("/usr/bin/python3", &["-c", "import prometheus_client.openmetrics.parser"]),
    ("systemd-analyze", &["syscall-filter", "@default"]),
    ("groff", &["--version"]),
    ("mandoc", &["-T", "lint", "-W", "error", "/dev/null"]),
    ("zsh", &["--version"]),
    ("fish", &["--version"]),
    ("dpkg-deb", &["--version"]),
    ("systemctl", &["--version"]),
    ("env", &["--default-signal=PIPE", "true"]),
    ("setpriv", &["--reuid=65534", "--clear-groups", "--bounding-set=-all", "true"]),
];

/// True if every one of `tools` works; if not, says so, and the test is to return.
pub(crate) fn have(tools: &[&str]) -> bool {
    tools.iter().all(|tool| works(tool) || lacks(tool))
}

/// Says that the running test can't show anything here, for want of `what`; fails where nothing
/// may be left out. Always false, for [`have`].
pub(crate) fn lacks(what: &str) -> bool {
    let current = thread::current();
    let name = current.name().unwrap_or("a test");
    assert!(env::var_os("CI").is_none(), "{name} needs {what}, and CI leaves nothing out");
    // Not by a macro, whose output the test runner would keep to itself.
    writeln!(io::stderr(), "SKIPPED {name}: needs {what}").unwrap();
    false
}

fn works(tool: &str) -> bool {
    let trial = TRIALS.iter().find(|(name, _)| *name == tool);
    let (name, arguments) = trial.unwrap_or_else(|| panic!("no trial for {tool}"));
    let mut command = Command::new(name);
    command.args(*arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// A loopback address that nobody else in this run uses, for tests that must have the same port
/// twice: on 127.0.0.1 another test could be given it in between.
pub(crate) fn own_loopback() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, (high & 0x7f) | 0x80, low, number)
}
