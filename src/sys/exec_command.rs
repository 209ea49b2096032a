//! The command of `--exec`, and the system calls that reap and signal its children.

use log::debug;
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, wait,
};
use std::fmt;

use crate::reactor::{ExitStatus, StopSignal};

/// A command and its arguments. No shell parses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecCommand {
    /// The program: a path, or a name to find in `PATH`.
    pub name: String,
    /// The arguments.
    pub arguments: Vec<String>,
}

impl fmt::Display for ExecCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

/// Reaps one child that has ended, if there is one (wait(2), `WNOHANG`).
pub(super) fn reap() -> Option<(Pid, ExitStatus)> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((id, status))) => {
                let by_signal = status.terminating_signal().map(ExitStatus::Signalled);
                let ended = by_signal.or_else(|| status.exit_status().map(ExitStatus::Exited));
                if let Some(ended) = ended {
                    return Some((id, ended));
                }
            }
            Err(Errno::INTR) => {}
            // No child has ended, or there is none at all (ECHILD).
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Sends a signal to the child's process group.
pub(super) fn signal(child: Pid, signal: StopSignal) {
    let signal = match signal {
        StopSignal::Terminate => Signal::TERM,
        StopSignal::Kill => Signal::KILL,
    };
    if let Err(error) = kill_process_group(child, signal) {
        debug!("child {} could not be signalled: {error}", child.as_raw_nonzero());
    }
}

/// Makes this process adopt the orphans of its children, so that their end raises SIGCHLD here too.
/// Returns true if the system supports it.
#[cfg(target_os = "linux")]
pub(super) fn become_subreaper() -> bool {
    use rustix::process::{getpid, set_child_subreaper};

    let adopted = set_child_subreaper(Some(getpid()));
    if let Err(error) = &adopted {
        debug!("what children leave behind can't be adopted: {error}");
    }
    adopted.is_ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) const fn become_subreaper() -> bool {
    false
}

/// Returns true if the process group of a reaped child has no member left.
pub(super) fn group_is_empty(child: Pid) -> bool {
    test_kill_process_group(child).is_err_and(|error| error == Errno::SRCH)
}
