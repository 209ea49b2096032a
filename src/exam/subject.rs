//! The examined program as it runs: its processes, its input and output, and its end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::NamedTempFile;

use super::processes::{self, Process};
use super::task::{Deadline, Failure, ours, wrong};

/// The most bytes of an output that the exam reads.
const OUTPUT_MAX: usize = 1 << 20;

/// How often, and in which steps, the exam looks for processes to kill: five seconds in all.
const KILL_ROUNDS: u32 = 2500;
const KILL_PAUSE: Duration = Duration::from_millis(2);

/// The lines of strace at the end of a report.
const TRACE_LINES: usize = 20;

/// The calls that strace shows.
const TRACED: &str = "trace=%network,%process,read,readv,write,writev,close,poll,ppoll,select,\
                      pselect6,epoll_wait,epoll_pwait,rt_sigaction,rt_sigreturn";

/// Whether the program runs under strace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strace {
    /// Directly.
    Off,
    /// Under strace.
    On,
}

/// A started program. Dropped, it and all its processes are killed.
#[derive(Debug)]
pub(super) struct Subject {
    child: Child,
    /// Files without a name: no thread has to empty a pipe, and the limit on files bounds them.
    stdout: File,
    stderr: File,
    trace: Option<NamedTempFile>,
    ended: Option<ExitStatus>,
}

impl Subject {
    /// Starts `words`, with `stdin` as its standard input, under strace if asked.
    pub(super) fn start(words: &[OsString], stdin: Stdio, strace: Strace) -> io::Result<Self> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let trace = if strace == Strace::On { Some(NamedTempFile::new()?) } else { None };
        let (program, arguments) =
            words.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let mut command = match &trace {
            None => Command::new(program),
            Some(file) => {
                let mut command = Command::new("strace");
                command.args(["-f", "-qq", "-s", "48", "-e", TRACED, "-o"]).arg(file.path());
                command.arg("--").arg(program);
                command
            }
        };
        command.args(arguments).stdin(stdin);
        command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        Ok(Self { child: command.spawn()?, stdout, stderr, trace, ended: None })
    }

    /// Its processes, without strace and without those that wait for the exam's own `wait`.
    pub(super) fn processes(&self) -> Vec<Process> {
        let own = own_pid();
        let mut all = processes::descendants(own);
        let tracer = self.trace.is_some().then_some(self.pid());
        all.retain(|one| tracer != Some(one.pid) && !(one.state == 'Z' && one.parent == own));
        all
    }

    /// The started process: the program itself, or strace.
    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }

    /// Its status, once the started process has ended.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Fails if no process is left, with the reason.
    pub(super) fn is_alive(&mut self) -> Result<(), Failure> {
        match self.ended() {
            Some(status) if self.processes().is_empty() => wrong(self.describe_end(status)),
            _ => Ok(()),
        }
    }

    /// How it ended, and its last words.
    pub(super) fn describe_end(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("it exited with status {code}"),
            (None, Some(signal)) => format!("signal {signal} ({}) ended it", signal_name(signal)),
            (None, None) => "it ended".to_owned(),
        };
        let said = String::from_utf8_lossy(&self.stderr()).trim_end().to_owned();
        let said = said.lines().next_back().unwrap_or_default().to_owned();
        if said.is_empty() { how } else { format!("{how}, and said: {said}") }
    }

    /// Stops these processes, so that events gather; [`go_on`] continues them.
    pub(super) fn stop(these: &[Process], deadline: Deadline) -> Result<(), Failure> {
        for one in these {
            processes::signal(one.pid, Signal::STOP);
        }
        let own = own_pid();
        let stopped = deadline.until(|| {
            let now = processes::descendants(own);
            these.iter().all(|one| {
                let state = now.iter().find(|it| it.pid == one.pid).map(|it| it.state);
                matches!(state, None | Some('T' | 't' | 'Z'))
            })
        });
        if stopped { Ok(()) } else { Err(ours("SIGSTOP")(io::ErrorKind::TimedOut.into())) }
    }

    /// Writes to the program. The lines of all tasks fit into a pipe, so this does not block.
    pub(super) fn standard_input(&mut self, text: &[u8]) {
        // A client that has ended reads no more, and that is judged by its end.
        if let Some(stdin) = &mut self.child.stdin {
            drop(stdin.write_all(text));
        }
    }

    /// The end of its input.
    pub(super) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    pub(super) fn stdout(&self) -> Vec<u8> {
        content(&self.stdout)
    }

    pub(super) fn stderr(&self) -> Vec<u8> {
        content(&self.stderr)
    }

    /// The last lines of strace, if it was asked for.
    pub(super) fn trace(&self) -> String {
        let text = self.trace.as_ref().map(|file| fs::read(file.path()).unwrap_or_default());
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let lines: Vec<_> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TRACE_LINES);
        lines.get(skipped..).unwrap_or_default().join("\n")
    }
}

/// True if strace is there and may trace.
pub(super) fn strace_works() -> bool {
    let mut trial = Command::new("strace");
    trial.args(["-o", "/dev/null", "true"]).stdin(Stdio::null());
    trial.stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}

/// Continues processes that [`Subject::stop`] has stopped.
pub(super) fn go_on(these: &[Process]) {
    for one in these {
        processes::signal(one.pid, Signal::CONT);
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let (own, child) = (own_pid(), self.pid());
        // A process may start another between the look and the signal, so there are many rounds.
        for _ in 0..KILL_ROUNDS {
            let left = processes::descendants(own);
            if left.is_empty() {
                return;
            }
            for one in &left {
                processes::signal(one.pid, Signal::KILL);
                if one.state == 'Z' && one.parent == own && one.pid != child {
                    processes::reap(one.pid);
                }
            }
            drop(self.child.try_wait());
            thread::sleep(KILL_PAUSE);
        }
    }
}

fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or_default()
}

/// The content of a file, from its beginning; the file's offset belongs to the program.
fn content(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; OUTPUT_MAX];
    let count = file.read_at(&mut bytes, 0).unwrap_or_default();
    bytes.truncate(count);
    bytes
}

/// As in signal(7).
fn signal_name(number: i32) -> String {
    signal_hook::low_level::signal_name(number).unwrap_or("unknown").to_owned()
}
