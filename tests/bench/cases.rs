//! The cases: what the load does, and what is measured of it.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Processor time of the server for one line, MiB or connection, in microseconds.
    Cost,
    /// Lines, MiB or connections a second.
    Rate,
    /// Latencies in microseconds.
    P50,
    P99,
    P999,
    /// How late the load generator itself was with a line, in microseconds: its own share in the
    /// latencies of an open loop.
    Late,
    /// Memory of the server alone, in bytes for each idle connection.
    Memory,
    /// The 99th percentile of the polite peers without the flood, and how many times that it is
    /// beside it.
    P99Alone,
    Slowdown,
}

impl Metric {
    /// True if a table shows the ratio to the floor: of processor time always, of a rate where it
    /// is a goal.
    pub(crate) fn is_compared(self, kind: &Kind) -> bool {
        self == Self::Cost || (self == Self::Rate && matches!(kind, Kind::Stream))
    }
}

/// What kind of load it is, which decides what can be measured.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A closed loop: each connection sends its next lines when the last have come back.
    Lines { connections: u32, bytes: u32, in_flight: u32 },
    /// Bytes as fast as they go.
    Stream,
    /// Connections one after another, each with one line.
    Churn,
    /// Busy connections beside many that do nothing.
    Idle,
    /// Lines at fixed times, whether the last one has come back or not.
    OpenLoop,
    /// Polite peers alone, and beside one that floods.
    Flood,
}

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its word on the command line, in the tables and in the plots.
    pub(crate) name: &'static str,
    /// What the load does, for the page of results.
    pub(crate) about: &'static str,
    pub(crate) kind: Kind,
    /// True if servers that start a process for each connection can bear it.
    pub(crate) for_all: bool,
}

const fn busy(name: &'static str, connections: u32, bytes: u32) -> Case {
    let about = "each connection has one line in flight";
    let kind = Kind::Lines { connections, bytes, in_flight: 1 };
    Case { name, about, kind, for_all: connections == 100 && bytes == 64 }
}

/// From the plain ones, whose figures the others build on, to those with bystanders.
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
        about: "10 connections, each as fast as it goes",
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
        about: "19,800 connections do nothing, 100 beside them echo lines of 64 bytes",
        kind: Kind::Idle,
        for_all: false,
    },
    Case {
        name: "open-loop",
        about: "100 connections, 64 bytes, half as many lines a second as the floor reached in \
                busy-100-64",
        kind: Kind::OpenLoop,
        for_all: false,
    },
    Case {
        name: "flood",
        about: "100 polite connections echo 5,000 lines of 64 bytes a second in all, alone and \
                beside one that sends lines of 64 KiB as fast as they come back",
        kind: Kind::Flood,
        for_all: false,
    },
];

/// How many connections the case `idle` holds.
pub(crate) const IDLE: u32 = 19_800;

/// How many connections may come from one source address; with more, each one searches long for
/// a free port.
const PER_SOURCE: u32 = 9_000;

/// Of so many connections it matters what connecting them costs.
const MANY: u32 = 1_000;

/// The columns of lines at fixed times.
const LINES: [(Metric, &str); 6] = [
    (Metric::Cost, "CPU a line, µs"),
    (Metric::Rate, "lines/s"),
    (Metric::P50, "p50, µs"),
    (Metric::P99, "p99, µs"),
    (Metric::P999, "p99.9, µs"),
    (Metric::Late, "the load was late, p99, µs"),
];

impl Case {
    /// A load that connects as the case does and has one line echoed on each connection, and how
    /// many these are; none where they are few.
    pub(crate) fn connecting(&self) -> Option<(Vec<String>, u32)> {
        let Kind::Lines { connections, bytes, .. } = self.kind else { return None };
        (connections >= MANY).then(|| (held(connections, bytes), connections))
    }

    /// The columns of its table.
    pub(crate) fn columns(&self) -> &'static [(Metric, &'static str)] {
        use Metric::{Cost, Late, Memory, P50, P99, P99Alone, Rate, Slowdown};
        match self.kind {
            // Only an open loop can be late.
            Kind::Lines { .. } => &LINES[..LINES.len() - 1],
            Kind::OpenLoop => &LINES,
            Kind::Stream => &[(Cost, "CPU a MiB, µs"), (Rate, "MiB/s")],
            Kind::Churn => &[
                (Cost, "CPU a connection, µs"),
                (Rate, "connections/s"),
                (P50, "p50, µs"),
                (P99, "p99, µs"),
            ],
            Kind::Idle => &[
                (Memory, "private bytes a connection"),
                (Cost, "CPU a line, µs"),
                (Rate, "lines/s"),
                (P99, "p99, µs"),
            ],
            Kind::Flood => &[
                (P99Alone, "p99 alone, µs"),
                (P99, "p99 beside the flood, µs"),
                (Slowdown, "times"),
                (Late, "beside it the load was late, p99, µs"),
                (Rate, "the flood, MiB/s"),
            ],
        }
    }

    /// What the load generator is told; `rate` is that of the open loop.
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

/// The connections that do nothing.
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

/// So that no port stays in `TIME_WAIT`.
fn reset() -> Vec<String> {
    words("--close rst")
}

/// For servers that start a process for each connection. Ncat lets a handful wait in the kernel:
/// whoever finds no place asks again after one, three, seven seconds. So they come slowly at
/// first, which is not measured, and may wait long.
pub(crate) fn patience() -> Vec<String> {
    words("--ramp 2s --timeout 30s")
}

fn sources(connections: u32) -> Vec<String> {
    if connections > PER_SOURCE { words("--source 127.0.0.2-127.0.0.4") } else { Vec::new() }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}
