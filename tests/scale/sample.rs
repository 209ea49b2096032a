//! One sample of a run, and its log line.

use std::fmt;
use std::time::Duration;

/// The state of a run at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the start of the first load generator.
    pub(crate) at: Duration,
    pub(crate) open: u64,
    pub(crate) lines: u64,
    pub(crate) daemons_bytes: f64,
    pub(crate) loads_bytes: f64,
    /// The growth since before the first connection.
    pub(crate) kernel_bytes: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mega = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
        write!(
            f,
            "{:5.1} s: {:>7} open, {:>7} lines, daemons {}, load generators {}, kernel {}",
            self.at.as_secs_f64(),
            self.open,
            self.lines,
            mega(self.daemons_bytes),
            mega(self.loads_bytes),
            mega(self.kernel_bytes)
        )
    }
}
