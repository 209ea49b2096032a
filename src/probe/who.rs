//! `who`: which servers answer behind one address, by their greetings.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use crate::client::FailureKind;
use crate::sys::Dialer;

use super::config::{Dialing, Target, WhoConfig};
use super::errand::Errand;
use super::fleet::Fleet;
use super::record::Output;
use super::{Verdict, room, server};

/// Connections at the same time.
const AT_ONCE: usize = 50;

/// The figures at the end.
#[derive(Debug, Default, Serialize)]
struct WhoSummary {
    host: String,
    /// Connections tried.
    connections: u64,
    /// The greeting of each server, and the number of connections that it answered.
    backends: BTreeMap<String, u64>,
    /// The number of connections that failed, by word.
    failed: BTreeMap<&'static str, u64>,
    /// The number of servers that should answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u32>,
}

/// Connects again and again, and counts the servers that answer.
pub(super) fn run(
    config: &WhoConfig,
    dialing: &Dialing,
    target: &Target,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let mut fleet = Fleet::new(
        Dialer::new(dialing.socket.clone())?,
        server(target, &dialing.socket, config.timeout)?,
        config.timeout,
    )
    .dialing(dialing);
    let errand = Errand { greeting: true, ..Errand::default() };
    let errands = vec![errand; usize::try_from(config.connections)?];
    let mut summary =
        WhoSummary { host: target.name.clone(), expected: config.expect, ..WhoSummary::default() };
    let mut failure = None;
    fleet.run(&errands, AT_ONCE.min(room()), |outcome| {
        summary.connections += 1;
        let mut record = output.begin(&target.name, "answer");
        record.seq = Some(summary.connections);
        if let Some((error, _)) = &outcome.failure {
            failure.get_or_insert(error.kind);
            let word = error.kind.word();
            *summary.failed.entry(word).or_default() += 1;
            record.word = Some(word);
            record.text = format!("{}: {word}: {}", target.name, error.details);
        } else {
            let banner = outcome.banner.clone().unwrap_or_default();
            record.text = format!("{}: {banner}", target.name);
            *summary.backends.entry(banner).or_default() += 1;
        }
        output.record(&record)?;
        Ok(ControlFlow::Continue(()))
    })?;
    output.summary(&summary)?;
    Ok(verdict(&summary, failure))
}

fn verdict(summary: &WhoSummary, failure: Option<FailureKind>) -> Verdict {
    let found = u32::try_from(summary.backends.len()).unwrap_or(u32::MAX);
    match failure {
        Some(word) if found == 0 => Verdict::Never(word),
        _ if summary.expected.is_some_and(|expected| found < expected) => Verdict::Found,
        _ => Verdict::Well,
    }
}

/// For people.
impl fmt::Display for WhoSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, connections, backends, failed, expected } = self;
        writeln!(f, "--- {host}: {connections} connections")?;
        let rows = backends.iter().map(|(name, count)| (name.as_str(), count));
        for (name, count) in rows.chain(failed.iter().map(|(word, count)| (*word, count))) {
            writeln!(f, "{count:>8}  {name}")?;
        }
        if backends.is_empty() && failed.contains_key("timed-out") {
            writeln!(f, "no server greets: tcpechod does with --banner '{{host}}'")?;
        }
        match expected {
            Some(expected) => writeln!(f, "servers: {}, expected {expected}", backends.len()),
            None => writeln!(f, "servers: {}", backends.len()),
        }
    }
}
