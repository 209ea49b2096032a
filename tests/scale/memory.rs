//! Memory of processes and of the kernel.

use std::fs;
use std::str::FromStr;

use super::measure;

/// TCP counts its buffers in units of this many bytes.
const PAGE_BYTES: f64 = 4096.0;

/// The private memory of processes, in bytes: `Private_Clean` and `Private_Dirty` of
/// `/proc/PID/smaps_rollup` (proc(5)), without the program's code, which they share.
pub(crate) fn private_bytes(processes: impl Iterator<Item = u32>) -> f64 {
    // `sum` of no floats is -0.0.
    processes.map(measure::private_bytes).fold(0.0, |all, one| all + one)
}

/// Memory that the kernel holds in objects such as sockets (`Slab` of `/proc/meminfo`) and in TCP
/// buffers (`mem` of `/proc/net/sockstat`), system-wide.
pub(crate) fn kernel_bytes() -> f64 {
    meminfo::<f64>("Slab:") * 1024.0 + buffers_bytes()
}

/// The part of these objects that the kernel cannot reclaim; inodes of open sockets count as
/// reclaimable, although they are not.
pub(crate) fn unreclaimable_bytes() -> f64 {
    meminfo::<f64>("SUnreclaim:") * 1024.0
}

/// Memory available to programs without swapping.
pub(crate) fn available_bytes() -> u64 {
    meminfo::<u64>("MemAvailable:") * 1024
}

fn buffers_bytes() -> f64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    let pages = line.split_whitespace().skip_while(|word| *word != "mem").nth(1);
    pages.and_then(|pages| pages.parse::<f64>().ok()).unwrap_or_default() * PAGE_BYTES
}

/// In KiB, the unit of the file.
fn meminfo<N: FromStr + Default>(name: &str) -> N {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let number = line.split_whitespace().next().and_then(|word| word.parse().ok());
    number.unwrap_or_default()
}
