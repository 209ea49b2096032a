//! Collects the closing lines of the daemon's log, which state the cause of each close.

use std::cell::RefCell;

use log::{LevelFilter, Log, Metadata, Record};

thread_local! {
    /// Peers closed since the last call of `closed`, and the causes.
    static CLOSED: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

struct Ledger;

/// Starts to record the log.
pub(super) fn open() {
    // An earlier seed may have installed the logger.
    if log::set_logger(&Ledger).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// Returns the peers closed since the last call: name and cause.
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
