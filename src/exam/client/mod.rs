//! The examination of a client: the table of its tasks, and the client with the exam as its server.

mod endings;
mod exchange;

use std::ffi::OsString;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use super::peer::{Peer, shown, word};
use super::server::replace;
use super::subject::{Strace, Subject};
use super::task::{Deadline, Failure, Judged, Moves, Task, ours, wrong};

/// The tasks, from the simplest to the hardest.
pub const TASKS: [Task; 10] = [
    exchange::ECHO,
    exchange::BYTES,
    exchange::END_OF_INPUT,
    endings::SERVER_FIN,
    endings::SERVER_RESET,
    endings::SERVER_KILLED,
    endings::SILENT,
    exchange::PIECES,
    exchange::SLOW,
    endings::REFUSED,
];

/// How long a client may take to act on its input or on an echo before the exam's next move.
const MOMENT: Duration = Duration::from_millis(200);

/// A client, and the exam's listener.
#[derive(Debug)]
pub(super) struct Client {
    words: Vec<OsString>,
    strace: Strace,
    listener: Option<TcpListener>,
    pub(super) subject: Option<Subject>,
    pub(super) not_started: Option<String>,
    deadline: Deadline,
}

impl Client {
    /// Opens the listener that `command` is to connect to.
    pub(super) fn prepare(
        command: &[OsString],
        strace: Strace,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ours("listen"))?;
        let port = listener.local_addr().map_err(ours("listen"))?.port().to_string();
        let mut words: Vec<_> = command
            .iter()
            .map(|word| replace(&replace(word, "{host}", "127.0.0.1"), "{port}", &port))
            .collect();
        if words == command {
            words.extend(["127.0.0.1".into(), port.into()]);
        }
        Ok(Self {
            words,
            strace,
            listener: Some(listener),
            subject: None,
            not_started: None,
            deadline,
        })
    }

    /// Starts the client.
    fn start(&mut self) -> Result<(), Failure> {
        let started = Subject::start(&self.words, Stdio::piped(), self.strace);
        self.subject = Some(started.map_err(|error| {
            let why = format!("it can't be started: {error}");
            self.not_started = Some(why.clone());
            Failure::Wrong(why)
        })?);
        Ok(())
    }

    /// Starts the client, and accepts its connection.
    fn connected(&mut self) -> Result<Peer, Failure> {
        self.start()?;
        let listener = self.listener.as_ref().ok_or_else(|| no("listener"))?;
        let deadline = self.deadline;
        Peer::accept(listener, deadline).or_else(|failure| match self.status() {
            Some(status) => wrong(format!("{}, and did not connect", self.describe(status))),
            None => Err(failure),
        })
    }

    /// The started client.
    fn running(&mut self) -> Result<&mut Subject, Failure> {
        self.subject.as_mut().ok_or_else(|| no("client"))
    }

    /// Its exit status, once it has ended.
    fn status(&mut self) -> Option<ExitStatus> {
        self.subject.as_mut()?.ended()
    }

    /// How it ended, in words.
    fn describe(&self, status: ExitStatus) -> String {
        self.subject.as_ref().map(|it| it.describe_end(status)).unwrap_or_default()
    }

    /// From now on, the kernel refuses connections.
    fn close_listener(&mut self) {
        self.listener = None;
    }

    /// Fails if the client ended with exit status 0.
    fn failed(&mut self) -> Result<(), Failure> {
        match self.status() {
            Some(status) if status.success() => wrong(self.describe(status)),
            _ => Ok(()),
        }
    }

    /// Gives the client time to act.
    fn pause(&self, time: Duration) {
        let pause = self.deadline.within(time);
        pause.until(|| pause.has_passed());
    }

    /// Gives the client a line, as a user at a terminal does: the input stays open.
    fn type_in(&mut self, line: &str) -> Result<(), Failure> {
        self.running()?.standard_input(line.as_bytes());
        Ok(())
    }

    /// Waits until the client has ended.
    fn ends(&mut self) -> Result<ExitStatus, Failure> {
        let deadline = self.deadline;
        let mut status = None;
        deadline.until(|| {
            status = self.status();
            status.is_some()
        });
        status.ok_or_else(|| Failure::Wrong("the client does not end".to_owned()))
    }

    /// Types `lines`, ends the input, replies to all that arrives, and expects the lines on
    /// standard output and exit status 0.
    fn batch(&mut self, lines: &[u8], reply: fn(&mut Peer, &[u8]) -> io::Result<()>) -> Judged {
        let mut peer = self.connected()?;
        self.running()?.standard_input(lines);
        self.running()?.end_input();
        let mut room = [0; 4096];
        loop {
            peer.stream.set_read_timeout(Some(self.deadline.left())).map_err(ours("timeout"))?;
            let count = match peer.stream.read(&mut room) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return wrong(format!("the client sent no FIN: {}", word(&error))),
            };
            if let Err(error) = reply(&mut peer, room.get(..count).unwrap_or_default()) {
                return wrong(format!("the client did not wait for its echoes: {error}"));
            }
        }
        // FIN in answer to the client's: a correct client waits for it.
        peer.close();
        let status = self.ends()?;
        self.shows(lines)?;
        if status.success() {
            return Ok("all lines were on its standard output, and it exited with 0".to_owned());
        }
        wrong(format!("all lines came, but {}", self.describe(status)))
    }

    /// Expects each line on standard output, in order; there may be prompts between them.
    fn shows(&mut self, lines: &[u8]) -> Result<(), Failure> {
        let stdout = self.running()?.stdout();
        let mut rest = stdout.as_slice();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let place = rest.windows(line.len()).position(|part| part == line);
            let Some(place) = place else {
                return wrong(format!("{} is missing on its standard output", shown(line)));
            };
            rest = rest.get(place + line.len()..).unwrap_or_default();
        }
        Ok(())
    }

    /// Expects the client to end by itself, and to say why: on standard error, or on standard
    /// output beside the echoes.
    fn says_why_and_ends(&mut self, echoed: &str) -> Judged {
        let status = self.ends()?;
        if status.signal().is_some() {
            return wrong(self.describe(status));
        }
        let (stdout, stderr) = (self.running()?.stdout(), self.running()?.stderr());
        // Most clients do not flush the echo before their end, so it is looked for only now.
        let stdout = String::from_utf8_lossy(&stdout).replacen(echoed.trim_end(), "", 1);
        let said = stdout + &String::from_utf8_lossy(&stderr);
        let words = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        match words {
            Some(words) => Ok(format!("it said \"{words}\", and exited")),
            None => wrong(format!("{}, without a word", self.describe(status))),
        }
    }
}

/// A programming error of the exam: a move before its time.
fn no(thing: &str) -> Failure {
    Failure::Skipped(format!("the exam itself: no {thing}"))
}

/// A row of the table.
const fn task(name: &'static str, points: u32, run: fn(&mut Client) -> Judged) -> Task {
    Task::new(name, points, Moves::Client(run))
}
