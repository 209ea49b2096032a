//! The output: an event a line, in three forms.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use serde::Serialize;

use crate::os::errno;

use super::config::{ProbeConfig, ProbeFormat};

/// An event, with all that a program may want to know of it. The text is for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Record {
    /// Seconds since the start.
    pub t_s: f64,
    /// `reply`, `lost`, `outage`, `recovered`, `connected`, `changed` and so on.
    pub event: &'static str,
    /// The host as it was written on the command line.
    pub host: String,
    /// `kept` or `new`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub connection: &'static str,
    /// The number of the probe, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// From the probe to its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<f64>,
    /// Of a new connection: how long the connect took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_us: Option<f64>,
    /// The name of a question about the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<&'static str>,
    /// Its answer: `yes`, `no` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// The word of a failure, as the client prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<&'static str>,
    /// The event in plain English; the whole line of the text.
    pub text: String,
}

/// The columns of the form `csv`.
const COLUMNS: &str = "t_s,event,host,connection,seq,rtt_us,connect_us,question,result,word,text";

/// Standard output, in one of the forms.
pub(super) struct Output {
    format: ProbeFormat,
    /// Events of every probe are left out.
    quiet: bool,
    start: Instant,
    out: BufWriter<Box<dyn Write>>,
}

/// The events of every probe.
const FREQUENT: [&str; 6] = ["reply", "late", "lost", "answer", "port", "silence"];

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Output {
    /// Begins the output.
    pub(super) fn new(config: &ProbeConfig, out: Box<dyn Write>) -> io::Result<Self> {
        let (format, quiet) = (config.format, config.quiet);
        let mut output = Self { format, quiet, start: Instant::now(), out: BufWriter::new(out) };
        if format == ProbeFormat::Csv {
            writeln!(output.out, "{COLUMNS}")?;
        }
        Ok(output)
    }

    /// Begins a record about a host, now.
    pub(super) fn begin(&self, host: &str, event: &'static str) -> Record {
        let t_s = (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        Record { t_s, host: host.to_owned(), event, ..Record::default() }
    }

    /// Writes an event; [`Self::flush`] shows it.
    pub(super) fn record(&mut self, record: &Record) -> io::Result<()> {
        if self.quiet && FREQUENT.contains(&record.event) {
            return Ok(());
        }
        match self.format {
            ProbeFormat::Text => writeln!(self.out, "{}", record.text),
            ProbeFormat::Json => {
                serde_json::to_writer(&mut self.out, record)?;
                writeln!(self.out)
            }
            ProbeFormat::Csv => self.columns(record),
        }
    }

    fn columns(&mut self, record: &Record) -> io::Result<()> {
        let number = |number: Option<f64>| number.map(|it| it.to_string()).unwrap_or_default();
        let columns = [
            record.t_s.to_string(),
            record.event.to_owned(),
            quoted(&record.host),
            record.connection.to_owned(),
            record.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            number(record.rtt_us),
            number(record.connect_us),
            record.question.unwrap_or_default().to_owned(),
            record.result.unwrap_or_default().to_owned(),
            record.word.unwrap_or_default().to_owned(),
            quoted(&record.text),
        ];
        writeln!(self.out, "{}", columns.join(","))
    }

    /// Ends the output: the text for people, or the object for programs. The form `csv` has none.
    pub(super) fn summary(&mut self, summary: &(impl Serialize + fmt::Display)) -> io::Result<()> {
        match self.format {
            ProbeFormat::Text => write!(self.out, "{summary}")?,
            ProbeFormat::Json => {
                serde_json::to_writer(&mut self.out, &Last { summary })?;
                writeln!(self.out)?;
            }
            ProbeFormat::Csv => {}
        }
        self.flush()
    }

    /// Shows all that was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| {
            // The caller looks for the errno of a closed pipe.
            if errno::is_broken_pipe(&error) {
                return error;
            }
            io::Error::new(error.kind(), format!("the output could not be written: {error}"))
        })
    }
}

/// The last line of the form `json`.
#[derive(Serialize)]
struct Last<'a, S> {
    summary: &'a S,
}

/// A field of comma-separated values (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
