//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cases::CASES;
use super::servers::SERVERS;

pub(crate) const USAGE: &str = "\
usage: make bench ARGS='[--rounds N] [--duration TIME] [--case NAME]... [--server NAME]... \
                        [--out DIR]'";

/// The options of a comparison.
#[derive(Debug)]
pub(crate) struct Options {
    /// Rounds per case.
    pub(crate) rounds: usize,
    /// The measured duration of a load, after a second of warm-up.
    pub(crate) duration: Duration,
    /// Only these, or all if empty.
    cases: Vec<String>,
    servers: Vec<String>,
    /// The folder for the results.
    pub(crate) out: PathBuf,
    /// The arguments, repeated in the results.
    pub(crate) said: String,
}

impl Options {
    /// Parses the arguments; returns an error text if they are invalid.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        // Cargo adds `--bench`.
        let words: Vec<_> = words.filter(|word| word != "--bench").collect();
        let mut options = Self {
            rounds: 5,
            duration: Duration::from_secs(3),
            cases: Vec::new(),
            servers: Vec::new(),
            out: Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance"),
            said: words.join(" "),
        };
        for pair in words.chunks(2) {
            let [option, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
            options.set(option, value).map_err(|wrong| format!("{option} {value}: {wrong}"))?;
        }
        Ok(options)
    }

    /// Sets one option.
    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "--rounds" => match value.parse() {
                Ok(rounds @ 1..) => self.rounds = rounds,
                Ok(_) | Err(_) => return Err("a number of at least 1".to_owned()),
            },
            "--duration" => {
                let duration = humantime::parse_duration(value);
                self.duration = duration.map_err(|error| error.to_string())?;
            }
            "--case" => {
                self.cases.push(one_of(value, CASES.iter().map(|case| case.name))?);
            }
            "--server" => {
                self.servers.push(one_of(value, SERVERS.iter().map(|server| server.name))?);
            }
            "--out" => self.out = PathBuf::from(value),
            _ => return Err("no such option".to_owned()),
        }
        Ok(())
    }

    /// True if that case is selected, or none is.
    pub(crate) fn wants_case(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|wanted| wanted == name)
    }

    /// The same for a server.
    pub(crate) fn wants_server(&self, name: &str) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|wanted| wanted == name)
    }
}

/// Returns the word if it is one of the names: a misspelled case would silently measure nothing.
fn one_of(word: &str, names: impl Iterator<Item = &'static str>) -> Result<String, String> {
    let names: Vec<_> = names.collect();
    if names.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!("expected one of {}", names.join(", ")))
}
