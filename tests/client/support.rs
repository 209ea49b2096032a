//! The client as a child process, and waits with a time limit.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The limit of every wait. Each takes milliseconds; a busy machine may need longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) const TCPECHO: &str = env!("CARGO_BIN_EXE_tcpecho");

/// Waits until `seen` returns true.
pub(crate) fn wait_until(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < LIMIT, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// `tcpecho OPTIONS 127.0.0.1 PORT`, without settings from the environment.
pub(crate) fn command(options: &[&str], port: u16) -> Command {
    let mut command = Command::new(TCPECHO);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCPECHO_")) {
        command.env_remove(name);
    }
    command.args(options).args(["127.0.0.1", &port.to_string()]);
    command
}

/// Runs the client to its end, with `input` as standard input.
pub(crate) fn run(options: &[&str], port: u16, input: &[u8]) -> Finished {
    let mut client = Client::start(options, port);
    let mut stdin = client.stdin.take().unwrap();
    let input = input.to_vec();
    // In a separate thread, as a shell does with a pipe. The client may end before it has read all.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let finished = client.finish();
    writer.join().unwrap();
    finished
}

/// The result of a client that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// Asserts success: exit status 0, empty standard error, and `expected` on standard output.
    #[track_caller]
    pub(crate) fn echoed(&self, expected: impl AsRef<[u8]>) {
        let expected = expected.as_ref();
        assert_eq!((self.status.code(), self.stderr.as_str()), (Some(0), ""));
        assert_eq!(self.stdout.len(), expected.len(), "bytes echoed");
        assert!(self.stdout == expected, "the echo differs");
    }

    /// Asserts the exit status, and that the last line of standard error begins with
    /// `tcpecho: WORD: ` and contains `details`.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, word: &str, details: &str) {
        let line = self.stderr.lines().last().unwrap_or_default();
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        let rest = line.strip_prefix(&format!("tcpecho: {word}: "));
        assert!(rest.is_some_and(|rest| rest.contains(details)), "{word}: {details}: {line}");
    }

    /// The signal that ended the client.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// A running client; threads read its output all the time.
#[derive(Debug)]
pub(crate) struct Client {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Pipe,
    stderr: Pipe,
}

impl Client {
    pub(crate) fn start(options: &[&str], port: u16) -> Self {
        let mut command = command(options, port);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self::spawn(&mut command)
    }

    /// Spawns `command`, and takes the ends of its pipes.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = Pipe::of(child.stdout.take());
        let stderr = Pipe::of(child.stderr.take());
        Self { child, stdin, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for `text` on standard output, after the previous match.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        self.stdout.wait_for(text);
    }

    /// Waits for `text` on standard error, after the previous match.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        self.stderr.wait_for(text);
    }

    /// Stops the client with SIGSTOP, and waits until it is stopped.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
        let status = format!("/proc/{}/status", self.pid());
        wait_until("the client is stopped", || {
            fs::read_to_string(&status).unwrap().contains("State:\tT")
        });
    }

    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([name, &self.pid().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes the input, if it is still open, and waits until the client has ended.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        drop(self.stdin.take());
        self.ends()
    }

    /// Waits until the client has ended, with the input still open.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Finished {
        let stdout = self.stdout.rest();
        let stderr = String::from_utf8(self.stderr.rest()).unwrap();
        Finished { status: self.child.wait().unwrap(), stdout, stderr }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A failed test leaves no process behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The output of a child that has arrived so far.
#[derive(Debug)]
struct Pipe {
    coming: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// The length of the part that earlier waits have matched.
    matched: usize,
}

impl Pipe {
    fn of(source: Option<impl Read + Send + 'static>) -> Self {
        let (sender, coming) = channel();
        if let Some(mut source) = source {
            thread::spawn(move || {
                let mut room = vec![0; 1 << 16];
                while let Ok(count @ 1..) = source.read(&mut room) {
                    if sender.send(room[..count].to_vec()).is_err() {
                        return;
                    }
                }
            });
        }
        Self { coming, seen: Vec::new(), matched: 0 }
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        loop {
            let fresh = &self.seen[self.matched..];
            if let Some(place) = fresh.windows(text.len()).position(|part| part == text.as_bytes())
            {
                self.matched += place + text.len();
                return;
            }
            let Ok(bytes) = self.coming.recv_timeout(LIMIT) else {
                panic!("{text:?} did not come: {:?}", String::from_utf8_lossy(&self.seen));
            };
            self.seen.extend(bytes);
        }
    }

    #[track_caller]
    fn rest(&mut self) -> Vec<u8> {
        loop {
            match self.coming.recv_timeout(LIMIT) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.seen),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("the output does not end: {:?}", String::from_utf8_lossy(&self.seen))
                }
            }
        }
    }
}

/// A memory field of /proc/PID/status, converted from kB to bytes.
pub(crate) fn memory_bytes(pid: u32, field: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// `count` numbered lines.
pub(crate) fn lines(count: usize) -> Vec<u8> {
    (1..=count).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}
