//! How many descriptors the process may have, and so how many connections.

use log::{info, warn};

use crate::os::descriptors::{self, DescriptorLimit};

/// Descriptors that are not for connections, in most cases: standard streams, listeners, the
/// poller, signals, and what is needed for moments.
pub const DESCRIPTORS_RESERVED: usize = 64;

/// Descriptors that come and go beside the connections: visitors (16), connections that are
/// accepted before another one's descriptor is given back (16), the service manager's socket, and
/// what the start of a child takes.
const MOMENTARY: usize = 40;

/// What is open besides listeners, where the system does not tell.
const BESIDE_LISTENERS: usize = 12;

/// Raises the soft limit to the hard one.
pub(super) fn raise() {
    if let Err(error) = descriptors::raise() {
        warn!("the limit on descriptors could not be raised: {error}");
    }
}

/// Says how many connections there may be now that everything else is open: `wanted`, or fewer if
/// there are not descriptors enough. The soft limit was `before`.
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

/// What [`connections_max`] would return with that many more listeners, without raising anything.
pub(super) fn effective(wanted: Option<usize>, listeners: usize) -> usize {
    let reserve = reserve(descriptors::open() + listeners, listeners);
    capped(wanted, descriptors::hard_limit(), reserve)
}

/// What is not for connections, where so many descriptors are open before the first of them.
fn reserve(open: usize, listeners: usize) -> usize {
    DESCRIPTORS_RESERVED.max(open.max(listeners + BESIDE_LISTENERS) + MOMENTARY)
}

fn capped(wanted: Option<usize>, limit: Option<u64>, reserve: usize) -> usize {
    let available = limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        .saturating_sub(reserve)
        .max(1);
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
    fn the_reserve_is_for_what_is_open() {
        assert_eq!(reserve(10, 2), DESCRIPTORS_RESERVED, "as a daemon usually is");
        assert_eq!(reserve(0, 2), DESCRIPTORS_RESERVED, "where the system does not tell");
        assert_eq!(reserve(90, 70), 90 + MOMENTARY);
        assert_eq!(reserve(0, 70), 70 + BESIDE_LISTENERS + MOMENTARY);
    }
}
