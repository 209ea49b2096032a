//! The limit on descriptors, and the number of connections that it allows.

use log::{info, warn};

use crate::num;
use crate::os::descriptors::{self, DescriptorLimit};

/// Descriptors reserved for other uses than connections, in most cases: standard streams,
/// listeners, the poller, signals, and short-lived ones.
pub const DESCRIPTORS_RESERVED: usize = 64;

/// Short-lived descriptors beside the connections: admin connections (16), connections accepted
/// before the descriptor of another is closed (16), the service manager's socket, and those for
/// starting a child.
const MOMENTARY: usize = 40;

/// Open descriptors besides listeners, on systems that do not report them.
const BESIDE_LISTENERS: usize = 12;

/// Raises the soft limit to the hard one.
pub(super) fn raise() {
    if let Err(error) = descriptors::raise() {
        warn!("the limit on descriptors could not be raised: {error}");
    }
}

/// Returns the largest number of connections, now that everything else is open: `wanted`, or fewer
/// if the descriptors do not suffice. Logs it; the soft limit was `before`.
pub(super) fn connections_max(
    wanted: Option<usize>,
    listeners: usize,
    before: &DescriptorLimit,
) -> usize {
    let limit = descriptors::limit();
    let reserve = reserve(descriptors::open(), listeners);
    let effective = capped(wanted, limit, reserve);
    if let Some(wanted) = wanted.filter(|wanted| *wanted > effective) {
        warn!(
            "--max-connections {wanted} needs {} descriptors; only {effective} connections will \
             be accepted (raise the hard limit: ulimit -Hn, LimitNOFILE=)",
            wanted.saturating_add(reserve)
        );
    }
    info!(
        "descriptors: {} (soft limit was {}), {reserve} reserved; up to {effective} connections",
        format_limit(limit),
        format_limit(before.soft())
    );
    effective
}

/// Returns the result of [`connections_max`] with that many more listeners, without raising the
/// limit.
pub(super) fn effective(wanted: Option<usize>, listeners: usize) -> usize {
    let reserve = reserve(descriptors::open() + listeners, listeners);
    capped(wanted, descriptors::hard_limit(), reserve)
}

/// Returns the number of descriptors not for connections, if `open` are open before the first
/// connection.
fn reserve(open: usize, listeners: usize) -> usize {
    DESCRIPTORS_RESERVED.max(open.max(listeners + BESIDE_LISTENERS) + MOMENTARY)
}

fn capped(wanted: Option<usize>, limit: Option<u64>, reserve: usize) -> usize {
    let available = limit.map_or(usize::MAX, num::to_usize).saturating_sub(reserve).max(1);
    wanted.map_or(available, |wanted| wanted.min(available))
}

fn format_limit(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_descriptors() {
        assert_eq!(capped(None, Some(20_000), 64), 19_936);
        assert_eq!(capped(Some(100), Some(20_000), 64), 100);
        assert_eq!(capped(Some(30_000), Some(20_000), 64), 19_936);
        assert_eq!(capped(Some(5), None, 64), 5);
        assert_eq!(capped(None, Some(10), 64), 1, "a limit below the reserve leaves one");
    }

    #[test]
    fn the_reserve_covers_the_open_descriptors() {
        assert_eq!(reserve(10, 2), DESCRIPTORS_RESERVED, "as a daemon usually is");
        assert_eq!(reserve(0, 2), DESCRIPTORS_RESERVED, "where the system does not tell");
        assert_eq!(reserve(90, 70), 90 + MOMENTARY);
        assert_eq!(reserve(0, 70), 70 + BESIDE_LISTENERS + MOMENTARY);
    }
}
