//! Tasks about the server's processes and signals.

use std::collections::HashSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::NamedTempFile;

use crate::exam::peer::Peer;
use crate::exam::processes;
use crate::exam::task::{Failure, Judged, Task, ours, wrong};

use super::{Server, task};

/// The pause after a pass over all processes.
const PASS: Duration = Duration::from_millis(20);

/// How long five children may take to start.
const STARTED: Duration = Duration::from_millis(500);

/// How long a zombie may stay. The course's handler takes a moment, and a busy machine longer.
const REAPED: Duration = Duration::from_secs(2);

pub(super) const ZOMBIES: Task = Task {
    did: "connected five clients; stopped the server's first processes (SIGSTOP), closed all five, \
          and continued: so all children end before the server can wait for one",
    expected: "two seconds later no child is a zombie, and a new client is served; a server \
               without children passes",
    hint: "five children ended: how many signals came, and how many times did you wait?",
    read: "docs/demonstrations/zombies.md; UNP 5.9, 5.10",
    ..task("zombies", 10, zombies)
};

/// The children end while their parent is stopped: so there is one SIGCHLD for all, every time.
fn zombies(server: &mut Server) -> Judged {
    let first = server.processes();
    let mut peers = (0..5).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    if let Some(one) = peers.first_mut() {
        one.exchange("one of five\n")?;
    }
    let children = |server: &Server| {
        let mut all = server.processes();
        all.retain(|one| first.iter().all(|old| old.pid != one.pid));
        all
    };
    // A server with children may need a moment for all. One without children has none, and may even
    // serve one client after the other: that is for another task.
    server.deadline().within(STARTED).until(|| children(server).len() >= 5);
    let started = children(server).len();
    server.stopped(&first, || {
        peers.into_iter().for_each(Peer::close);
        server
            .deadline()
            .within(REAPED)
            .until(|| children(server).iter().all(|one| one.state == 'Z'));
        Ok(())
    })?;
    // A handler that is right takes a moment, a wrong one leaves them for ever.
    let mut left = 0;
    let gone = server.deadline().within(REAPED).until(|| {
        left = children(server).iter().filter(|one| one.state == 'Z').count();
        left == 0
    });
    server.serves("after the five\n")?;
    if gone {
        Ok(format!("{started} children, no zombie"))
    } else {
        wrong(format!("{left} of {started} children are zombies"))
    }
}

pub(super) const EINTR: Task = Task {
    did: "made every other accept, read, recv, poll, select and epoll_wait of the server fail with \
          EINTR (strace -e inject; without strace: SIGSTOP and SIGCONT), while clients came, sent \
          lines and left",
    expected: "every line comes back, and new clients are served",
    hint: "a signal may interrupt a slow system call: what does it return, and is that an error?",
    read: "docs/demonstrations/eintr.md; UNP 5.9",
    ..task("eintr", 5, eintr)
};

/// The slow calls (UNP 5.9). A write to a socket with room is not slow.
const SLOW_CALLS: &str = "accept,accept4,recvfrom,recvmsg,poll,ppoll,select,pselect6,epoll_wait,\
                          epoll_pwait,epoll_pwait2";

fn eintr(server: &mut Server) -> Judged {
    let log = NamedTempFile::new().map_err(ours("a file"))?;
    let calls = slow_calls(server)?;
    let Some(tracer) = inject(server, &calls, &log)? else {
        interrupted(server, |server| server.stopped(&server.processes(), || Ok(())))?;
        return Ok("the server went on: stopped and continued, without strace".to_owned());
    };
    // Detached in any case: under strace the program could not be ended in order.
    let judged = interrupted(server, |_| Ok(()));
    tracer.detach();
    judged?;
    let text = fs::read_to_string(log.path()).unwrap_or_default();
    Ok(format!("the server went on: {} calls failed", text.matches("(INJECTED)").count()))
}

/// The calls that are to fail. A child that executes another program reads the libraries of that
/// program, and no program survives an error of that: then `read` is left out.
fn slow_calls(server: &Server) -> Result<String, Failure> {
    let mut peer = server.connect()?;
    peer.exchange("before the interruptions\n")?;
    let programs = server.processes().into_iter().filter_map(|one| processes::program(one.pid));
    let several = programs.collect::<HashSet<_>>().len() > 1;
    peer.close();
    Ok(if several { SLOW_CALLS.to_owned() } else { format!("read,{SLOW_CALLS}") })
}

/// Three clients, one after the other; `interrupt` comes before each line.
fn interrupted(
    server: &mut Server,
    interrupt: fn(&Server) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for _ in 0..3 {
        let mut peer = server.connect()?;
        for number in 0..5 {
            interrupt(server)?;
            peer.exchange(&format!("interrupted {number}\n"))?;
        }
        peer.close();
    }
    server.serves("after the interruptions\n")
}

/// A running strace.
struct Tracer(Child);

impl Tracer {
    /// Lets go of the server, which runs on without interruptions.
    fn detach(mut self) {
        processes::signal(i32::try_from(self.0.id()).unwrap_or_default(), Signal::INT);
        drop(self.0.wait());
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Attaches strace to the server; none where that is missing or refused.
fn inject(server: &Server, calls: &str, log: &NamedTempFile) -> Result<Option<Tracer>, Failure> {
    let mut targets = server.processes();
    targets.retain(|one| one.state != 'Z');
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", &format!("trace={calls}")]);
    strace.args(["-e", &format!("inject={calls}:error=EINTR:when=1+2"), "-o"]);
    strace.arg(log.path());
    for one in &targets {
        strace.args(["-p", &one.pid.to_string()]);
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without strace there is another way.
    let Ok(child) = strace.spawn() else { return Ok(None) };
    let mut tracer = Tracer(child);
    let tracer_pid = i32::try_from(tracer.0.id()).ok();
    let mut refused = false;
    let attached = server.deadline().until(|| {
        refused = tracer.0.try_wait().is_ok_and(|status| status.is_some());
        let mut rest = server.processes();
        rest.retain(|one| one.state != 'Z' && Some(one.pid) != tracer_pid);
        refused || rest.iter().all(|one| processes::is_traced(one.pid))
    });
    if !attached {
        return Err(ours("strace")(std::io::ErrorKind::TimedOut.into()));
    }
    Ok((!refused).then_some(tracer))
}

pub(super) const SIGTERM: Task = Task {
    did: "connected five clients, had a line echoed on the first, and sent SIGTERM to each process \
          of the server, as the operating system does at shutdown",
    expected: "every client sees the end of its connection, and no process is left",
    hint: "what does SIGTERM do by default, and which end sends FIN when a process ends?",
    read: "docs/demonstrations/shutdown.md; UNP 5.16",
    ..task("sigterm", 5, sigterm)
};

fn sigterm(server: &mut Server) -> Judged {
    let before = server.processes().len();
    let mut peers = (0..5).map(|_| server.connect()).collect::<Result<Vec<_>, _>>()?;
    if let Some(one) = peers.first_mut() {
        one.exchange("in the middle\n")?;
    }
    server.deadline().within(STARTED).until(|| server.processes().len() >= before + 5);
    // A child that was started during the first pass gets the signal in the second.
    let mut told = HashSet::new();
    for _ in 0..2 {
        for one in server.processes() {
            if told.insert(one.pid) {
                processes::signal(one.pid, Signal::TERM);
            }
        }
        server.deadline().within(PASS).until(|| false);
    }
    // FIN or RST: an orderly end is not the subject here.
    for (number, mut peer) in peers.into_iter().enumerate() {
        if !peer.ends_somehow() {
            return wrong(format!("client {} of five still waits", number + 1));
        }
        peer.close();
    }
    let deadline = server.deadline();
    if !deadline.until(|| server.subject.ended().is_some() && server.processes().is_empty()) {
        return wrong(format!("{} processes are left", server.processes().len()));
    }
    Ok("every client saw the end, and no process was left".to_owned())
}
