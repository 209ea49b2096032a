//! What the command line asks for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cases::CASES;
use super::servers::SERVERS;

pub(crate) const USAGE: &str = "\
usage: make bench ARGS='[--rounds N] [--duration TIME] [--case NAME]... [--server NAME]... \
                        [--out DIR]'";

/// What is measured, how long, and where the results go.
#[derive(Debug)]
pub(crate) struct Options {
    /// How often each server has its turn in each case.
    pub(crate) rounds: usize,
    /// How long a load is measured, after a second to warm up.
    pub(crate) duration: Duration,
    /// Only these, or all if there are none.
    cases: Vec<String>,
    servers: Vec<String>,
    /// Where the results go.
    pub(crate) out: PathBuf,
    /// The words themselves, to be repeated in the results.
    pub(crate) said: String,
}

impl Options {
    /// Reads the words; says what is wrong with them if they are no such options.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        // Cargo adds this one.
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

    /// Takes one option and its value.
    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "--rounds" => match value.parse() {
                Ok(rounds @ 1..) => self.rounds = rounds,
                Ok(_) | Err(_) => return Err("a number from 1".to_owned()),
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

    /// True if that case was asked for, or none in particular.
    pub(crate) fn wants_case(&self, name: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|wanted| wanted == name)
    }

    /// The same for a server.
    pub(crate) fn wants_server(&self, name: &str) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|wanted| wanted == name)
    }
}

/// The word, if it is one of the names: a misspelt case would else measure nothing, in silence.
fn one_of(word: &str, names: impl Iterator<Item = &'static str>) -> Result<String, String> {
    let names: Vec<_> = names.collect();
    if names.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!("one of {}", names.join(", ")))
}
