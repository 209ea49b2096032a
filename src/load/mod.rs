//! `tcpecho-load`, the load generator: sends lines to an echo server in a closed or an open loop,
//! compares every byte of the echoes, and measures latency.
//!
//! A closed loop sends a connection's next line when the last is back: when the server stalls, so
//! does the load, and the lines that would have shown the stall are never sent. An open loop sends
//! at a fixed rate and counts latency from the time a line was due, so that a stall shows in every
//! line that it delayed (coordinated omission: Gil Tene, "How not to measure latency").
//!
//! - `config`: the validated settings of a run
//! - `limits`: checks that this machine has the ports and descriptors for the load
//! - `engine`: the event loop that connects, sends, compares and counts
//! - `engine/connection`: one connection: connect, PROXY header, send, receive, close
//! - `engine/connections`: dials and closes connections
//! - `engine/dial_queue`: which connection to dial next, and when
//! - `engine/error`: the phase and the word of an error
//! - `engine/line_source`: which lines a connection may send
//! - `engine/mode`: each mode as a row of options
//! - `engine/pace`: when each line of an open loop is due
//! - `engine/payload`: the bytes to send, and to expect back
//! - `engine/results`: counters and latency histograms
//! - `engine/run_phase`: the clock of a run: warm-up, measuring, cooldown
//! - `engine/schedule`: the start barrier, the line limit and the pace
//! - `engine/shutdown`: the end of a run
//! - `engine/slots`: the slots of the connections, and the run queue
//! - `engine/start_barrier`: delays the load until every connection is answered
//! - `engine/waiting`: poll timeouts, expired connections, pauses of this process
//! - `report`: the fields of the report, as in the JSON object
//! - `report/summary`: builds the report from the results
//! - `report/text`: the report as text
//! - `report/chart`: the latency distribution as bars of text
//! - `report/errors`: the rows of errors, with remedies
//! - `report/verdict`: the last line, whether the run passed
//! - `report/format`: numbers formatted for people
//! - `distribution`: percentiles that rank lost lines too
//! - `statistic`: the names of the percentiles
//! - `report/threshold`: `--fail-if`
//! - `report/compare`: two reports side by side
//! - `report/hdr`: the latency distribution for HdrHistogram's tools
//! - `report/plot`: the run as an SVG image
//! - `outcome`: whether the run passed, and why not
//! - `progress`: progress on standard error during a run
//! - `script`: a scripted network and echo server for the tests

mod config;
mod distribution;
mod engine;
mod limits;
mod outcome;
mod progress;
mod report;
#[cfg(test)]
mod script;
mod statistic;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::client;
use crate::os::errno;
use crate::sys::Dialer;
use anyhow::Context;

use self::engine::Engine;
use self::progress::Progress;

pub use self::config::{Close, LineSize, LoadConfig, Mode, ReportFormat, StopAfter};
pub use self::distribution::{Answers, Distribution, Distributions, Found, Percentiles, Times};
pub use self::engine::interval::{Interval, Mismatch};
pub use self::outcome::Outcome;
#[cfg(feature = "plot")]
pub use self::report::plot;
pub use self::report::threshold::{Threshold, ThresholdResult};
pub use self::report::{Connections, Report, Settings, compare, hdr, hint, text};
pub use self::statistic::Statistic;

/// Runs the load and reports it.
///
/// # Errors
///
/// Fails if the server's name has no address, this machine can't make the load, or the report can't
/// be written.
pub fn run(config: &LoadConfig) -> anyhow::Result<Outcome> {
    let (socket, timeout) = (&config.socket, config.timeout);
    let server = client::first_address(&config.server, "the server", socket, timeout)?;
    limits::check(config, &server)?;
    // Before the run, which would be wasted if a file can't be created.
    let mut files = Files::create(config)?;
    let dialer = Dialer::new(config.socket.clone()).context("cannot set up the event loop")?;
    let mut engine = Engine::new(dialer, server.clone(), config);
    let mut progress = Progress::new(config);
    while !engine.is_over() {
        let interval = engine.turn().context("the event loop broke")?;
        engine.take_notes().iter().for_each(|note| progress.note(note));
        if let Some(interval) = interval {
            progress.interval(&interval, &engine.state());
        }
    }
    progress.end();
    let (results, measured) = engine.finish();
    let times = results.distributions();
    let report = report::summary::report(config, &server, &results, &times, measured);
    files.write(config, &report, &times.latency)?;
    Ok(outcome::of(config, &report, &times))
}

/// Destinations of the report.
struct Files {
    out: Box<dyn Write>,
    hdr: Option<BufWriter<File>>,
    #[cfg(feature = "plot")]
    plot: Option<BufWriter<File>>,
}

impl Files {
    fn create(config: &LoadConfig) -> anyhow::Result<Self> {
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
        config: &LoadConfig,
        report: &Report,
        latency: &Distribution,
    ) -> anyhow::Result<()> {
        let text = match config.format {
            ReportFormat::Text => text(report, &latency.times),
            ReportFormat::Json => serde_json::to_string_pretty(report)? + "\n",
        };
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            // The reader has closed the pipe, which is no failure of the run.
            Err(error) if errno::is_broken_pipe(&error) => {}
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
