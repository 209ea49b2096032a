//! A running server, from the first echo to its end.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::cases::Kind;
use super::measure;
use super::servers::{PORT_FILE, Place, Server};

/// The core of the server; the load has the other one.
const CORE: &str = "0";

/// Timeout of a start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Timeout of a process's end after a signal.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Attempts to start: another process may take the free port.
const STARTS_MAX: usize = 3;

/// A server process and its address, stopped on drop.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Removed on drop.
    directory: TempDir,
}

impl Running {
    /// Starts a server, and returns it after it has echoed a line; that line faults in the pages
    /// that all connections share.
    pub(crate) fn start(server: &Server, kind: &Kind) -> Result<Self, String> {
        let mut wrong = String::new();
        for _ in 0..STARTS_MAX {
            match Self::try_start(server, kind) {
                Ok(running) => return Ok(running),
                Err(error) => wrong = error,
            }
        }
        Err(wrong)
    }

    /// Starts the server, with its output discarded.
    fn try_start(server: &Server, kind: &Kind) -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        let port = if server.forks { free_port() } else { 0 };
        let arguments = (server.arguments)(&Place { directory: directory.path(), port, kind });
        let mut command = Command::new("taskset");
        command.args(["-c", CORE, server.program]).args(arguments).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("taskset: {error}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut running = Self { child, address, directory };
        let end = Instant::now() + START_LIMIT;
        while Instant::now() < end {
            if let Ok(Some(status)) = running.child.try_wait() {
                return Err(format!("it exited at the start: {status}"));
            }
            if running.is_ready(server) {
                return Ok(running);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err("it does not start".to_owned())
    }

    /// True if the server has written its address, if it can, and echoes a line.
    fn is_ready(&mut self, server: &Server) -> bool {
        if !server.forks {
            let text = fs::read_to_string(self.directory.path().join(PORT_FILE));
            let Ok(address) = text.unwrap_or_default().trim().parse() else { return false };
            self.address = address;
        }
        echoes(self.address).is_some()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Terminates a process and its children, and kills those that do not exit. It signals only
/// processes started here: until they are reaped, no other process can get their ids.
pub(crate) fn end(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    signal_tree(child.id(), Signal::TERM);
    if wait(child, END_LIMIT).is_none() {
        signal_tree(child.id(), Signal::KILL);
        child.wait().ok();
    }
}

/// Sends SIGINT, as Ctrl-C does. Returns the exit status, if the process exits in time.
pub(crate) fn interrupt(child: &mut Child) -> Option<ExitStatus> {
    // Until it is reaped, no other process can get its id.
    if matches!(child.try_wait(), Ok(None)) {
        signal(child.id(), Signal::INT);
    }
    wait(child, END_LIMIT)
}

/// Children first: an orphaned child could not be found any more.
fn signal_tree(root: u32, with: Signal) {
    for pid in measure::tree(root).into_iter().rev() {
        signal(pid, with);
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // The process may have exited already.
        kill_process(pid, signal).ok();
    }
}

/// Returns the exit status, if the process exits in time.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a line and reads it back.
fn echoes(address: SocketAddr) -> Option<()> {
    const LINE: &[u8] = b"ready?\n";
    let mut stream = TcpStream::connect_timeout(&address, START_LIMIT).ok()?;
    stream.set_read_timeout(Some(START_LIMIT)).ok()?;
    stream.write_all(LINE).ok()?;
    let mut echoed = [0; LINE.len()];
    stream.read_exact(&mut echoed).ok()?;
    (echoed == LINE).then_some(())
}

/// Returns a port that is free at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
