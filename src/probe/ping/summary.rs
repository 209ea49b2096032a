//! The figures of a `ping` at its end: for programs, and as text.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::connection::Stream;
use crate::net::tcp_info::TcpInfo;
use crate::num;
use crate::sys::Dial;

use super::Ping;
use super::channel::{Channel, Times};
use super::ledger::Outage;
use crate::probe::Verdict;
use crate::probe::trip::Trip;

/// All hosts together, and each by itself.
#[derive(Debug, Serialize)]
pub(in crate::probe) struct PingSummary {
    #[serde(flatten)]
    all: ChannelSummary,
    /// The start, in seconds since 1970.
    started_s: f64,
    /// Seconds from the first probe to the end.
    duration_s: f64,
    /// Seconds in which this process was stopped.
    paused_s: f64,
    /// Each host on each kind of connection; left out if there is only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<ChannelSummary>,
}

/// A host on one kind of connection, or all of them.
#[derive(Clone, Debug, Default, Serialize)]
struct ChannelSummary {
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    connection: &'static str,
    sent: u64,
    answered: u64,
    lost: u64,
    /// Times due that this process missed.
    skipped: u64,
    rtt_us: Option<TimesSummary>,
    connect_us: Option<TimesSummary>,
    /// How late this process sent its probes.
    late_us: Option<TimesSummary>,
    jitter_us: Option<f64>,
    /// The kernel's figures of the connection that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<KernelSummary>,
    outages: Vec<OutageSummary>,
    /// Seconds of outages, of any host; one that has not ended counts until the end of the run.
    downtime_s: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct TimesSummary {
    min: f64,
    p50: f64,
    p99: f64,
    max: f64,
    mean: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct KernelSummary {
    rtt_us: u32,
    retransmits: u32,
}

/// An outage, in seconds since the start.
#[derive(Clone, Debug, Serialize)]
struct OutageSummary {
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    connection: &'static str,
    began: f64,
    /// Null if it has not ended.
    ended: Option<f64>,
    /// Null if no answer came before.
    last_answer: Option<f64>,
    /// From its beginning.
    noticed_after_s: f64,
    word: &'static str,
    lost: u64,
    /// From its beginning until a connect worked; null if none did.
    connected_after_s: Option<f64>,
}

impl<D: Dial> Ping<'_, D> {
    /// Returns the figures of the run.
    pub(in crate::probe) fn summary(&self) -> PingSummary {
        let hosts: Vec<_> = self.channels.iter().map(|channel| self.of(channel)).collect();
        let all = match hosts.as_slice() {
            [only] => ChannelSummary { host: String::new(), connection: "", ..only.clone() },
            _ => self.together(&hosts),
        };
        PingSummary {
            all,
            started_s: self.started_s,
            duration_s: self.seconds(self.now),
            paused_s: self.paused.as_secs_f64(),
            hosts: if hosts.len() > 1 { hosts } else { Vec::new() },
        }
    }

    fn of(&self, channel: &Channel) -> ChannelSummary {
        let host = self.hosts.get(channel.host).map(|host| host.target.name.clone());
        let figures = &channel.figures;
        let outages = channel.ledger.outages().iter();
        let trip = channel.trips.first().and_then(|key| self.trips.get(*key));
        let info = trip.map(Trip::stream).and_then(Stream::tcp_info);
        ChannelSummary {
            host: host.unwrap_or_default(),
            connection: channel.kind.name(),
            sent: figures.sent,
            answered: figures.answered,
            lost: figures.lost,
            skipped: figures.skipped,
            rtt_us: times(&figures.rtt),
            connect_us: times(&figures.connect),
            late_us: times(&figures.late),
            jitter_us: figures.jitter_us(),
            kernel: info
                .map(|TcpInfo { rtt_us, retransmits }| KernelSummary { rtt_us, retransmits }),
            outages: outages.map(|outage| self.outage(outage)).collect(),
            downtime_s: self.downtime(std::slice::from_ref(channel)),
        }
    }

    fn outage(&self, outage: &Outage) -> OutageSummary {
        OutageSummary {
            host: String::new(),
            connection: "",
            began: self.seconds(outage.began),
            ended: outage.ended.map(|at| self.seconds(at)),
            last_answer: outage.last_answer.map(|at| self.seconds(at)),
            noticed_after_s: outage.noticed.since(outage.began).as_secs_f64(),
            word: outage.word.word(),
            lost: outage.lost,
            connected_after_s: outage.connected.map(|at| at.since(outage.began).as_secs_f64()),
        }
    }

    /// The time in which at least one of the channels had an outage, in seconds.
    fn downtime(&self, channels: &[Channel]) -> f64 {
        let outages = channels.iter().flat_map(|channel| channel.ledger.outages());
        let mut spans: Vec<_> =
            outages.map(|one| (one.began, one.ended.unwrap_or(self.now))).collect();
        spans.sort_unstable();
        let mut counted = self.start;
        let mut sum = Duration::ZERO;
        for (began, ended) in spans {
            sum += ended.since(began.max(counted));
            counted = counted.max(ended);
        }
        sum.as_secs_f64()
    }

    /// Adds the channels up.
    fn together(&self, hosts: &[ChannelSummary]) -> ChannelSummary {
        let sum = |of: fn(&ChannelSummary) -> u64| hosts.iter().map(of).sum();
        let [mut rtt, mut connect, mut late] = [(); 3].map(|()| Times::default());
        for channel in &self.channels {
            rtt.merge(&channel.figures.rtt);
            connect.merge(&channel.figures.connect);
            late.merge(&channel.figures.late);
        }
        let outages = hosts.iter().flat_map(|one| {
            one.outages.iter().map(|outage| OutageSummary {
                host: one.host.clone(),
                connection: one.connection,
                ..outage.clone()
            })
        });
        ChannelSummary {
            sent: sum(|one| one.sent),
            answered: sum(|one| one.answered),
            lost: sum(|one| one.lost),
            skipped: sum(|one| one.skipped),
            rtt_us: times(&rtt),
            connect_us: times(&connect),
            late_us: times(&late),
            outages: outages.collect(),
            downtime_s: self.downtime(&self.channels),
            ..ChannelSummary::default()
        }
    }

    /// Returns the answer of the run: a host that never answered, an outage, or neither.
    pub(in crate::probe) fn verdict(&self) -> Verdict {
        let never = self.channels.iter().find(|channel| !channel.ledger.ever_answered());
        let outage = |channel: &Channel| channel.ledger.outages().first().map(|one| one.word);
        match never.and_then(outage) {
            Some(word) => Verdict::Never(word),
            None if self.channels.iter().any(|one| outage(one).is_some()) => Verdict::Found,
            None => Verdict::Well,
        }
    }
}

fn times(times: &Times) -> Option<TimesSummary> {
    let [min, p50, p99, max, mean] = times.summary()?;
    Some(TimesSummary { min, p50, p99, max, mean })
}

/// For people.
impl fmt::Display for PingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            channel(f, host, self.duration_s)?;
        }
        channel(f, &self.all, self.duration_s)?;
        if self.paused_s > 0.0 {
            writeln!(f, "this process was stopped for {:.3} s, not counted", self.paused_s)?;
        }
        Ok(())
    }
}

fn channel(f: &mut fmt::Formatter<'_>, of: &ChannelSummary, duration_s: f64) -> fmt::Result {
    let ChannelSummary { host, connection, sent, answered, lost, .. } = of;
    let name = if host.is_empty() { "all".to_owned() } else { format!("{host} {connection}") };
    let share = if *sent > 0 { num::to_f64(*lost) / num::to_f64(*sent) * 100.0 } else { 0.0 };
    write!(f, "--- {name}: {sent} sent, {answered} answered, ")?;
    writeln!(f, "{lost} lost ({share:.1} %), in {duration_s:.1} s")?;
    for (what, times) in [("rtt", of.rtt_us), ("connect", of.connect_us)] {
        let Some(TimesSummary { min, p50, p99, max, mean }) = times else { continue };
        let all = [min, p50, p99, max, mean].map(|us| format!("{:.3}", us / 1e3)).join("/");
        writeln!(f, "{what} min/p50/p99/max/mean = {all} ms")?;
    }
    if let Some(jitter) = of.jitter_us {
        writeln!(f, "jitter {:.3} ms", jitter / 1e3)?;
    }
    if of.skipped > 0 {
        writeln!(f, "{} probes were not sent: this process was late", of.skipped)?;
    }
    let lengths = of.outages.iter().map(|one| one.ended.unwrap_or(duration_s) - one.began);
    let Some(longest) = lengths.max_by(f64::total_cmp) else { return Ok(()) };
    let share = of.downtime_s / duration_s * 100.0;
    write!(f, "outages: {}, longest {longest:.3} s, ", of.outages.len())?;
    writeln!(f, "in all {:.3} s ({share:.1} % of the time)", of.downtime_s)
}
