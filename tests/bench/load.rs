//! One run of the load generator, and its report.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::running::{end, interrupt, wait};

/// The core of every load; the server has the other one.
pub(crate) const CORE: &str = "1";

/// Before anything is measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// How long a load may take beyond what it was told, for connecting and ending.
const SLACK: Duration = Duration::from_secs(60);

/// A load that runs. It is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Load {
    child: Child,
    duration: Duration,
    directory: TempDir,
}

impl Load {
    /// Starts it on its core; the report is written to a file.
    pub(crate) fn start(address: SocketAddr, words: &[String], duration: Duration) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("taskset");
        command.args(["-c", CORE, env!("CARGO_BIN_EXE_tcpecho-load")]);
        command.arg(address.ip().to_string()).arg(address.port().to_string()).args(words);
        command.args(["-d", &milliseconds(duration), "--warmup", &milliseconds(WARM_UP)]);
        command.args(["--format", "json", "-o"]).arg(report_file(&directory));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("taskset of util-linux");
        Self { child, duration, directory }
    }

    /// Waits until it ends by itself.
    pub(crate) fn finish(mut self) -> Result<Report, String> {
        let limit = WARM_UP + self.duration + SLACK;
        let status = wait(&mut self.child, limit).ok_or("the load does not end")?;
        if status.success() { self.report() } else { Err(self.complain(&status.to_string())) }
    }

    /// Ends it before its time, as Ctrl-C would; it then reports all the same.
    pub(crate) fn interrupt(mut self) -> Result<Report, String> {
        if !self.runs() {
            return Err(self.complain("it ended before it was interrupted"));
        }
        interrupt(&mut self.child).ok_or("the load does not end when it is interrupted")?;
        self.report()
    }

    /// True until it has ended.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn report(&self) -> Result<Report, String> {
        let text = std::fs::read_to_string(report_file(&self.directory));
        let text = text.map_err(|error| format!("the load's report: {error}"))?;
        let value = serde_json::from_str(&text);
        let report = Report(value.map_err(|error| format!("the load's report: {error}"))?);
        let wrong = report.wrong();
        if wrong.is_empty() { Ok(report) } else { Err(wrong.join(", ")) }
    }

    /// Why it failed, if its report tells.
    fn complain(&self, status: &str) -> String {
        match self.report() {
            Ok(_) => format!("the load failed: {status}"),
            Err(wrong) => format!("the load failed: {status}: {wrong}"),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A report without an error in it.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    /// The number at a place like `/latency_us/p99`.
    pub(crate) fn number(&self, place: &str) -> Result<f64, String> {
        let number = self.0.pointer(place).and_then(Value::as_f64);
        // What was not measured at all is null.
        number.ok_or_else(|| format!("the load's report has no {place}"))
    }

    fn count(&self, place: &str) -> Option<u64> {
        self.0.pointer(place).and_then(Value::as_u64)
    }

    /// What makes it no measurement: lines that did not come back as they were sent, connections
    /// that failed or are missing, and a load that could not do what it was to do.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for place in ["/connections/failed", "/mismatches", "/unanswered"] {
            let count = self.count(place).unwrap_or(0);
            if count > 0 {
                wrong.push(format!("{count} {}", place.rsplit('/').next().unwrap()));
            }
        }
        if let (Some(wanted), Some(there)) =
            (self.count("/settings/connections"), self.count("/connections/established"))
            && there < wanted
        {
            wrong.push(format!("{there} of {wanted} connections"));
        }
        for place in ["/errors", "/local_errors"] {
            let words = self.0.pointer(place).and_then(Value::as_object);
            wrong
                .extend(words.into_iter().flatten().map(|(word, count)| format!("{count} {word}")));
        }
        wrong
    }
}

fn report_file(directory: &TempDir) -> std::path::PathBuf {
    Path::new(directory.path()).join("report.json")
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}
