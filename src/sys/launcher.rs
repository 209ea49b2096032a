//! Starts children: a child inherits the connection, and nothing of the daemon's own state.
//!
//! Across execve(2) a process keeps its signal mask, ignored signals, limits and environment.
//! `posix_spawn(3)` resets the first two between fork and exec, where no safe code of ours can run.
//! It does not reset limits, so the daemon restores its old one while it starts a child.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::SigSet;
use rustix::fs::{Access, access};
use rustix::io::ioctl_fionbio;
use rustix::process::Pid;

use crate::connection::Peer;
use crate::os::descriptors::{self, DescriptorLimit};
use crate::os::errno;

use super::exec_command::ExecCommand;
use super::socket::Socket;

/// The program that executes a file without an executable format (execvp(3)).
const SHELL: &str = "/bin/sh";

/// The search path if `PATH` is unset (execvp(3)).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Prefixes of variables for the daemon and not for its children: its own options, and those that a
/// service manager sets.
const OWN_VARIABLES: [&str; 4] = ["TCPECHOD_", "LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_"];

/// Variables that name the peer, as in systemd.socket(5) and in ucspi-tcp. For a peer without an
/// address they are unset, even if the daemon has inherited them.
const ADDRESS: [&str; 2] = ["REMOTE_ADDR", "TCPREMOTEIP"];
const PORT: [&str; 2] = ["REMOTE_PORT", "TCPREMOTEPORT"];

/// Starts a child for each connection.
#[derive(Debug)]
pub struct Launcher {
    program: ExecCommand,
    environment: Vec<CString>,
    attributes: PosixSpawnAttr,
    /// The limit on descriptors that this process was started with.
    limit: DescriptorLimit,
}

impl Launcher {
    /// Prepares to start `program` with that limit on descriptors and the current environment.
    pub fn new(program: ExecCommand, limit: DescriptorLimit) -> io::Result<Self> {
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(
            PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
        )?;
        // Each child leads a process group of its own: a signal to the group reaches the processes
        // that a script has started, and the terminal's Ctrl-C reaches only the daemon, which
        // drains.
        attributes.set_pgroup(nix::unistd::Pid::from_raw(0))?;
        attributes.set_sigdefault(&SigSet::all())?;
        attributes.set_sigmask(&SigSet::empty())?;
        let inherited = env::vars_os().filter(|(name, _)| !is_own(name));
        let environment = inherited.map(|(name, value)| variable(&name, &value));
        Ok(Self { program, environment: environment.collect::<Result<_, _>>()?, attributes, limit })
    }

    /// Starts a child on the stream. Our descriptors of the stream are closed when this returns, so
    /// that the child alone decides when the peer gets FIN; all other descriptors close on exec.
    ///
    /// The stream is set to blocking, as programs expect of their standard input.
    pub(super) fn spawn(
        &self,
        stream: Socket,
        peer: &Peer,
        stderr: BorrowedFd<'_>,
    ) -> io::Result<Pid> {
        let stream = OwnedFd::from(stream);
        ioctl_fionbio(&stream, false)?;
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_dup2(stream.as_raw_fd(), 0)?;
        actions.add_dup2(stream.as_raw_fd(), 1)?;
        actions.add_dup2(stderr.as_raw_fd(), 2)?;
        let environment = self.environment(peer)?;
        let mut words = vec![CString::new(self.program.name.as_str())?];
        for argument in &self.program.arguments {
            words.push(CString::new(argument.as_str())?);
        }
        let run = |words: &[CString]| {
            let [name, ..] = words else { return Err(io::ErrorKind::InvalidInput.into()) };
            let spawned = descriptors::with_limit(&self.limit, || {
                posix_spawnp(name, &actions, &self.attributes, words, &environment)
            });
            Ok(spawned?.as_raw())
        };
        let spawned = run(&words).or_else(|error| match find(&self.program.name) {
            Some(script) if errno::is_no_executable(&error) => {
                words.splice(
                    ..1,
                    [CString::new(SHELL)?, CString::new(script.into_os_string().into_vec())?],
                );
                run(&words)
            }
            _ => Err(error),
        });
        let id = spawned.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.program.name))
        })?;
        Pid::from_raw(id).ok_or_else(|| io::Error::other("a child without a process id"))
    }

    /// Returns the environment of that peer's child.
    fn environment(&self, peer: &Peer) -> io::Result<Vec<CString>> {
        let mut all = self.environment.clone();
        if let Some(address) = peer.address() {
            let (ip, port) = (address.ip().to_string(), address.port().to_string());
            let named = ADDRESS.map(|name| (name, &ip)).into_iter();
            for (name, value) in named.chain(PORT.map(|name| (name, &port))) {
                all.push(variable(name.as_ref(), value.as_ref())?);
            }
        }
        Ok(all)
    }
}

fn is_own(name: &OsStr) -> bool {
    let name = name.as_bytes();
    OWN_VARIABLES.iter().any(|own| name.starts_with(own.as_bytes()))
        || ADDRESS.iter().chain(&PORT).any(|own| name == own.as_bytes())
}

fn variable(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(value);
    Ok(CString::new(text.into_vec())?)
}

/// Returns the file that execvp(3) would execute.
fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(name.into());
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    // An empty entry means the working directory; with `.` in front, no name looks like an option.
    let places = env::split_paths(&path).map(|place| Path::new(".").join(place));
    let mut files = places.map(|place| place.join(name));
    files.find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_own_variables_are_recognized() {
        for own in
            ["TCPECHOD_EXEC", "LISTEN_FDS", "LISTEN_PIDFDID", "WATCHDOG_USEC", "NOTIFY_SOCKET"]
        {
            assert!(is_own(OsStr::new(own)), "{own}");
        }
        for own in ["REMOTE_ADDR", "REMOTE_PORT", "TCPREMOTEIP", "TCPREMOTEPORT"] {
            assert!(is_own(OsStr::new(own)), "{own}");
        }
        for other in ["PATH", "REMOTE_ADDRESS", "MY_LISTEN_FDS", "RUST_LOG", "TCPECHO_HOST"] {
            assert!(!is_own(OsStr::new(other)), "{other}");
        }
    }
}
