//! Metrics of the process, under the names that other exporters use.

use std::fs::File;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustix::time::{ClockId, clock_gettime};

use crate::num;
use crate::os::descriptors;

use super::gauge;

/// Data that is collected when the process starts.
#[derive(Debug)]
pub(super) struct Process {
    /// When the process started, since 1970.
    started: Duration,
    /// `/proc/self/statm` (proc(5)), opened before the sandbox forbids it; none on other systems.
    statm: Option<File>,
}

impl Process {
    pub(super) fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started, statm: File::open("/proc/self/statm").ok() }
    }

    /// Registers the metrics of the process, with `open` descriptors in use.
    pub(super) fn register(&self, registry: &mut Registry, open: usize) {
        gauge(registry, "process_open_fds", "Descriptors in use", num::to_u64(open));
        let most = descriptors::limit().unwrap_or(u64::MAX);
        gauge(registry, "process_max_fds", "Descriptors there may be", most);
        let cpu = Counter::<f64, AtomicU64>::default();
        cpu.inc_by(cpu_seconds());
        registry.register("process_cpu_seconds", "Processor time, in user and kernel", cpu);
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(self.started.as_secs_f64());
        registry.register("process_start_time_seconds", "When it started, since 1970", started);
        if let Some(bytes) = self.resident_bytes() {
            gauge(registry, "process_resident_memory_bytes", "Resident memory", bytes);
        }
    }

    /// Returns the resident memory. The second number in `statm` counts resident pages.
    fn resident_bytes(&self) -> Option<u64> {
        let mut text = [0; 128];
        let read = rustix::io::pread(self.statm.as_ref()?, &mut text, 0).ok()?;
        let text = std::str::from_utf8(text.split_at(read).0).ok()?;
        let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
        Some(pages * num::to_u64(rustix::param::page_size()))
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither is ever negative.
    let seconds = Duration::from_secs(time.tv_sec.cast_unsigned());
    (seconds + Duration::from_nanos(time.tv_nsec.cast_unsigned())).as_secs_f64()
}
