//! Keeps the examined program from doing harm: namespaces of its own, and limits.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::os::descriptors;

use super::task::INTERRUPTED;

/// The environment variable of the option that the exam inside the namespaces gets.
pub const VARIABLE: &str = "TCPECHO_EXAM_NO_ISOLATION";

/// setpriv(1) and unshare(1) with namespaces for users, network, mounts and processes. The first
/// process in them is the exam's second start; when the first start ends, the kernel kills that
/// process, and with it every process in the namespaces.
const NAMESPACES: [&str; 11] = [
    "setpriv",
    "--pdeathsig",
    "KILL",
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
];

/// Sets up the loopback interface of a new network, and goes on as the command in the arguments.
const INSIDE: &str = "ip link set lo up && exec \"$@\"";

/// The largest file that the program may write.
const FILE_MAX: u64 = 64 << 20;

/// The most processes of the user: enough for a thousand connections with a few processes each, and
/// for ten thousand zombies.
const PROCESSES_MAX: u64 = 20_000;

/// The most memory that one process may write to. The stacks of a thousand threads take two thirds.
const DATA_MAX: u64 = 12 << 30;

/// The most processor time of one process, in seconds.
const PROCESSOR_MAX: u64 = 600;

/// Runs the exam once more, in its namespaces; none where the system refuses them.
pub(super) fn run_inside() -> anyhow::Result<Option<ExitStatus>> {
    let trial = namespaces(&["true".into()]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !trial.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let this = env::current_exe().context("the exam's own program")?;
    let words: Vec<_> = [this.into()].into_iter().chain(env::args_os().skip(1)).collect();
    let status = namespaces(&words).env(VARIABLE, "true").status();
    Ok(Some(status.context("unshare")?))
}

fn namespaces(words: &[OsString]) -> Command {
    let [program, arguments @ ..] = NAMESPACES;
    let mut command = Command::new(program);
    command.args(arguments).args(["sh", "-c", INSIDE, "sh"]).args(words);
    command
}

/// Limits this process, and so all that it starts; adopts descendants without a parent; and turns
/// signals into a flag.
pub(super) fn prepare() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&INTERRUPTED))?;
    }
    descriptors::raise()?;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, FILE_MAX),
        (Resource::Nproc, PROCESSES_MAX),
        (Resource::Data, DATA_MAX),
        (Resource::Cpu, PROCESSOR_MAX),
    ] {
        let now = getrlimit(resource);
        let most = now.maximum.map_or(most, |maximum| maximum.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    // If memory runs out, the program is the first to go. A system without this file has no such
    // choice.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(())
}
