//! The record of strace.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The first call of the daemon's own code, which polls stderr. The calls before it are those of
/// the loader, the C library and the language runtime.
const MAIN_BEGINS: &str = "ppoll([{fd=2,";

/// The first call of the event loop.
const SERVICE_BEGINS: &str = "epoll_wait(";

/// The signal that starts the drain.
const DRAIN_BEGINS: &str = "--- SIGTERM ";

/// The stage of the daemon's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Start,
    Service,
    Drain,
}

impl Stage {
    pub(crate) const ALL: [Self; 3] = [Self::Start, Self::Service, Self::Drain];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Service => "service",
            Self::Drain => "drain",
        }
    }
}

/// A system call of the daemon, or of its child before execve.
#[derive(Debug)]
pub(crate) struct Occurrence {
    pub(crate) name: String,
    pub(crate) stage: Stage,
    /// The ordinal of this call among the process's calls of that name: strace's `when`.
    pub(crate) number: usize,
    /// The whole line.
    pub(crate) line: String,
    /// A child made the call.
    pub(crate) by_child: bool,
}

/// A record of strace, line by line.
#[derive(Debug)]
pub(crate) struct Trace(Vec<String>);

impl Trace {
    pub(crate) fn read(path: &Path) -> Self {
        Self::of(&String::from_utf8_lossy(&fs::read(path).unwrap_or_default()))
    }

    pub(crate) fn of(text: &str) -> Self {
        Self(text.lines().map(ToOwned::to_owned).collect())
    }

    /// The lines with an injected fault.
    pub(crate) fn injected(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|line| line.contains("(INJECTED)"))
    }

    /// True if a SIGTERM came.
    pub(crate) fn has_signal(&self) -> bool {
        self.0.iter().any(|line| line.contains(DRAIN_BEGINS))
    }

    /// True if SIGTERM killed the daemon before it listened.
    pub(crate) fn was_killed_before_it_listened(&self) -> bool {
        let first = |what: &str| self.0.iter().position(|line| line.contains(what));
        first("killed by SIGTERM").is_some() && first("listen(").is_none()
    }

    /// Returns every call of the daemon's own code, in order.
    pub(crate) fn occurrences(&self) -> Vec<Occurrence> {
        let mut stage = None;
        let mut counts = BTreeMap::new();
        let mut all = Vec::new();
        let daemon = self.0.first().map_or("", |line| process_of(line).0);
        for line in &self.0 {
            let (process, rest) = process_of(line);
            if rest.starts_with(DRAIN_BEGINS) {
                stage = stage.max(Some(Stage::Drain));
            }
            let Some(name) = call_of(rest) else { continue };
            let count = counts.entry((process, name)).or_insert(0);
            *count += 1;
            if rest.starts_with(MAIN_BEGINS) {
                stage = stage.max(Some(Stage::Start));
            } else if rest.starts_with(SERVICE_BEGINS) {
                stage = stage.max(Some(Stage::Service));
            }
            if let Some(stage) = stage {
                let (name, line) = (name.to_owned(), rest.to_owned());
                let by_child = process != daemon;
                all.push(Occurrence { name, stage, number: *count, line, by_child });
            }
        }
        all
    }

    /// Lists connections that were closed wrongly. Before FIN, the daemon must have echoed all that
    /// it had read, unless there was an error or an RST; and it must have read all available input,
    /// after the beginning of the drain if there was one.
    pub(crate) fn wrong_closes(&self) -> Vec<String> {
        let mut open: BTreeMap<String, Account> = BTreeMap::new();
        let mut wrong = Vec::new();
        let mut draining = false;
        for line in &self.0 {
            let (_, rest) = process_of(line);
            let begins = rest.starts_with(DRAIN_BEGINS) || breaks_the_loop(rest);
            if begins && !std::mem::replace(&mut draining, true) {
                // The drain must read again, except after the peer's FIN.
                for account in open.values_mut() {
                    account.at_end &= account.had_fin;
                }
            }
            let (Some(name), Some((call, result))) = (call_of(rest), rest.rsplit_once(" = "))
            else {
                continue;
            };
            let result = result.split(' ').collect::<Vec<_>>();
            let failed = result[0] == "-1" && !["EAGAIN", "EINTR"].contains(&result[1]);
            let count = result[0].parse().unwrap_or(0_i64).max(0);
            let descriptor = call.split(['(', ',', ')']).nth(1).unwrap_or_default().to_owned();
            if name == "accept4" && count > 0 {
                open.insert(result[0].to_owned(), Account::default());
            }
            let Some(account) = open.get_mut(&descriptor) else { continue };
            // RST follows. A Unix socket cannot send RST: its peer sees EOF, and only the closing
            // line shows the cause, which `point` checks.
            account.excused |= failed || (name == "setsockopt" && call.contains("SO_LINGER"));
            // An admin client gets a response, not an echo.
            account.excused |= call.contains("\"GET");
            match name {
                "recvfrom" if !account.fin_sent => {
                    account.read += count;
                    account.had_fin |= result[0] == "0";
                    account.at_end = account.had_fin
                        || result.get(1) == Some(&"EAGAIN")
                        || (result[0] != "-1"
                            && requested_bytes(call).is_some_and(|room| count < room));
                }
                "sendto" => account.written += count,
                "shutdown" | "close" if !account.fin_sent => {
                    account.fin_sent = true;
                    if account.read != account.written && !account.excused {
                        wrong.push(format!("FIN with bytes missing: {account:?}: {line}"));
                    }
                    if name == "shutdown" && !account.at_end && !account.excused {
                        wrong.push(format!("FIN before the input's end: {account:?}: {line}"));
                    }
                }
                _ => {}
            }
            if name == "close" {
                open.remove(&descriptor);
            }
        }
        wrong
    }
}

/// True for a failure of the listener or the poll that makes the daemon drain. A later SIGTERM
/// begins no other drain.
fn breaks_the_loop(call: &str) -> bool {
    let is_broken = ["EBADF", "EINVAL", "ENOTSOCK", "EFAULT"]
        .iter()
        .any(|errno| call.rsplit_once(" = ").is_some_and(|(_, result)| result.contains(errno)));
    is_broken && ["accept4(", "epoll_wait("].iter().any(|name| call.starts_with(name))
}

/// The traffic of one descriptor.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen in a different call")]
struct Account {
    read: i64,
    written: i64,
    /// The peer need not get everything back, or sees that it did not.
    excused: bool,
    fin_sent: bool,
    /// The daemon has read the peer's FIN.
    had_fin: bool,
    /// The last read drained the socket: EAGAIN, a short read, or FIN.
    at_end: bool,
}

/// The buffer size of a recvfrom: the fourth argument from the end, because the received data,
/// which come first, may contain commas.
fn requested_bytes(call: &str) -> Option<i64> {
    call.rsplit(", ").nth(3)?.parse().ok()
}

/// With `-f`, each line starts with the process id.
fn process_of(line: &str) -> (&str, &str) {
    match line.split_once(' ') {
        Some((process, rest)) if process.bytes().all(|byte| byte.is_ascii_digit()) => {
            (process, rest.trim_start())
        }
        _ => ("", line),
    }
}

/// The name of the call that a line starts.
fn call_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(')?;
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(letter)).then_some(name)
}
