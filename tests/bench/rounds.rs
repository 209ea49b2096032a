//! The rounds: every server in its turn, under every load.

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

/// How long the idle connections may take to be there, and then how long they are held at most.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);
const HOLD: Duration = Duration::from_secs(600);

/// How long connections are held that are only to be made; they have the warm-up for that.
const BRIEF: Duration = Duration::from_millis(10);

/// The case that the rate of the open loop comes from.
const RATE_CASE: &str = "busy-100-64";

/// Where a report has it.
const P99: &str = "/latency_us/p99";
const LATE: &str = "/late_us/p99";

const MEBIBYTE: f64 = 1_048_576.0;

/// Measures everything that was asked for.
pub(crate) fn run(options: &Options) -> Results {
    let mut results = Results::default();
    let servers = available(options, &mut results);
    for case in CASES.iter().filter(|case| options.wants_case(case.name)) {
        let open = matches!(case.kind, Kind::OpenLoop);
        let rate = if open { half_of_the_floor(options, &results) } else { 0.0 };
        for round in 1..=options.rounds {
            for server in servers.iter().filter(|server| case.for_all || !server.forks) {
                let sample = sample(case, server, options.duration, rate);
                let told = told(case, &sample);
                println!("{} {round}/{} {}: {told}", case.name, options.rounds, server.name);
                results.add(case.name, server.name, sample);
            }
        }
    }
    results
}

/// Those that were asked for and are there; the others are named, here and on the page.
fn available(options: &Options, results: &mut Results) -> Vec<&'static Server> {
    let wanted = SERVERS.iter().filter(|server| options.wants_server(server.name));
    let (there, missing): (Vec<_>, Vec<_>) = wanted.partition(|server| server.is_there());
    for server in missing {
        eprintln!("SKIPPED {}: no {}", server.name, server.program);
        results.skipped.push(server.name.to_owned());
    }
    there
}

/// Lines a second for the open loop, which every server gets alike.
fn half_of_the_floor(options: &Options, results: &Results) -> f64 {
    let reached = results.median(RATE_CASE, FLOOR, Metric::Rate).or_else(|| {
        let case = CASES.iter().find(|case| case.name == RATE_CASE)?;
        // Without the floor the daemon has to do.
        let names = [FLOOR, DAEMON].into_iter();
        let mut servers = names.filter_map(|name| SERVERS.iter().find(|it| it.name == name));
        let server = servers.find(|server| server.is_there())?;
        sample(case, server, options.duration, 0.0).ok()?.get(&Metric::Rate).copied()
    });
    reached.expect("a rate for the open loop") / 2.0
}

/// A new process, one load, its figures.
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
    /// Ended when this is dropped, so that nothing of it disturbs the next one.
    running: Running,
    /// What the load is told.
    words: Vec<String>,
    /// How long a load is measured.
    duration: Duration,
}

impl Turn<'_> {
    /// What the server takes for the load, and what the load says of it.
    ///
    /// The processor time is that of the whole load, connecting, warming up and ending included,
    /// and is divided by all its lines: the same stretch of time on both sides. Many connections
    /// are made twice, and what they take with one line each is not counted.
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

    /// What connecting takes, in seconds of processor time, and the lines that come with it.
    fn connecting(&self) -> Result<(f64, f64), String> {
        let Some((words, lines)) = self.case.connecting() else { return Ok((0.0, 0.0)) };
        let pid = self.running.pid();
        let before = cpu_at_rest_s(pid);
        Load::start(self.running.address, &words, BRIEF).finish()?;
        Ok((cpu_at_rest_s(pid) - before, f64::from(lines)))
    }

    /// The same, while others are connected that have echoed a line and do nothing more.
    fn beside_idle(&self) -> Result<Sample, String> {
        let pid = self.running.pid();
        // The connection that showed that it runs has to be gone.
        cpu_at_rest_s(pid);
        let (bytes, there) = (private_bytes(pid), descriptors(pid));
        let address = self.running.address;
        let mut idle = Load::start(address, &idle_load(), HOLD);
        let wanted = there + usize::try_from(IDLE).unwrap();
        // Everybody is there when the server has so many descriptors.
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

    /// Latency without and with one who floods.
    fn beside_a_flood(&self) -> Result<Sample, String> {
        let alone = self.load(self.duration).finish()?.number(P99)?;
        // The warm-up of those beside it is the flood's too.
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

    /// The load of the case, beside which there may be others.
    fn load(&self, duration: Duration) -> Load {
        Load::start(self.running.address, &self.words, duration)
    }
}

/// A sample in words, for whoever waits.
fn told(case: &Case, sample: &Result<Sample, String>) -> String {
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
