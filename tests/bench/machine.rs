//! The machine and the programs of a comparison, collected at the time of the run.

use std::env::consts::ARCH;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::SystemTime;

use super::options::Options;
use super::table::NOTHING;

/// The libraries of the C servers, and the servers from Debian packages.
const PACKAGES: [&str; 5] = ["libuv1-dev", "libevent-dev", "socat", "ncat", "xinetd"];

/// Returns the facts as a Markdown table.
pub(crate) fn facts(options: &Options) -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let cores =
        available_parallelism().map_or_else(|_| NOTHING.to_owned(), |cores| cores.to_string());
    let command = match options.said.as_str() {
        "" => "`make bench`".to_owned(),
        said => format!("`make bench ARGS='{said}'`"),
    };
    let facts = [
        ("command", command),
        ("date", now.split('T').next().unwrap_or_default().to_owned()),
        ("processor", processor()),
        ("cores", cores),
        ("kernel", format!("Linux {} {ARCH}", file("/proc/sys/kernel/osrelease"))),
        ("congestion control", file("/proc/sys/net/ipv4/tcp_congestion_control")),
        ("compilers", format!("{}; {}", said("rustc", &["--version"]), said("cc", &["--version"]))),
        ("packages", packages()),
        ("rounds", options.rounds.to_string()),
        ("measured", format!("{} per load", humantime::format_duration(options.duration))),
    ];
    let mut text = String::from("| | |\n|---|---|\n");
    for (name, fact) in facts {
        writeln!(text, "| {name} | {fact} |").unwrap();
    }
    text
}

/// The processor model, as the kernel reports it.
fn processor() -> String {
    let text = file("/proc/cpuinfo");
    let model = text.lines().find_map(|line| line.strip_prefix("model name"));
    model.and_then(|rest| rest.split(':').nth(1)).unwrap_or(NOTHING).trim().to_owned()
}

/// The versions of the Debian packages, and of tokio from its lock file.
fn packages() -> String {
    let debian = PACKAGES.iter().filter_map(|package| {
        let version = said("dpkg-query", &["-W", "-f", "${Version}", package]);
        (version != NOTHING).then(|| format!("{package} {version}"))
    });
    let lock = include_str!("servers/tokio/Cargo.lock");
    let after_name = lock.split("name = \"tokio\"\nversion = \"").nth(1).unwrap_or(NOTHING);
    let tokio = after_name.split('"').next().unwrap_or_default();
    debian.chain([format!("tokio {tokio}")]).collect::<Vec<_>>().join(", ")
}

/// The content of a kernel file; not every kernel has every file.
fn file(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| NOTHING.to_owned(), |text| text.trim().to_owned())
}

/// The first line of a program's output.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        return NOTHING.to_owned();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or(NOTHING).to_owned()
}
