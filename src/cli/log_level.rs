//! The log level: `--log-level`, or else `RUST_LOG`.

use std::env;
use std::path::Path;

use anyhow::{Context, bail};
use clap::ValueEnum;
use log::LevelFilter;

use crate::os::small_file;
use crate::server::LogLevel as LogLevelSource;

/// The log variable that Rust programs commonly use.
pub(super) const VARIABLE: &str = "RUST_LOG";

/// The library, where all log lines originate.
const LIBRARY: &str = "tcpecho";

/// The programs' names as users write them.
const PROGRAMS: [&str; 4] = [LIBRARY, "tcpechod", "tcpecho-load", "tcpecho_load"];

/// The modules of the library that log.
const MODULES: [&str; 5] = ["connection", "os", "reactor", "server", "sys"];

/// A level of `--log-level`; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

/// The log filter.
#[derive(Debug, PartialEq, Eq)]
pub struct LogFilter {
    /// The filter for `env_logger`. It starts with `info`, so that a mistake never hides warnings.
    pub spec: String,
    /// The errors in `RUST_LOG`, to be logged.
    pub warnings: Vec<String>,
}

impl LogFilter {
    /// Creates the filter.
    ///
    /// # Errors
    ///
    /// A file that can't be read, or that has anything wrong in it: unlike a variable, it can be
    /// corrected while the daemon runs.
    pub fn new(level: &LogLevelSource) -> anyhow::Result<Self> {
        match level {
            LogLevelSource::Environment => {
                let text = env::var_os(VARIABLE).unwrap_or_default();
                Ok(Self::read(&text.to_string_lossy()))
            }
            LogLevelSource::Fixed(level) => {
                Ok(Self { spec: level.to_string(), warnings: Vec::new() })
            }
            LogLevelSource::File(path) => {
                let text = small_file::read(path);
                let text = text.with_context(|| format!("cannot read {}", path.display()))?;
                Self::strict(path, text.trim())
            }
        }
    }

    fn strict(path: &Path, text: &str) -> anyhow::Result<Self> {
        let filter = Self::read(text);
        if text.is_empty() || !filter.warnings.is_empty() {
            let name = path.display();
            bail!("{name}: {text:?} is neither a log level nor a valid filter of the log");
        }
        Ok(filter)
    }

    /// The filter as it was given, for people.
    pub fn given(&self) -> &str {
        self.spec.strip_prefix("INFO,").unwrap_or(&self.spec)
    }

    /// Parses directives in the syntax of `env_logger`: `target=level,...`, and after a slash a
    /// text that lines must contain. Skips an invalid directive and warns about it.
    fn read(text: &str) -> Self {
        let mut spec = LevelFilter::Info.to_string();
        let mut warnings = Vec::new();
        let (directives, pattern) =
            text.split_once('/').map_or((text, None), |(before, after)| (before, Some(after)));
        let mut ours = false;
        let directives = directives.split(',').map(str::trim);
        for directive in directives.filter(|one| !one.is_empty()) {
            match read(directive) {
                Ok(Directive { text, is_ours }) => {
                    ours |= is_ours;
                    spec = format!("{spec},{text}");
                }
                Err(why) => warnings.push(format!("{VARIABLE}: {directive:?} is left out: {why}")),
            }
        }
        match pattern {
            Some(text) if text.contains('/') => {
                warnings.push(format!("{VARIABLE}: \"/{text}\" is left out: one / is enough"));
            }
            Some(text) => spec = format!("{spec}/{text}"),
            None => {}
        }
        if !ours && warnings.is_empty() && !text.trim().is_empty() {
            let is = "matches nothing that is logged here, so the level is info; try";
            warnings.push(format!("{VARIABLE}: {text:?} {is} {VARIABLE}=debug"));
        }
        Self { spec, warnings }
    }
}

struct Directive {
    text: String,
    /// True if it applies to log lines of these programs.
    is_ours: bool,
}

/// Parses `level`, `target` or `target=level`; a target alone gets the level trace.
fn read(text: &str) -> Result<Directive, String> {
    let is_level = |text: &str| text.parse::<LevelFilter>().is_ok();
    let (target, level) = match text.split_once('=') {
        None if is_level(text) => ("", text),
        None => (text, ""),
        Some((target, level)) => (target.trim(), level.trim()),
    };
    if !level.is_empty() && !is_level(level) {
        let levels = "off, error, warn, info, debug or trace";
        return Err(format!("{level:?} is no level; take {levels}"));
    }
    if target.is_empty() {
        let missing = || "it names neither a target nor a level".to_owned();
        let level = Some(level).filter(|level| !level.is_empty()).ok_or_else(missing)?;
        return Ok(Directive { text: level.to_owned(), is_ours: true });
    }
    let (program, module) = target.split_once("::").unwrap_or((target, ""));
    let (target, is_ours) = if PROGRAMS.contains(&program) {
        if !MODULES.iter().any(|one| begins(module, one)) {
            return Err(format!("no part of {program} that logs is called {module:?}"));
        }
        let separator = if module.is_empty() { "" } else { "::" };
        (format!("{LIBRARY}{separator}{module}"), true)
    } else {
        // A target is a prefix, so `tcp=debug` applies to these programs too.
        (target.to_owned(), LIBRARY.starts_with(target))
    };
    let level = if level.is_empty() { "trace" } else { level };
    Ok(Directive { text: format!("{target}={level}"), is_ours })
}

/// True if `path`, which may be only a prefix, leads to `module`.
fn begins(path: &str, module: &str) -> bool {
    module.starts_with(path) || path.split("::").next() == Some(module)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Asserts the filter and the number of warnings for `text`.
    fn assert_read(text: &str, spec: &str, warnings: usize) {
        let read = LogFilter::read(text);
        assert_eq!(read.spec.to_lowercase(), spec, "{text:?}");
        assert_eq!(read.warnings.len(), warnings, "{text:?}: {read:?}");
    }

    #[test]
    fn o07_no_filter_silences_the_log_by_mistake() {
        for (text, spec, warnings) in [
            ("", "info", 0),
            ("  ", "info", 0),
            (",", "info", 1),
            ("debug", "info,debug", 0),
            ("off", "info,off", 0),
            ("tcpechod=debug", "info,tcpecho=debug", 0),
            ("tcpecho-load=warn", "info,tcpecho=warn", 0),
            ("tcpecho_load", "info,tcpecho=trace", 0),
            ("tcpechod::reactor=debug", "info,tcpecho::reactor=debug", 0),
            ("tcpecho::server::status=", "info,tcpecho::server::status=trace", 0),
            ("=debug", "info,debug", 0),
            ("warn , clock=off", "info,warn,clock=off", 0),
            ("tcp=debug", "info,tcp=debug", 0),
            ("debug/closed", "info,debug/closed", 0),
            ("verbose", "info,verbose=trace", 1),
            ("hyper=debug", "info,hyper=debug", 1),
            ("=", "info", 1),
            ("tcpechod=verbose", "info", 1),
            ("tcpechod=verbose,debug", "info,debug", 1),
            ("tcpechod::reaktor=debug", "info", 1),
            ("a=b=c", "info", 1),
            ("=verbose", "info", 1),
            ("debug/a/b", "info,debug", 1),
        ] {
            assert_read(text, spec, warnings);
        }
    }

    #[test]
    fn a_file_has_one_level_or_filter_and_no_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("level");
        for (text, given) in [
            ("debug\n", Some("debug")),
            (" Warn", Some("Warn")),
            ("info,tcpechod::reactor=debug", Some("info,tcpecho::reactor=debug")),
            ("off", Some("off")),
            ("\n", None),
            ("verbose", None),
            ("debug,tcpechod::reaktor=debug", None),
        ] {
            fs::write(&path, text).unwrap();
            let read = LogFilter::new(&LogLevelSource::File(path.clone()));
            let read = read.map_err(|error| error.to_string());
            match given {
                Some(given) => assert_eq!(read.unwrap().given(), given),
                None => assert!(read.unwrap_err().contains("level: ")),
            }
        }
    }

    #[test]
    fn the_modules_that_log_are_these() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        for module in fs::read_dir(source).unwrap() {
            let module = module.unwrap().path();
            let name = module.file_stem().unwrap().to_str().unwrap().to_owned();
            if name != "bin" && name != "cli" && logs(&module) {
                found.push(name);
            }
        }
        found.sort();
        assert_eq!(found, MODULES);
    }

    fn logs(place: &Path) -> bool {
        if place.is_dir() {
            return fs::read_dir(place).unwrap().any(|entry| logs(&entry.unwrap().path()));
        }
        fs::read_to_string(place).unwrap().lines().any(|line| {
            ["use log::{", "use log::"].iter().any(|start| {
                let names = line.strip_prefix(start).unwrap_or_default();
                names
                    .split([',', '{', '}', ';', ' '])
                    .any(|name| ["error", "warn", "info", "debug", "trace"].contains(&name))
            })
        })
    }
}
