//! `tcpecho-load`: lines to an echo server, by the clock or by their echoes, with every byte that
//! comes back compared and every latency told as it was.
//!
//! A closed loop sends a connection's next line when the last is back: when the server stalls, so
//! does the load, and the lines that would have shown it are never sent. An open loop sends at a
//! fixed rate, and counts latency from when a line was to be sent, so that a stall shows in all
//! lines that it held up (coordinated omission: Gil Tene, "How not to measure latency").
//!
//! `config` says what is asked, `plan` what that means for a connection, `payload` which
//! bytes are sent, `pace` when, `gathering` from when on; `exchange` is one connection,
//! `generator` the loop around all of them, `results` what is counted, and `report` what is told
//! of it.

mod config;
mod criteria;
mod dialling;
mod exchange;
mod gathering;
mod generator;
mod limits;
mod pace;
mod payload;
mod plan;
mod progress;
mod report;
mod results;
#[cfg(test)]
mod script;
mod stage;
mod summary;
mod supply;
mod trouble;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use hdrhistogram::Histogram;

use crate::client::{self, Word};
use crate::endpoint::Endpoint;
use crate::fault;
use crate::reactor::Dialer;

use self::generator::Generator;
use self::progress::Progress;

pub use self::config::{Close, Config, Format, Mode, Size, Until};
pub use self::criteria::{Criterion, Verdict};
#[cfg(feature = "plot")]
pub use self::report::plot;
pub use self::report::{
    Connections, Mismatch, Percentiles, Report, Second, Settings, Share, compare, hdr, remedy, text,
};

/// How a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Passed,
    /// With what a `--fail-if` asks for, each in a sentence.
    Judged(Vec<String>),
    /// With bytes that were wrong, or with nothing that could be measured.
    Failed(String),
    /// Before its time, by a signal.
    Interrupted,
}

/// Runs the load and reports it.
///
/// # Errors
///
/// What `main` has to tell the user: a name that has no address, a load that this machine can't
/// make, a report that can't be written.
pub fn run(config: &Config) -> anyhow::Result<Outcome> {
    let server = server(config)?;
    limits::check(config, &server)?;
    // Before the run: it would be a pity to find out after it.
    let mut files = Files::create(config)?;
    let dialer = Dialer::new(server.clone()).context("cannot set up the event loop")?;
    let mut generator = Generator::new(dialer, config);
    let mut progress = Progress::new(config);
    while !generator.is_over() {
        let second = generator.turn().context("the event loop broke")?;
        generator.take_notes().iter().for_each(|note| progress.note(note));
        if let Some(second) = second {
            progress.second(&second, generator.done());
        }
    }
    progress.end();
    let (results, measured) = generator.finish();
    let report = summary::report(config, &server, &results, measured);
    files.write(config, &report, &results.latency)?;
    Ok(outcome(config, &report))
}

/// The first of the server's addresses; where a name has several, the first that answers.
fn server(config: &Config) -> anyhow::Result<Endpoint> {
    let mut addresses = client::resolve(&config.server)?;
    if let Some(source) = config.sources.first() {
        let fits = |address: SocketAddr| address.is_ipv4() == source.is_ipv4();
        addresses.retain(|address| address.tcp().is_none_or(fits));
    }
    if let [only] = addresses.as_slice() {
        return Ok(only.clone());
    }
    let mut last = None;
    for address in addresses {
        let connected =
            address.address().and_then(|to| address.socket()?.connect_timeout(&to, config.timeout));
        match connected {
            Ok(()) => return Ok(address),
            Err(error) => last = Some((address, error)),
        }
    }
    match last {
        Some((address, error)) => bail!("{}: {address}: {error}", Word::of(&error).word()),
        None => bail!("the server has no address of the family of --source"),
    }
}

/// Where the report goes.
struct Files {
    out: Box<dyn Write>,
    hdr: Option<BufWriter<File>>,
    #[cfg(feature = "plot")]
    plot: Option<BufWriter<File>>,
}

impl Files {
    fn create(config: &Config) -> anyhow::Result<Self> {
        let create = |file: &PathBuf| {
            let created = File::create(file);
            created.with_context(|| format!("cannot write {}", file.display())).map(BufWriter::new)
        };
        let out: Box<dyn Write> = match &config.output {
            Some(file) => Box::new(create(file)?),
            None => Box::new(io::stdout()),
        };
        Ok(Self {
            out,
            hdr: config.hdr.as_ref().map(create).transpose()?,
            #[cfg(feature = "plot")]
            plot: config.plot.as_ref().map(create).transpose()?,
        })
    }

    fn write(
        &mut self,
        config: &Config,
        report: &Report,
        latency: &Histogram<u64>,
    ) -> anyhow::Result<()> {
        let text = match config.format {
            Format::Text => text(report, latency),
            Format::Json => serde_json::to_string_pretty(report)? + "\n",
        };
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            // Nobody reads it any more, which is no failure of the run.
            Err(error) if fault::reader_gone(&error) => {}
            written => written.context("the report could not be written")?,
        }
        if let Some(file) = &mut self.hdr {
            hdr(latency, file)?;
            file.flush()?;
        }
        #[cfg(feature = "plot")]
        if let Some(file) = &mut self.plot {
            file.write_all(plot(report, latency)?.as_bytes())?;
            file.flush()?;
        }
        Ok(())
    }
}

/// A run that measured nothing has failed whatever else it was to show; then what was asked for
/// decides, and then the bytes.
fn outcome(config: &Config, report: &Report) -> Outcome {
    if report.interrupted {
        return Outcome::Interrupted;
    }
    if report.connections.established == 0 {
        let words: Vec<_> = report.errors.keys().chain(report.shortages.keys()).cloned().collect();
        return Outcome::Failed(format!(
            "{}: no connection to {}",
            words.join(", "),
            report.server
        ));
    }
    let (mut held, mut unknown) = (Vec::new(), None);
    for criterion in &config.fail_if {
        match criterion.judge(report) {
            Verdict::Holds(found) => held.push(format!("{criterion}: it was {found}")),
            Verdict::No => {}
            Verdict::NotMeasured => unknown = Some(criterion),
        }
    }
    if !held.is_empty() {
        return Outcome::Judged(held);
    }
    if let Some(criterion) = unknown {
        return Outcome::Failed(format!("{criterion}: that was not measured"));
    }
    if report.mismatches > 0 {
        return Outcome::Failed(format!("{} connections had wrong bytes", report.mismatches));
    }
    if report.lines_total == 0 && report.exchanges_total == 0 {
        return Outcome::Failed(format!("nothing came back from {}", report.server));
    }
    Outcome::Passed
}
