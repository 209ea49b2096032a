//! The cases: the load of each, and the metrics measured with it.

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Processor time of the server per line, MiB or connection, in microseconds.
    Cost,
    /// Lines, MiB or connections per second.
    Rate,
    /// Latencies in microseconds.
    P50,
    P99,
    P999,
    /// The delay of the load generator's own sends, in microseconds: its share of the latencies of
    /// an open loop.
    Late,
    /// Private memory of the server per idle connection, in bytes.
    Memory,
    /// The 99th percentile of the polite peers without the flood, and the factor by which the flood
    /// raises it.
    P99Alone,
    Slowdown,
}

impl Metric {
    /// True if the table shows the ratio to the floor: always for processor time, and for a rate if
    /// it is a goal.
    pub(crate) fn is_compared(self, kind: &Kind) -> bool {
        self == Self::Cost || (self == Self::Rate && matches!(kind, Kind::Stream))
    }
}

/// The kind of load, which decides the metrics.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A closed loop: each connection sends its next lines after the last have come back.
    Lines { connections: u32, bytes: u32, in_flight: u32 },
    /// Bytes as fast as possible.
    Stream,
    /// Connections one after another, each with one line.
    Churn,
    /// Busy connections beside many idle ones.
    Idle,
    /// Lines at fixed times, independent of the replies.
    OpenLoop,
    /// Polite peers alone, and beside a flooding peer.
    Flood,
}

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name on the command line, in the tables and in the plots.
    pub(crate) name: &'static str,
    /// A description of the load for the page of results.
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// True if servers that start a process per connection can sustain the load.
    pub(crate) for_all: bool,
}

const fn busy(name: &'static str, connections: u32, bytes: u32) -> Case {
    let about = "each connection has one line in flight";
    let kind = Kind::Lines { connections, bytes, in_flight: 1 };
    Case { name, about, kind, for_all: connections == 100 && bytes == 64 }
}

/// From simple cases to those with a second load.
pub(crate) const CASES: [Case; 12] = [
    busy("busy-100-64", 100, 64),
    busy("busy-1000-64", 1_000, 64),
    busy("busy-10000-64", 10_000, 64),
    busy("busy-100-512", 100, 512),
    busy("busy-1000-512", 1_000, 512),
    busy("busy-10000-512", 10_000, 512),
    Case {
        name: "pipeline-16",
        about: "100 connections, each with 16 lines of 64 bytes in flight",
        kind: Kind::Lines { connections: 100, bytes: 64, in_flight: 16 },
        for_all: false,
    },
    Case {
        name: "stream",
        about: "10 connections, each as fast as possible",
        kind: Kind::Stream,
        for_all: false,
    },
    Case {
        name: "churn",
        about: "50 at a time connect, echo a line of 64 bytes and reset",
        kind: Kind::Churn,
        for_all: true,
    },
    Case {
        name: "idle",
        about: "19,800 idle connections, and 100 that echo lines of 64 bytes",
        kind: Kind::Idle,
        for_all: false,
    },
    Case {
        name: "open-loop",
        about: "100 connections, 64 bytes, half the lines per second that the floor reached in \
                busy-100-64",
        kind: Kind::OpenLoop,
        for_all: false,
    },
    Case {
        name: "flood",
        about: "100 polite connections echo 5,000 lines of 64 bytes per second in all, alone and \
                beside one that sends lines of 64 KiB as fast as possible",
        kind: Kind::Flood,
        for_all: false,
    },
];

/// The number of connections in the case `idle`.
pub(crate) const IDLE: u32 = 19_800;

/// Most connections from one source address; with more, each connect searches long for a free port.
const PER_SOURCE: u32 = 9_000;

/// From this number on, the cost of connecting is measured separately.
const MANY: u32 = 1_000;

/// The columns of cases with lines.
const LINES: [(Metric, &str); 6] = [
    (Metric::Cost, "CPU per line, µs"),
    (Metric::Rate, "lines/s"),
    (Metric::P50, "p50, µs"),
    (Metric::P99, "p99, µs"),
    (Metric::P999, "p99.9, µs"),
    (Metric::Late, "send delay of the load, p99, µs"),
];

impl Case {
    /// Returns a load that only connects like the case and echoes one line per connection, and its
    /// number of connections; None for small cases.
    pub(crate) fn connecting(&self) -> Option<(Vec<String>, u32)> {
        let Kind::Lines { connections, bytes, .. } = self.kind else { return None };
        (connections >= MANY).then(|| (held(connections, bytes), connections))
    }

    /// The columns of the case's table.
    pub(crate) fn columns(&self) -> &'static [(Metric, &'static str)] {
        use Metric::{Cost, Late, Memory, P50, P99, P99Alone, Rate, Slowdown};
        match self.kind {
            // Only an open loop has a send delay.
            Kind::Lines { .. } => &LINES[..LINES.len() - 1],
            Kind::OpenLoop => &LINES,
            Kind::Stream => &[(Cost, "CPU per MiB, µs"), (Rate, "MiB/s")],
            Kind::Churn => &[
                (Cost, "CPU per connection, µs"),
                (Rate, "connections/s"),
                (P50, "p50, µs"),
                (P99, "p99, µs"),
            ],
            Kind::Idle => &[
                (Memory, "private bytes per connection"),
                (Cost, "CPU per line, µs"),
                (Rate, "lines/s"),
                (P99, "p99, µs"),
            ],
            Kind::Flood => &[
                (P99Alone, "p99 alone, µs"),
                (P99, "p99 with the flood, µs"),
                (Slowdown, "factor"),
                (Late, "send delay of the load with it, p99, µs"),
                (Rate, "flood, MiB/s"),
            ],
        }
    }

    /// The arguments of the load generator; `rate` is that of the open loop.
    pub(crate) fn load(&self, rate: f64) -> Vec<String> {
        match self.kind {
            Kind::Lines { connections, bytes, in_flight } => {
                let mut words = words(&format!("-c {connections} -s {bytes}"));
                if in_flight > 1 {
                    words.extend(["-P".to_owned(), in_flight.to_string()]);
                }
                words.extend(sources(connections));
                if connections >= MANY {
                    words.extend(reset());
                }
                words
            }
            Kind::Stream => words("--mode stream -c 10 -s 64k"),
            Kind::Churn => words("--mode churn -c 50 --close rst -s 64"),
            Kind::Idle => words("-c 100 -s 64"),
            Kind::OpenLoop => words(&format!("-c 100 -s 64 --rate {rate:.0}")),
            Kind::Flood => words("-c 100 -s 64 --rate 5k"),
        }
    }
}

/// The load of idle connections.
pub(crate) fn idle_load() -> Vec<String> {
    held(IDLE, 64)
}

/// Connections that echo one line each.
fn held(connections: u32, bytes: u32) -> Vec<String> {
    let mut words = words(&format!("--mode idle -c {connections} -s {bytes}"));
    words.extend(sources(connections));
    words.extend(reset());
    words
}

/// Closes with RST, so that no port stays in `TIME_WAIT`.
fn reset() -> Vec<String> {
    words("--close rst")
}

/// Arguments for servers that start a process per connection. The accept queue of Ncat holds only a
/// handful, and a connect that finds it full retries after one, three, seven seconds. So the load
/// ramps up slowly, which is not measured, and has a long timeout.
pub(crate) fn patience() -> Vec<String> {
    words("--ramp 2s --timeout 30s")
}

fn sources(connections: u32) -> Vec<String> {
    if connections > PER_SOURCE { words("--source 127.0.0.2-127.0.0.4") } else { Vec::new() }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
