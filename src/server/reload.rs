//! SIGHUP: opens and reads again the files that the daemon uses by name.
//!
//! A file that can't be opened or read changes nothing: an error says so, and the old log file, the
//! old lists or the old level stays in force.

use std::path::Path;

use anyhow::Context;
use log::{error, info, warn};

use crate::reactor::{Os, Reactor};

use super::LogSink;
use super::config::{LogLevel, ServerConfig};
use super::notify::Manager;

/// Reads the file of `--log-level` again, sets the level, and returns it as text.
pub type ReadLogLevel<'a> = &'a dyn Fn() -> anyhow::Result<String>;

/// The files, and how to use their new contents.
pub(super) struct Reload<'a> {
    pub config: &'a ServerConfig,
    pub read_log_level: ReadLogLevel<'a>,
}

impl Reload<'_> {
    /// Handles SIGHUP. The log file comes first, so that all the rest is in the new one.
    pub(super) fn all<O: Os>(&self, reactor: &mut Reactor<O>, manager: &Manager) {
        // A manager that asked for the reload waits for this, and for the end.
        if !reactor.is_draining() {
            manager.reloading();
        }
        let log_file = self.config.log_file.as_ref();
        let results = [
            log_file.map(|path| outcome("the old log file", reopen_log(path))),
            self.has_lists().then(|| outcome("the old lists", self.read_lists(reactor))),
            self.has_level_file().then(|| outcome("the old log level", self.read_level())),
        ];
        let results: Vec<_> = results.into_iter().flatten().collect();
        if results.is_empty() {
            info!("SIGHUP: there is no configuration file to reload");
        } else {
            info!("SIGHUP: {}; the other options need a restart", results.join("; "));
        }
        if !reactor.is_draining() {
            manager.reloaded();
        }
    }

    /// Tries all of it once after the start, with the rights that are left, and warns now instead
    /// of at the first SIGHUP.
    pub(super) fn rehearse(&self) {
        let log_file = self.config.log_file.as_ref().map(|path| reopen_log(path).map(drop));
        let lists = self.has_lists().then(|| self.config.access.read().map(drop));
        let level = self.has_level_file().then(|| self.read_level().map(drop));
        for error in [log_file, lists, level].into_iter().flatten().filter_map(Result::err) {
            warn!("SIGHUP will fail with the rights that are left: {error:#}");
        }
    }

    fn has_lists(&self) -> bool {
        self.config.access.files().next().is_some()
    }

    const fn has_level_file(&self) -> bool {
        matches!(self.config.log_level, LogLevel::File(_))
    }

    fn read_lists<O: Os>(&self, reactor: &mut Reactor<O>) -> anyhow::Result<String> {
        let access = self.config.access.read()?;
        let allowed = match &access.allow {
            Some(networks) => networks.entries().to_string(),
            None => "all".to_owned(),
        };
        let denied = access.deny.entries();
        reactor.set_access(access);
        Ok(format!("networks allowed: {allowed}, denied: {denied}"))
    }

    fn read_level(&self) -> anyhow::Result<String> {
        (self.read_log_level)().map(|level| format!("log level {level}"))
    }
}

fn reopen_log(path: &Path) -> anyhow::Result<String> {
    let reopened = LogSink::reopen();
    reopened.with_context(|| format!("cannot open the log file {}", path.display()))?;
    Ok("log file opened again".to_owned())
}

/// Returns the result in a few words, and logs an error.
fn outcome(old: &str, result: anyhow::Result<String>) -> String {
    result.unwrap_or_else(|error| {
        error!("SIGHUP: {error:#}; kept {old}");
        format!("kept {old}")
    })
}
