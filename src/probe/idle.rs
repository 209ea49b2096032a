//! `idle`: how long a connection may be silent. A ladder of connections, each silent for twice as
//! long as the one before; then more of them between the last that lived and the first that died.

use std::fmt;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::client::FailureKind;
use crate::net::socket_options::SocketOptions;
use crate::sys::Dialer;

use super::config::{Dialing, IdleConfig, Target};
use super::errand::{Errand, Outcome};
use super::fleet::Fleet;
use super::record::{Output, Record};
use super::{Verdict, server, us};

/// Connections between the last that lived and the first that died.
const BETWEEN: u32 = 8;

/// The knowledge so far; the content of the state file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    host: String,
    /// The longest silence after which a connection still answered, in seconds.
    alive_s: Option<f64>,
    /// The shortest after which none did; null if none has died.
    dead_s: Option<f64>,
    /// How it died: `silence`, `reset`, `fin`, or `none`.
    by: String,
}

/// Searches the limit.
pub(super) fn run(
    config: &IdleConfig,
    dialing: &Dialing,
    target: &Target,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let server = server(target, &dialing.socket, config.timeout)?;
    let socket = SocketOptions { keepalive: config.keepalive, ..dialing.socket.clone() };
    let mut fleet = Fleet::new(Dialer::new(socket)?, server, config.timeout).dialing(dialing);
    let mut known = Known::read(config.state.as_deref(), &target.name)?;
    let (mut unreached, mut failed) = (false, None);
    while let Some(silences) = known.next(config) {
        let before = known.clone();
        let errand =
            |silence: &Duration| Errand { silence: *silence, echoes: 1, ..Errand::default() };
        let errands: Vec<_> = silences.iter().map(errand).collect();
        let mut finished = Vec::new();
        fleet.run(&errands, errands.len(), |outcome| {
            unreached |= outcome.connect.is_none();
            failed = failed.or_else(|| outcome.word());
            let record = filled(output.begin(&target.name, "silence"), outcome, &silences);
            output.record(&record)?;
            output.flush()?;
            known.learn(outcome);
            known.write(config.state.as_deref())?;
            finished.push(outcome.number);
            Ok(if known.is_enough(&silences, &finished) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        })?;
        // Another round of the same would tell nothing new.
        if fleet.interrupted || unreached || known == before {
            break;
        }
    }
    output.summary(&known)?;
    Ok(match failed {
        Some(word) if known.alive_s.is_none() && known.dead_s.is_none() => Verdict::Never(word),
        _ => Verdict::Well,
    })
}

fn filled(mut record: Record, outcome: &Outcome, silences: &[Duration]) -> Record {
    let host = &record.host;
    let silence = silences.get(outcome.number).copied().unwrap_or_default();
    record.rtt_us = outcome.echo.map(us);
    record.word = outcome.word().map(FailureKind::word);
    record.text = match &outcome.failure {
        Some((error, _)) if outcome.connect.is_none() => {
            format!("{host}: {}: {}", error.kind.word(), error.details)
        }
        None => format!("{host}: alive after {:.3} s of silence", outcome.silent.as_secs_f64()),
        Some((error, after)) => {
            let (after, silence) = (after.as_secs_f64(), silence.as_secs_f64());
            format!("{host}: dead after {after:.3} s, of {silence:.3} s: {}", error.details)
        }
    };
    record
}

impl Known {
    /// Reads the knowledge of an earlier run about this host.
    fn read(state: Option<&Path>, host: &str) -> anyhow::Result<Self> {
        let new = Self { host: host.to_owned(), by: "none".to_owned(), ..Self::default() };
        let Some(path) = state else { return Ok(new) };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(new),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let known: Self = serde_json::from_str(&text)
            .with_context(|| format!("{} is no state of tcpecho-probe idle", path.display()))?;
        anyhow::ensure!(known.host == host, "{} is about {}", path.display(), known.host);
        Ok(known)
    }

    fn write(&self, state: Option<&Path>) -> io::Result<()> {
        let Some(path) = state else { return Ok(()) };
        fs::write(path, serde_json::to_string(self)? + "\n").map_err(|error| {
            io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display()))
        })
    }

    /// Returns the silences to try next; none if the limit is known well enough.
    fn next(&self, config: &IdleConfig) -> Option<Vec<Duration>> {
        let alive = Duration::from_secs_f64(self.alive_s.unwrap_or(0.0));
        let Some(dead) = self.dead_s.map(Duration::from_secs_f64) else {
            let first = config.from.max(alive * 2).min(config.to);
            let ladder = std::iter::successors(Some(first), |silence| {
                (*silence < config.to).then(|| (*silence * 2).min(config.to))
            });
            return (alive < config.to).then(|| ladder.collect());
        };
        let gap = dead.saturating_sub(alive);
        if self.by != "silence" || gap <= config.within {
            // FIN and RST tell the moment themselves.
            return None;
        }
        let steps = BETWEEN
            .min(
                u32::try_from(gap.as_millis() / config.within.as_millis().max(1))
                    .unwrap_or(BETWEEN),
            )
            .max(2);
        Some((1..steps).map(|step| alive + gap * step / steps).collect())
    }

    /// Takes the outcome of one silence.
    fn learn(&mut self, outcome: &Outcome) {
        let Some((error, after)) = &outcome.failure else {
            let silent = outcome.silent.as_secs_f64();
            self.alive_s = Some(self.alive_s.map_or(silent, |alive| alive.max(silent)));
            return;
        };
        if outcome.connect.is_none() {
            return;
        }
        // Without an answer to the echo, the connection died somewhere in the silence. FIN or RST
        // in the silence came at once; in answer to the echo, they tell no more than silence does.
        let in_silence = outcome.silent == Duration::ZERO;
        let by = match error.kind {
            FailureKind::Terminated if in_silence => "fin",
            FailureKind::Reset if in_silence => "reset",
            FailureKind::TimedOut | FailureKind::Terminated | FailureKind::Reset => "silence",
            FailureKind::Failed
            | FailureKind::BrokenPipe
            | FailureKind::Unreachable
            | FailureKind::Refused
            | FailureKind::Unresolved => return,
        };
        let died = if in_silence { *after } else { outcome.silent }.as_secs_f64();
        if self.dead_s.is_none_or(|dead| died < dead) {
            self.dead_s = Some(died);
            by.clone_into(&mut self.by);
            if by != "silence" {
                self.alive_s = Some(self.alive_s.map_or(died, |alive| alive.max(died)));
            }
        }
    }

    /// True if the silences that are still on their way are longer than one that has died, and all
    /// shorter ones have ended.
    fn is_enough(&self, silences: &[Duration], finished: &[usize]) -> bool {
        let Some(dead) = self.dead_s.map(Duration::from_secs_f64) else { return false };
        let unfinished = silences.iter().enumerate().filter(|(at, _)| !finished.contains(at));
        unfinished.map(|(_, silence)| *silence).min().is_none_or(|next| next >= dead)
    }
}

/// For people.
impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match (self.alive_s, self.dead_s) {
            (alive, Some(dead)) => {
                let by = match self.by.as_str() {
                    "fin" => "by FIN",
                    "reset" => "by RST",
                    _ => "by silence: no answer comes, and nothing tells why",
                };
                let alive = alive.unwrap_or(0.0);
                writeln!(f, "--- {host}: alive after {alive:.3} s, dead after {dead:.3} s, {by}")?;
                let often = (alive / 2.0).max(0.1);
                writeln!(f, "an echo every {often:.1} s keeps a connection (tcpecho --heartbeat)")
            }
            (Some(alive), None) => {
                writeln!(f, "--- {host}: alive after {alive:.3} s, the longest silence tried")
            }
            (None, None) => writeln!(f, "--- {host}: no silence has ended yet"),
        }
    }
}
