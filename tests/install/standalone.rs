//! The programs of `make static`: on x86-64 in an empty root, and on arm64 under QEMU.
//!
//! The test builds them without plots, optimisation and debug information: in a sixth of the time.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::tools::{have, lacks};
use crate::{make, ran};

/// The directory with one subdirectory for each architecture that could be built.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    make("static", &variables(&place));
    place
});

/// The variables of `make` for the programs of this test.
pub(crate) fn variables(place: &Path) -> Vec<String> {
    let options =
        "--no-default-features --features=load,exam,probe --config=profile.dev.debug=false";
    let fixed = ["static_profile=dev", &format!("static_options={options}")];
    let place = format!("static={}", place.display());
    fixed.iter().map(|one| (*one).to_owned()).chain([place]).collect()
}

/// The programs of that architecture, if they could be built.
pub(crate) fn programs(architecture: &str) -> Option<PathBuf> {
    let place = PROGRAMS.join(architecture);
    let there = place.is_dir() || lacks(&format!("Rust's library for {architecture} and musl"));
    there.then_some(place)
}

/// The time limit of a wait.
const LIMIT: Duration = Duration::from_secs(30);

/// A daemon; dropping it kills the process.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Starts a daemon, echoes a line with the client, asks for its health, and lets it drain.
/// `command` makes the command that runs a program; `port_file` is the daemon's, and `seen` the
/// same file for this test.
pub(crate) fn echoes(command: impl Fn(&str) -> Command, port_file: &Path, seen: &Path) {
    let mut daemon = command("tcpechod");
    daemon.args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--port-file"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    daemon.arg(port_file).stdin(Stdio::null()).stderr(log.reopen().unwrap());
    let mut daemon = Daemon(daemon.spawn().unwrap());
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let begun = Instant::now();
    while !read(seen).ends_with('\n') || !read(log.path()).contains("] ready\n") {
        let ended = daemon.0.try_wait().unwrap();
        assert!(ended.is_none() && begun.elapsed() < LIMIT, "{ended:?}\n{}", read(log.path()));
        thread::park_timeout(Duration::from_millis(4));
    }
    let (ip, port) = (read(seen), read(log.path()));
    let (ip, echo) = ip.trim_end().split_once(':').unwrap();
    let (_, metrics) = port.split_once("metrics on 127.0.0.1:").unwrap();
    let metrics = metrics.lines().next().unwrap();

    let mut client = command("tcpecho");
    let client = client.args([ip, echo]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn().unwrap();
    client.stdin.take().unwrap().write_all(b"a line\nand a part").unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == b"a line\nand a part", "{output:?}");
    for listener in [metrics, echo] {
        ran(command("tcpechod").args(["--health", listener]));
    }
    kill_process(Pid::from_child(&daemon.0), Signal::TERM).unwrap();
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0), "{}", read(log.path()));
}

/// A command in the root directory `root`: as the image's user if this process is root, else as the
/// root of a user namespace.
pub(crate) fn within(root: &Path, program: &str) -> Command {
    let mut command;
    if geteuid().is_root() {
        command = Command::new("chroot");
        command.arg("--userspec=65532:65532");
    } else {
        command = Command::new("unshare");
        command.args(["-r", "chroot"]);
    }
    command.arg(root).arg(Path::new("/").join(program));
    command
}

#[test]
fn static_programs_for_x86_64_run_in_an_empty_root() {
    if !have(&["unshare"]) {
        return;
    }
    let Some(programs) = programs("x86_64") else { return };
    let root = TempDir::new().unwrap();
    for name in ["tcpechod", "tcpecho"] {
        fs::copy(programs.join(name), root.path().join(name)).unwrap();
    }
    let user = root.path().join("written");
    fs::create_dir(&user).unwrap();
    fs::set_permissions(&user, Permissions::from_mode(0o777)).unwrap();
    echoes(|program| within(root.path(), program), Path::new("/written/port"), &user.join("port"));
}

#[test]
fn static_programs_for_arm64_run_under_qemu() {
    if !have(&["qemu-aarch64-static"]) {
        return;
    }
    let Some(programs) = programs("aarch64") else { return };
    let directory = TempDir::new().unwrap();
    let port_file = directory.path().join("port");
    let command = |program: &str| {
        let mut command = Command::new("qemu-aarch64-static");
        command.arg(programs.join(program));
        command
    };
    echoes(command, &port_file, &port_file);
}
