//! The closing lines: the daemon's own log says why each connection ended, and is held to it.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};

thread_local! {
    /// The peers that have ended since this was asked last, and why.
    static CLOSED: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

struct Ledger;

/// Has the log written down here, from now on.
pub(super) fn open() {
    // Another seed's run may have done so.
    if log::set_logger(&Ledger).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// Who has ended since this was asked last: the peer's name and the cause.
pub(super) fn closed() -> Vec<(String, String)> {
    CLOSED.take()
}

impl Log for Ledger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tcpecho::reactor::reap"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let value = |key: &str| record.key_values().get(key.into()).map(|it| it.to_string());
            if let Some(closed) = value("peer").zip(value("cause")) {
                CLOSED.with_borrow_mut(|ledger| ledger.push(closed));
            }
        }
    }

    fn flush(&self) {}
}
