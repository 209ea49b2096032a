//! How many descriptors the process may have, and so how many connections.

use log::{info, warn};

use crate::descriptors;

/// Descriptors that are not for connections: standard streams, listeners, the poller, signals,
/// and a connection that is accepted before another one's descriptor is given back.
pub const RESERVE: usize = 64;

/// Raises the soft limit to the hard one, and says how many connections there may be: `wanted`,
/// or fewer if there are not descriptors enough.
pub(super) fn connections_max(wanted: Option<usize>) -> usize {
    let before = descriptors::limit();
    if let Err(error) = descriptors::raise() {
        warn!("the limit on descriptors could not be raised: {error}");
    }
    let limit = descriptors::limit();
    let effective = capped(wanted, limit);
    if let Some(wanted) = wanted.filter(|wanted| *wanted > effective) {
        warn!(
            "--max-connections {wanted} needs {} descriptors; only {effective} connections will \
             be accepted (raise the hard limit: ulimit -Hn, LimitNOFILE=)",
            wanted + RESERVE
        );
    }
    info!(
        "descriptors: {} (soft limit was {}), {RESERVE} reserved; up to {effective} connections",
        shown(limit),
        shown(before)
    );
    effective
}

/// What [`connections_max`] would return, without raising anything.
pub(super) fn effective(wanted: Option<usize>) -> usize {
    capped(wanted, descriptors::hard_limit())
}

fn capped(wanted: Option<usize>, limit: Option<u64>) -> usize {
    let available = limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
        .saturating_sub(RESERVE)
        .max(1);
    wanted.map_or(available, |wanted| wanted.min(available))
}

fn shown(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_descriptors() {
        assert_eq!(capped(None, Some(20_000)), 19_936);
        assert_eq!(capped(Some(100), Some(20_000)), 100);
        assert_eq!(capped(Some(30_000), Some(20_000)), 19_936);
        assert_eq!(capped(Some(5), None), 5);
        assert_eq!(capped(None, Some(10)), 1, "a limit below the reserve leaves one");
    }
}
