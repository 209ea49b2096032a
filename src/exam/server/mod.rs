//! The examination of a server: the table of its tasks, and the running server with its clients.

mod crowd;
mod exchange;
mod leaks;
mod processes;
mod resets;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use super::peer::Peer;
use super::processes::Process;
use super::subject::{self, Strace, Subject};
use super::task::{Deadline, Failure, Judged, Moves, Task, ours, wrong};

/// The tasks, from the simplest to the hardest.
pub const TASKS: [Task; 15] = [
    exchange::ECHO,
    exchange::BYTES,
    exchange::PIECES,
    exchange::HALF_CLOSE,
    exchange::LAST_LINE,
    crowd::FIVE_CLIENTS,
    crowd::MANY,
    crowd::SLOW_READER,
    resets::RESET,
    resets::RESET_BEFORE_ACCEPT,
    resets::SIGPIPE,
    processes::ZOMBIES,
    processes::EINTR,
    processes::SIGTERM,
    leaks::LEAKS,
];

/// The ports that the exam chooses from: below those that the kernel gives to clients, so that no
/// client of another task has the port, or connects to itself.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// How long the end of a process may take to show.
const END: Duration = Duration::from_millis(200);

/// The addresses that a server may listen on.
const HOSTS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// A server that accepts connections, and the time that its task has.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) subject: Subject,
    address: SocketAddr,
    deadline: Deadline,
}

impl Server {
    /// Starts `command`, and waits until it accepts a connection.
    pub(super) fn start(
        command: &[OsString],
        strace: Strace,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let (words, port) = with_port(command)?;
        let mut subject = Subject::start(&words, Stdio::null(), strace)
            .map_err(|error| Failure::Wrong(format!("it can't be started: {error}")))?;
        let mut address = None;
        let ready = deadline.until(|| {
            address = HOSTS.iter().map(|host| SocketAddr::new(*host, port)).find(answers);
            address.is_some() || subject.is_alive().is_err()
        });
        subject.is_alive()?;
        match address {
            Some(address) if ready => Ok(Self { subject, address, deadline }),
            _ => wrong(format!("it does not listen on port {port}")),
        }
    }

    /// A new client.
    pub(super) fn connect(&self) -> Result<Peer, Failure> {
        Peer::connect(self.address, self.deadline)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Fails unless a new client is served.
    pub(super) fn serves(&mut self, line: &str) -> Result<(), Failure> {
        let served = self.connect().and_then(|mut peer| {
            peer.exchange(line)?;
            peer.close();
            Ok(())
        });
        match served {
            Err(Failure::Wrong(seen)) => wrong(format!("the next client is not served: {seen}")),
            other => other,
        }
    }

    /// Judges the server by these moves. The end of its process explains a failure, if there was
    /// one; the kernel may report it a moment later than the end of a connection.
    pub(super) fn judge(&mut self, moves: fn(&mut Self) -> Judged) -> Judged {
        let judged = moves(self);
        let Err(Failure::Wrong(seen)) = judged else { return judged };
        Deadline::after(END).until(|| self.subject.is_alive().is_err());
        match self.subject.is_alive() {
            Err(Failure::Wrong(end)) => wrong(format!("{end} ({seen})")),
            _ => wrong(seen),
        }
    }

    /// The processes of the server now; a server may start more at any time.
    pub(super) fn processes(&self) -> Vec<Process> {
        self.subject.processes()
    }

    /// Does `work` while `these` processes are stopped.
    pub(super) fn stopped(
        &self,
        these: &[Process],
        work: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let done = Subject::stop(these, self.deadline).and_then(|()| work());
        subject::go_on(these);
        done
    }
}

/// True if a connection is established there; it is closed at once, with FIN.
fn answers(address: &SocketAddr) -> bool {
    TcpStream::connect_timeout(address, Duration::from_secs(1)).is_ok()
}

/// Returns the command with its port: in place of `{port}`, or its last word if that is a number,
/// or else one word more.
fn with_port(command: &[OsString]) -> Result<(Vec<OsString>, u16), Failure> {
    let mut words = command.to_vec();
    let named = words.iter().any(|word| word.to_string_lossy().contains("{port}"));
    // A command of one word is a program, even if its name is a number.
    let last = words.last().and_then(|word| word.to_str()?.parse().ok());
    if let Some(port) = last.filter(|_| !named && words.len() > 1) {
        return Ok((words, port));
    }
    let port = free_port()?;
    if named {
        words = words.iter().map(|word| replace(word, "{port}", &port.to_string())).collect();
    } else {
        words.push(port.to_string().into());
    }
    Ok((words, port))
}

/// Replaces a placeholder. A word without it stays as it is, even if it is not UTF-8.
pub(super) fn replace(word: &OsString, placeholder: &str, value: &str) -> OsString {
    match word.to_str() {
        Some(text) if text.contains(placeholder) => text.replace(placeholder, value).into(),
        _ => word.clone(),
    }
}

/// Another process may take the port before the server does, but only without isolation.
fn free_port() -> Result<u16, Failure> {
    let mut error = ErrorKind::AddrInUse.into();
    for _ in 0..PORTS.len() {
        let port = fastrand::u16(PORTS);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(other) => error = other,
        }
    }
    Err(ours("a free port")(error))
}

/// A row of the table.
const fn task(name: &'static str, points: u32, run: fn(&mut Server) -> Judged) -> Task {
    Task::new(name, points, Moves::Server(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(Into::into).collect()
    }

    #[test]
    fn the_port_replaces_its_placeholder_or_is_the_last_word() {
        let (given, port) = with_port(&words("./server 9877")).unwrap();
        assert_eq!((given, port), (words("./server 9877"), 9877));
        let (given, port) = with_port(&words("./server")).unwrap();
        assert_eq!(given, words(&format!("./server {port}")));
        let (given, port) = with_port(&words("socat TCP-LISTEN:{port},fork EXEC:cat")).unwrap();
        assert_eq!(given, words(&format!("socat TCP-LISTEN:{port},fork EXEC:cat")));
    }
}
