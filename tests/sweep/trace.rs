//! What strace has written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Behind this the daemon's own code runs: it asks whether its log would wait. What is before is
/// the loader's, the C library's and the language's runtime's.
const MAIN_BEGINS: &str = "ppoll([{fd=2,";

/// Behind this it serves.
const SERVICE_BEGINS: &str = "epoll_wait(";

/// Behind this it drains.
const DRAIN_BEGINS: &str = "--- SIGTERM ";

/// What the daemon is doing.
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

/// A system call that the daemon made, or a child of it before it was another program.
#[derive(Debug)]
pub(crate) struct Occurrence {
    pub(crate) name: String,
    pub(crate) stage: Stage,
    /// How many of that name the process had made, this one included: strace's `when`.
    pub(crate) number: usize,
    /// The whole line.
    pub(crate) line: String,
    /// A child made it.
    pub(crate) by_child: bool,
}

/// A record of strace.
#[derive(Debug)]
pub(crate) struct Trace(Vec<String>);

impl Trace {
    pub(crate) fn read(path: &Path) -> Self {
        Self::of(&String::from_utf8_lossy(&fs::read(path).unwrap_or_default()))
    }

    pub(crate) fn of(text: &str) -> Self {
        Self(text.lines().map(ToOwned::to_owned).collect())
    }

    /// The lines in which something was injected.
    pub(crate) fn injected(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|line| line.contains("(INJECTED)"))
    }

    /// Whether a SIGTERM came.
    pub(crate) fn has_signal(&self) -> bool {
        self.0.iter().any(|line| line.contains(DRAIN_BEGINS))
    }

    /// Whether SIGTERM came before anybody could connect.
    pub(crate) fn was_killed_before_it_listened(&self) -> bool {
        let first = |what: &str| self.0.iter().position(|line| line.contains(what));
        first("killed by SIGTERM").is_some() && first("listen(").is_none()
    }

    /// Every call that is the daemon's own, in order.
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

    /// What is wrong with how connections were ended: whoever was sent FIN, and had no error and no
    /// RST, was sent before it all that had been read of it; and what there was had been read to
    /// its end, behind SIGTERM if that came.
    pub(crate) fn unpaid(&self) -> Vec<String> {
        let mut open: BTreeMap<String, Account> = BTreeMap::new();
        let mut wrong = Vec::new();
        for line in &self.0 {
            let (_, rest) = process_of(line);
            if rest.starts_with(DRAIN_BEGINS) {
                // What was there before says nothing of what is there now, but for FIN.
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
            // RST follows. A Unix socket has none: its peer sees EOF, and is told by the closing
            // line only, which is looked at where the peers are.
            account.excused |= failed || (name == "setsockopt" && call.contains("SO_LINGER"));
            // A visitor of /metrics is no peer: it gets something else back.
            account.excused |= call.contains("\"GET");
            match name {
                "recvfrom" if !account.fin_sent => {
                    account.read += count;
                    account.had_fin |= result[0] == "0";
                    account.at_end = account.had_fin
                        || result.get(1) == Some(&"EAGAIN")
                        || (result[0] != "-1" && asked_for(call).is_some_and(|room| count < room));
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

/// What went through one descriptor.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen in another call")]
struct Account {
    read: i64,
    written: i64,
    /// It was not to be given all of it back, or knows that it was not.
    excused: bool,
    fin_sent: bool,
    /// The peer's FIN was read.
    had_fin: bool,
    /// The last read found the end of what there was: EAGAIN, less than it asked for, or FIN.
    at_end: bool,
}

/// How many bytes a recvfrom asks for: the last but three of what is in its brackets, since what it
/// got, which comes before, may have commas.
fn asked_for(call: &str) -> Option<i64> {
    call.rsplit(", ").nth(3)?.parse().ok()
}

/// With `-f` each line begins with the process it is of.
fn process_of(line: &str) -> (&str, &str) {
    match line.split_once(' ') {
        Some((process, rest)) if process.bytes().all(|byte| byte.is_ascii_digit()) => {
            (process, rest.trim_start())
        }
        _ => ("", line),
    }
}

/// The name of the call that a line begins.
fn call_of(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('(')?;
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(letter)).then_some(name)
}
