//! `ports`: which source ports fail. Routers that spread connections over equal paths choose the
//! path by the ports: a part of the ports that fails is a broken path (RFC 2992).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::bail;
use serde::Serialize;

use crate::client::FailureKind;
use crate::num;
use crate::sys::Dialer;

use super::config::{Dialing, PortsConfig, Target};
use super::errand::{Errand, Outcome};
use super::fleet::Fleet;
use super::record::Output;
use super::{Verdict, room, server, us};

/// The silence between two echoes of a port.
const PAUSE: Duration = Duration::from_millis(100);

/// The first and the last port that the system chooses itself: RFC 6335, section 6, but for those
/// below Linux's default.
const FIRST: u16 = 32768;
const LAST: u16 = 60999;

/// A port is slow if even its fastest echo took this many times the median, and this much more.
const SLOW_TIMES: u32 = 3;
const SLOW_MORE: Duration = Duration::from_millis(5);

/// The figures at the end.
#[derive(Debug, Serialize)]
struct PortsSummary {
    host: String,
    /// The ports that were tried.
    ports: usize,
    /// Those that failed.
    failed: Vec<u16>,
    /// Those that were slow.
    slow: Vec<u16>,
    /// An estimate of the number of equal paths; null if all ports are alike.
    paths: Option<u64>,
    /// The number of failures, by word.
    words: BTreeMap<&'static str, u64>,
    /// The median of the fastest echo of each port.
    median_us: Option<f64>,
    /// Ports that another program of this host uses.
    in_use: usize,
}

/// Connects from each port at once, and echoes on each.
pub(super) fn run(
    config: &PortsConfig,
    dialing: &Dialing,
    target: &Target,
    output: &mut Output,
) -> anyhow::Result<Verdict> {
    let server = server(target, &dialing.socket, config.timeout)?;
    let Some(address) = server.tcp() else { bail!("{}: a Unix socket has no ports", target.name) };
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let first = fastrand::u16(FIRST..=LAST - (config.ports - 1).min(LAST - FIRST));
    let errand = |source| Errand {
        source: Some(source),
        silence: PAUSE,
        echoes: config.rounds,
        reset: true,
        ..Errand::default()
    };
    // The ports of --source, if it names some, or else ports that follow each other.
    let named = dialing.socket.sources.iter().any(|source| source.ports.is_some());
    let source = |turn| if named { dialing.socket.source_in_turn(turn, &server) } else { None };
    let errands: Vec<_> = (first..)
        .take(config.ports.into())
        .enumerate()
        .map(|(turn, port)| {
            let address =
                dialing.socket.source_in_turn(turn, &server).map_or(any, |source| source.ip());
            source(turn).unwrap_or_else(|| SocketAddr::new(address, port))
        })
        .map(errand)
        .collect();
    let mut fleet =
        Fleet::new(Dialer::new(dialing.socket.clone())?, server, config.timeout).dialing(dialing);
    let outcomes = fleet.run(&errands, room(), |outcome| {
        let port = port_of(&errands, outcome);
        let mut record = output.begin(&target.name, "port");
        record.seq = Some(port.into());
        record.rtt_us = outcome.echo.map(us);
        record.connect_us = outcome.connect.map(us);
        record.word = outcome.word().map(FailureKind::word);
        record.text = match (&outcome.failure, outcome.echo) {
            _ if outcome.port_in_use => format!("{} port {port}: in use here", target.name),
            (Some((error, _)), _) => {
                format!("{} port {port}: {}: {}", target.name, error.kind.word(), error.details)
            }
            (None, echo) => {
                let ms = echo.unwrap_or_default().as_secs_f64() * 1e3;
                format!("{} port {port}: rtt={ms:.3} ms at most", target.name)
            }
        };
        output.record(&record)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let summary = sum_up(&target.name, &errands, &outcomes);
    output.summary(&summary)?;
    let mut tried = outcomes.iter().filter(|outcome| !outcome.port_in_use);
    Ok(match tried.find_map(Outcome::word) {
        Some(word) if summary.failed.len() == summary.ports => Verdict::Never(word),
        _ if summary.failed.is_empty() => Verdict::Well,
        _ => Verdict::Found,
    })
}

fn sum_up(host: &str, errands: &[Errand], outcomes: &[Outcome]) -> PortsSummary {
    let (ours, tried): (Vec<_>, Vec<_>) = outcomes.iter().partition(|one| one.port_in_use);
    let fastest = |outcome: &Outcome| outcome.echo_min.filter(|_| outcome.failure.is_none());
    let mut times: Vec<_> = tried.iter().filter_map(|one| fastest(one)).collect();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied();
    let limit =
        median.map_or(Duration::MAX, |median| (median * SLOW_TIMES).max(median + SLOW_MORE));
    let ports = |of: &dyn Fn(&Outcome) -> bool| -> Vec<u16> {
        tried.iter().filter(|one| of(one)).map(|one| port_of(errands, one)).collect()
    };
    let failed = ports(&|one| one.failure.is_some());
    let slow = ports(&|one| fastest(one).is_some_and(|time| time > limit));
    let mut words = BTreeMap::new();
    for word in tried.iter().filter_map(|one| one.word()) {
        *words.entry(word.word()).or_default() += 1;
    }
    PortsSummary {
        host: host.to_owned(),
        ports: tried.len(),
        paths: paths(tried.len(), failed.len()).or_else(|| paths(tried.len(), slow.len())),
        failed,
        slow,
        words,
        median_us: median.map(us),
        in_use: ours.len(),
    }
}

/// The most equal paths that are believed: a port that fails alone is no path.
const PATHS_MAX: usize = 64;

/// If one of several equal paths is bad, it is one of that many; none if all ports are alike.
fn paths(all: usize, bad: usize) -> Option<u64> {
    if bad == 0 || bad == all {
        return None;
    }
    let paths = ((all + bad / 2) / bad).max(2);
    (paths <= PATHS_MAX).then(|| num::to_u64(paths))
}

fn port_of(errands: &[Errand], outcome: &Outcome) -> u16 {
    let source = errands.get(outcome.number).and_then(|errand| errand.source);
    outcome.local.or(source).map_or(0, |address| address.port())
}

/// For people.
impl fmt::Display for PortsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, ports, failed, slow, paths, words, in_use, .. } = self;
        writeln!(f, "--- {host}: {ports} source ports; {in_use} more are in use here")?;
        for (word, count) in words {
            writeln!(f, "{count:>8}  {word}")?;
        }
        for (what, list) in [("fail", failed), ("are slow", slow)] {
            if !list.is_empty() {
                let all: Vec<_> = list.iter().map(ToString::to_string).collect();
                writeln!(f, "{} of {ports} ports {what}: {}", list.len(), all.join(" "))?;
            }
        }
        match paths {
            Some(paths) => writeln!(f, "as if one of about {paths} equal paths were bad"),
            None if failed.is_empty() => writeln!(f, "no port fails"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_paths_follows_from_the_share_of_bad_ports() {
        assert_eq!(paths(256, 0), None);
        assert_eq!(paths(256, 256), None);
        assert_eq!(paths(256, 37), Some(7));
        assert_eq!(paths(256, 128), Some(2));
        assert_eq!(paths(256, 85), Some(3));
        assert_eq!(paths(256, 250), Some(2));
        assert_eq!(paths(256, 1), None);
    }
}
