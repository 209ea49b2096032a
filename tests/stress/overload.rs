//! Overload: the latency of a hundred polite peers while others flood, stall, idle, churn, reset
//! and connect by the thousand. Run with `make overload`.

#![cfg(test)]

#[expect(dead_code, reason = "the comparison with other servers draws more")]
#[path = "../bench/drawing.rs"]
mod drawing;
mod harness;
mod hostile;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
mod overload_page;
mod overload_plot;
#[path = "../scale/process.rs"]
mod process;
#[path = "../scale/report.rs"]
mod report;
mod rows;
mod stage;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: make overload ARGS='[--duration DURATION] [--row TEXT] [--out DIR]'";

/// Default duration of a row.
const DURATION: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    harness::start("overload", |words| run(&Options::read(words)?))
}

/// The command line.
struct Options {
    /// Duration of each row.
    duration: Duration,
    /// Runs only rows with this text in their id or name.
    row: String,
    /// Writes the page there, even after a partial or failed run.
    out: Option<PathBuf>,
    said: String,
}

impl Options {
    fn read(words: &[String]) -> Result<Self, String> {
        let mut options =
            Self { duration: DURATION, row: String::new(), out: None, said: words.join(" ") };
        for pair in words.chunks(2) {
            match pair {
                [option, text] if option == "--duration" => {
                    options.duration = harness::time(text)?;
                }
                [option, text] if option == "--row" => options.row.clone_from(text),
                [option, text] if option == "--out" => options.out = Some(PathBuf::from(text)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

fn run(options: &Options) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let facts = overload_page::facts(options.duration, &options.said);
    let mut outcomes = Vec::new();
    let selected =
        |row: &&rows::Row| row.id.contains(&options.row) || row.name.contains(&options.row);
    for row in rows::ROWS.iter().filter(selected) {
        println!("{} {} ...", row.id, row.name);
        let outcome = rows::run(*row, options.duration, folder.path())
            .map_err(|wrong| format!("{} {}: {wrong}", row.id, row.name))?;
        println!("{}", overload_page::line(&outcome));
        outcomes.push(outcome);
    }
    let wrong: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| outcome.wrong.iter().map(|it| format!("{}: {it}", outcome.row.name)))
        .collect();
    let whole = options.row.is_empty() && options.duration >= DURATION;
    let pages = (whole && wrong.is_empty()).then(|| PathBuf::from(harness::PAGES));
    let page = overload_page::page(&facts, &outcomes);
    harness::publish(options.out.clone().or(pages), "overload", &page, |file| {
        overload_plot::draw(&outcomes, file)
    })?;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
