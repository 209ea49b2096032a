//! Checks for the external tools that some tests need.

use std::env;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

/// A harmless run of each tool, which shows that it is installed and permitted to work.
const TRIALS: &[(&str, &[&str])] = &[
    ("strace", &["-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=listen", "true"]),
    ("cc", &["--version"]),
    ("tcpdump", &["--version"]),
    ("node", &["--version"]),
    ("socat", &["-V"]),
    ("ncat", &["--version"]),
    ("prlimit", &["--nofile=512:512", "true"]),
    ("ss", &["-Hltn"]),
    ("haproxy", &["-v"]),
    ("python3", &["-c", "import yaml"]),
    ("unshare", &["-rn", "true"]),
    ("nsenter", &["--version"]),
    ("ip", &["-V"]),
    ("bash", &["-c", ":"]),
    ("script", &["--version"]),
    ("curl", &["--version"]),
    ("xinetd", &["-version"]),
    ("chromium", &["--version"]),
    ("promtool", &["--version"]),
    ("/usr/bin/python3", &["-c", "import prometheus_client.openmetrics.parser"]),
    ("systemd-analyze", &["syscall-filter", "@default"]),
    ("groff", &["--version"]),
    ("mandoc", &["-T", "lint", "-W", "error", "/dev/null"]),
    ("zsh", &["--version"]),
    ("fish", &["--version"]),
    ("dpkg-deb", &["--version"]),
    ("systemctl", &["--version"]),
    ("systemd-socket-activate", &["--version"]),
    ("env", &["--default-signal=PIPE", "true"]),
    ("nginx", &["-v"]),
    ("promtool", &["--version"]),
    ("logrotate", &["--version"]),
    ("dnsmasq", &["--version"]),
    ("lintian", &["--version"]),
    ("buildah", &["--version"]),
    ("qemu-aarch64-static", &["-version"]),
    ("setpriv", &["--reuid=65534", "--clear-groups", "--bounding-set=-all", "true"]),
];

/// True if all of `tools` work; otherwise prints the missing tool, and the test must return.
pub(crate) fn have(tools: &[&str]) -> bool {
    tools.iter().all(|tool| works(tool) || lacks(tool))
}

/// Prints that the running test is skipped because `what` is missing; with `CI` set, fails the
/// test instead. Always returns false, for [`have`].
pub(crate) fn lacks(what: &str) -> bool {
    let current = thread::current();
    let name = current.name().unwrap_or("a test");
    assert!(env::var_os("CI").is_none(), "{name} needs {what}, and CI skips no test");
    // Not with eprintln!, because the test runner captures its output.
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

/// A loopback address that no other test of this run uses, for tests that bind the same port
/// twice: on 127.0.0.1 another test could get the port in between.
pub(crate) fn own_loopback() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, (high & 0x7f) | 0x80, low, number)
}
