//! Servers for the client: scripted ones, and the real daemon.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind::WouldBlock, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;
use tempfile::TempDir;

use crate::support::{LIMIT, wait_until};

/// A server that runs the test's script on one connection.
#[derive(Debug)]
pub(crate) struct Server<T> {
    pub(crate) port: u16,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Server<T> {
    pub(crate) fn start(script: impl FnOnce(Peer) -> T + Send + 'static) -> Self {
        Self::on("127.0.0.1:0", script).unwrap()
    }

    pub(crate) fn on(
        address: &str,
        script: impl FnOnce(Peer) -> T + Send + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let port = listener.local_addr()?.port();
        let thread = thread::spawn(move || script(Peer::new(listener.accept().unwrap().0)));
        Ok(Self { port, thread })
    }

    /// Waits for the end of the script, and returns its result.
    pub(crate) fn join(self) -> T {
        self.thread.join().unwrap()
    }
}

/// The server's end of the connection.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// The next line; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line
    }

    /// The next bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// True if no byte arrives for `time`.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.stream().set_read_timeout(Some(time)).unwrap();
        let silent = self.stream.fill_buf().is_err_and(|error| error.kind() == WouldBlock);
        self.stream().set_read_timeout(Some(LIMIT)).unwrap();
        silent
    }

    /// Everything up to the client's FIN.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Echoes this many lines.
    pub(crate) fn echo(&mut self, lines: usize) {
        for _ in 0..lines {
            let line = self.line();
            self.send(line);
        }
    }

    /// Sends FIN; the server can still read.
    pub(crate) fn half_close(&self) {
        self.stream().shutdown(Shutdown::Write).unwrap();
    }

    /// Closes with RST.
    pub(crate) fn reset(self) {
        SockRef::from(self.stream()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Sends FIN, and RST once the client's kernel has the FIN, as for a client that writes to a
    /// server after its process has ended. Returns when the client's connection is gone.
    pub(crate) fn fin_then_reset(self) {
        let server = self.stream().local_addr().unwrap().port();
        let client = self.stream().peer_addr().unwrap().port();
        self.half_close();
        wait_until("the client's CLOSE_WAIT", || state(client, server) == Some(CLOSE_WAIT));
        wait_until("the FIN acknowledged", || state(server, client) == Some(FIN_WAIT_2));
        self.reset();
        wait_until("the RST received", || state(client, server).is_none());
    }
}

/// TCP states by their numbers in /proc/net/tcp.
const FIN_WAIT_2: u8 = 5;
pub(crate) const CLOSE_WAIT: u8 = 8;

/// The state of the connection between two ports of 127.0.0.1, seen from `local`.
pub(crate) fn state(local: u16, remote: u16) -> Option<u8> {
    let line = connection(local, remote)?;
    Some(u8::from_str_radix(line.split_whitespace().nth(3).unwrap(), 16).unwrap())
}

/// The line of /proc/net/tcp for that connection.
pub(crate) fn connection(local: u16, remote: u16) -> Option<String> {
    let addresses = format!(" 0100007F:{local:04X} 0100007F:{remote:04X} ");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().find(|line| line.contains(&addresses)).map(str::to_owned)
}

/// The real daemon, on a free port.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) port: u16,
    _directory: TempDir,
}

impl Daemon {
    pub(crate) fn start(service: &str) -> Self {
        Self::with(&["--service", service])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("port");
        let child = Command::new(env!("CARGO_BIN_EXE_tcpechod"))
            .args(["--listen", "127.0.0.1:0", "--port-file"])
            .arg(&file)
            .args(options)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut daemon = Self { child, port: 0, _directory: directory };
        wait_until("the daemon's port file", || file.exists());
        let address = fs::read_to_string(&file).unwrap();
        daemon.port = address.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        daemon
    }

    /// Ends the daemon with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
