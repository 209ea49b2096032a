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
mod engine;
mod limits;
mod outcome;
mod progress;
mod report;
#[cfg(test)]
mod script;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::client::{self, FailureKind};
use crate::net::endpoint::Endpoint;
use crate::os::errno;
use crate::sys::Dialer;
use anyhow::{Context, bail};

use self::engine::Engine;
use self::progress::Progress;

pub use self::config::{Close, LineSize, LoadConfig, Mode, ReportFormat, StopAfter};
pub use self::outcome::Outcome;
#[cfg(feature = "plot")]
pub use self::report::plot;
pub use self::report::threshold::{Threshold, ThresholdResult};
pub use self::report::{
    Answers, Connections, Distribution, Distributions, Found, Interval, Mismatch, Percentiles,
    Report, Settings, Statistic, Times, compare, hdr, hint, text,
};

/// Runs the load and reports it.
///
/// # Errors
///
/// What `main` has to tell the user: a name that has no address, a load that this machine can't
/// make, a report that can't be written.
pub fn run(config: &LoadConfig) -> anyhow::Result<Outcome> {
    let server = server(config)?;
    limits::check(config, &server)?;
    // Before the run: it would be a pity to find out after it.
    let mut files = Files::create(config)?;
    let dialer = Dialer::new(server.clone()).context("cannot set up the event loop")?;
    let mut generator = Engine::new(dialer, config);
    let mut progress = Progress::new(config);
    while !generator.is_over() {
        let second = generator.turn().context("the event loop broke")?;
        generator.take_notes().iter().for_each(|note| progress.note(note));
        if let Some(second) = second {
            progress.second(&second, &generator.state());
        }
    }
    progress.end();
    let (results, measured) = generator.finish();
    let times = results.distributions();
    let report = report::summary::report(config, &server, &results, &times, measured);
    files.write(config, &report, &times.latency)?;
    Ok(outcome::of(config, &report, &times))
}

/// The first of the server's addresses; where a name has several, the first that answers.
fn server(config: &LoadConfig) -> anyhow::Result<Endpoint> {
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
        match connect(&address, config.timeout) {
            Ok(()) => return Ok(address),
            Err(error) => last = Some((address, error)),
        }
    }
    match last {
        Some((address, error)) => bail!("{}: {address}: {error}", FailureKind::of(&error).word()),
        None => bail!("the server has no address of the family of --source"),
    }
}

/// Connects, and closes that again.
fn connect(address: &Endpoint, timeout: Duration) -> io::Result<()> {
    let (to, socket) = (address.address()?, address.socket()?);
    let connected = socket.connect_timeout(&to, timeout);
    client::confirm_timeout(&socket, connected)
}

/// Where the report goes.
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
            // Nobody reads it any more, which is no failure of the run.
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
