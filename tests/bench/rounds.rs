//! The rounds: every server in turn, under every load.

use std::thread;
use std::time::{Duration, Instant};

use super::cases::{CASES, Case, IDLE, Kind, Metric, idle_load, patience};
use super::flood::Flood;
use super::load::Load;
use super::measure::{cpu_at_rest_s, descriptors, private_bytes};
use super::options::Options;
use super::results::{Results, Sample};
use super::running::Running;
use super::servers::{DAEMON, FLOOR, SERVERS, Server};
use super::table::number;

/// Timeout until the idle connections are open, and the longest hold.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
const HOLD: Duration = Duration::from_secs(600);

/// How long connections are held that only measure connecting; they open during the warm-up.
const BRIEF: Duration = Duration::from_millis(10);

/// The case that determines the rate of the open loop.
const RATE_CASE: &str = "busy-100-64";

/// Places in a report.
const P99: &str = "/latency_us/p99";
const LATE: &str = "/late_us/p99";

const MEBIBYTE: f64 = 1_048_576.0;

/// Runs all requested measurements.
pub(crate) fn run(options: &Options) -> Results {
    let mut results = Results::default();
    let servers = available(options, &mut results);
    for case in CASES.iter().filter(|case| options.wants_case(case.name)) {
        let open = matches!(case.kind, Kind::OpenLoop);
        let rate = if open { half_of_the_floor(options, &results) } else { 0.0 };
        for round in 1..=options.rounds {
            for server in servers.iter().filter(|server| case.for_all || !server.forks) {
                let sample = sample(case, server, options.duration, rate);
                let summary = summary(case, &sample);
                println!("{} {round}/{} {}: {summary}", case.name, options.rounds, server.name);
                results.add(case.name, server.name, sample);
            }
        }
    }
    results
}

/// The requested servers that are installed; the missing ones are listed on stderr and on the page.
fn available(options: &Options, results: &mut Results) -> Vec<&'static Server> {
    let wanted = SERVERS.iter().filter(|server| options.wants_server(server.name));
    let (there, missing): (Vec<_>, Vec<_>) = wanted.partition(|server| server.is_there());
    for server in missing {
        eprintln!("SKIPPED {}: no {}", server.name, server.program);
        results.skipped.push(server.name.to_owned());
    }
    there
}

/// Lines per second for the open loop, the same for every server.
fn half_of_the_floor(options: &Options, results: &Results) -> f64 {
    let reached = results.median(RATE_CASE, FLOOR, Metric::Rate).or_else(|| {
        let case = CASES.iter().find(|case| case.name == RATE_CASE)?;
        // Without the floor, the daemon decides.
        let names = [FLOOR, DAEMON].into_iter();
        let mut servers = names.filter_map(|name| SERVERS.iter().find(|it| it.name == name));
        let server = servers.find(|server| server.is_there())?;
        sample(case, server, options.duration, 0.0).ok()?.get(&Metric::Rate).copied()
    });
    reached.expect("a rate for the open loop") / 2.0
}

/// Starts a new server process, applies one load, and returns its metrics.
fn sample(case: &Case, server: &Server, duration: Duration, rate: f64) -> Result<Sample, String> {
    let running = Running::start(server, &case.kind)?;
    let mut words = case.load(rate);
    if server.forks {
        words.extend(patience());
    }
    let turn = Turn { case, running, words, duration };
    match case.kind {
        Kind::Idle => turn.beside_idle(),
        Kind::Flood => turn.beside_a_flood(),
        Kind::Lines { .. } | Kind::Stream | Kind::Churn | Kind::OpenLoop => turn.costs(),
    }
}

/// One server under one load.
#[derive(Debug)]
struct Turn<'a> {
    case: &'a Case,
    /// Stopped on drop, so that it cannot disturb the next turn.
    running: Running,
    /// The arguments of the load.
    words: Vec<String>,
    /// The measured duration of a load.
    duration: Duration,
}

impl Turn<'_> {
    /// Measures the cost for the server, and the metrics in the load's report.
    ///
    /// The processor time covers the whole load, including connecting, warm-up and end, and is
    /// divided by all its lines, so that both cover the same time. With many connections, a
    /// separate run measures connecting with one line each, and the result is subtracted.
    fn costs(&self) -> Result<Sample, String> {
        let (connecting_s, first_lines) = self.connecting()?;
        let before = cpu_at_rest_s(self.running.pid());
        let report = self.load(self.duration).finish()?;
        let cpu_s = cpu_at_rest_s(self.running.pid()) - before - connecting_s;
        let in_bytes = matches!(self.case.kind, Kind::Stream);
        let (done, rate, unit) = if in_bytes {
            ("/bytes_total", "/bytes_per_s", MEBIBYTE)
        } else {
            ("/lines_total", "/lines_per_s", 1.0)
        };
        let done = report.number(done)? - first_lines;
        let mut sample = Sample::from([
            (Metric::Cost, cpu_s * 1e6 / (done / unit)),
            (Metric::Rate, report.number(rate)? / unit),
        ]);
        if !in_bytes {
            sample.insert(Metric::P50, report.number("/latency_us/p50")?);
            sample.insert(Metric::P99, report.number(P99)?);
            sample.insert(Metric::P999, report.number("/latency_us/p999")?);
        }
        if matches!(self.case.kind, Kind::OpenLoop) {
            sample.insert(Metric::Late, report.number(LATE)?);
        }
        Ok(sample)
    }

    /// Measures connecting, in seconds of processor time; returns it with the number of lines sent.
    fn connecting(&self) -> Result<(f64, f64), String> {
        let Some((words, lines)) = self.case.connecting() else { return Ok((0.0, 0.0)) };
        let pid = self.running.pid();
        let before = cpu_at_rest_s(pid);
        Load::start(self.running.address, &words, BRIEF).finish()?;
        Ok((cpu_at_rest_s(pid) - before, f64::from(lines)))
    }

    /// The same, beside idle connections that have echoed one line each.
    fn beside_idle(&self) -> Result<Sample, String> {
        let pid = self.running.pid();
        // The connection of the readiness check must be closed.
        cpu_at_rest_s(pid);
        let (bytes, there) = (private_bytes(pid), descriptors(pid));
        let address = self.running.address;
        let mut idle = Load::start(address, &idle_load(), HOLD);
        let wanted = there + usize::try_from(IDLE).unwrap();
        // All are connected when the server has this many descriptors.
        let end = Instant::now() + CONNECT_LIMIT;
        while descriptors(pid) < wanted {
            if !idle.runs() {
                let wrong = idle.finish().err();
                return Err(wrong.unwrap_or_else(|| "the idle load ended".to_owned()));
            }
            if Instant::now() > end {
                return Err(format!("{} of {wanted} descriptors", descriptors(pid)));
            }
            thread::sleep(Duration::from_millis(20));
        }
        cpu_at_rest_s(pid);
        let each = (private_bytes(pid) - bytes) / f64::from(IDLE);
        let mut sample = self.costs()?;
        idle.interrupt()?;
        sample.insert(Metric::Memory, each);
        Ok(sample)
    }

    /// Measures latency without and with a flooding peer.
    fn beside_a_flood(&self) -> Result<Sample, String> {
        let alone = self.load(self.duration).finish()?.number(P99)?;
        // The warm-up of the polite peers is also that of the flood.
        let flood = Flood::start(self.running.address);
        let report = self.load(self.duration).finish()?;
        let beside = report.number(P99)?;
        Ok(Sample::from([
            (Metric::P99Alone, alone),
            (Metric::P99, beside),
            (Metric::Slowdown, beside / alone),
            (Metric::Late, report.number(LATE)?),
            (Metric::Rate, flood.finish()? / MEBIBYTE),
        ]))
    }

    /// Starts the load of the case; others may run beside it.
    fn load(&self, duration: Duration) -> Load {
        Load::start(self.running.address, &self.words, duration)
    }
}

/// Formats a sample for progress output.
fn summary(case: &Case, sample: &Result<Sample, String>) -> String {
    let figures = match sample {
        Ok(figures) => figures,
        Err(wrong) => return format!("NO MEASUREMENT: {wrong}"),
    };
    let columns = case.columns().iter();
    let words = columns.filter_map(|(metric, heading)| {
        Some(format!("{heading} {}", number(*figures.get(metric)?)))
    });
    words.collect::<Vec<_>>().join("; ")
}
