//! The command that answers in a service's place, and the system calls that make it a child.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use log::debug;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, wait};

use super::kernel::{Ended, Urge};
use super::socket::Socket;

/// A command and its arguments. No shell reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// What is run: a path, or a name that is looked for in `PATH`.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

impl Program {
    /// Starts it on the stream. Both our descriptors of that are gone when this returns, so that
    /// the child alone decides when the peer gets FIN; all others close on exec.
    ///
    /// The stream blocks again, because programs expect that of their standard input. The child
    /// leads a process group: what a script has started is told to end with it, and the terminal's
    /// Ctrl-C comes to the daemon alone, which drains.
    pub(super) fn spawn(&self, stream: Socket) -> io::Result<Pid> {
        let input = OwnedFd::from(stream);
        ioctl_fionbio(&input, false)?;
        let output = input.try_clone()?;
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).stdin(input).stdout(output).process_group(0);
        let child = command
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))?;
        // It is reaped by `reap`, not through this handle.
        Ok(Pid::from_child(&child))
    }
}

/// Takes any child that has ended (wait(2), `WNOHANG`).
pub(super) fn reap() -> Option<(Pid, Ended)> {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((id, status))) => {
                let by_signal = status.terminating_signal().map(Ended::Signalled);
                let ended = by_signal.or_else(|| status.exit_status().map(Ended::Exited));
                if let Some(ended) = ended {
                    return Some((id, ended));
                }
            }
            Err(Errno::INTR) => {}
            // None has ended, or there is none at all (ECHILD).
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Sends a signal to the child's process group.
pub(super) fn signal(child: Pid, urge: Urge) {
    let signal = match urge {
        Urge::Terminate => Signal::TERM,
        Urge::Kill => Signal::KILL,
    };
    if let Err(error) = kill_process_group(child, signal) {
        debug!("child {} could not be signalled: {error}", child.as_raw_nonzero());
    }
}
