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

/// The time before the measurement.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// How much longer than its duration a load may take, to connect and to end.
const SLACK: Duration = Duration::from_secs(60);

/// A running load, stopped on drop.
#[derive(Debug)]
pub(crate) struct Load {
    child: Child,
    duration: Duration,
    directory: TempDir,
}

impl Load {
    /// Starts a load on its core; it writes its report to a file.
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

    /// Waits for the end of the load.
    pub(crate) fn finish(mut self) -> Result<Report, String> {
        let limit = WARM_UP + self.duration + SLACK;
        let status = wait(&mut self.child, limit).ok_or("the load does not exit")?;
        if status.success() { self.report() } else { Err(self.complain(&status.to_string())) }
    }

    /// Interrupts the load early, as Ctrl-C does; it still reports.
    pub(crate) fn interrupt(mut self) -> Result<Report, String> {
        if !self.runs() {
            return Err(self.complain("it exited before it was interrupted"));
        }
        interrupt(&mut self.child).ok_or("the load does not exit when it is interrupted")?;
        self.report()
    }

    /// True until the load has exited.
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

    /// The reason of a failure, if the report has one.
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

/// A report without errors.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    /// Returns the number at a place like `/latency_us/p99`.
    pub(crate) fn number(&self, place: &str) -> Result<f64, String> {
        let number = self.0.pointer(place).and_then(Value::as_f64);
        // A value that was not measured is null.
        number.ok_or_else(|| format!("the load's report has no {place}"))
    }

    fn count(&self, place: &str) -> Option<u64> {
        self.0.pointer(place).and_then(Value::as_u64)
    }

    /// Lists the errors that invalidate the measurement: lost or corrupted lines, failed or missing
    /// connections, and local errors of the load.
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
