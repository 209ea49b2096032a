//! Overload: what a hundred polite peers see while others flood, stall, idle, churn, reset and come
//! in thousands. Run with `make overload`.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench may end in a panic, and prints"
)]

mod company;
#[expect(dead_code, reason = "the comparison with other servers draws more")]
#[path = "../bench/drawing.rs"]
mod drawing;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
mod overload_page;
mod overload_plot;
#[path = "../million/process.rs"]
mod process;
mod rows;
mod stage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

const USAGE: &str = "usage: make overload ARGS='[--duration DURATION] [--row TEXT] [--out DIR]'";

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some((word, rest)) = words.split_first()
        && word == company::WORD
    {
        return company::keep(rest);
    }
    // cargo test builds benches too when asked for all targets; this takes too long for it.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED overload: make overload");
        return ExitCode::SUCCESS;
    }
    match Options::read(&words).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// What was asked for.
struct Options {
    /// How long the polite are there, in each row.
    duration: Duration,
    /// Only rows whose id or name has this in it.
    row: String,
    out: PathBuf,
    said: String,
}

impl Options {
    fn read(words: &[String]) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut options = Self {
            duration: Duration::from_secs(15),
            row: String::new(),
            out: root.join("docs/reliability"),
            said: words.join(" "),
        };
        for pair in words.chunks(2) {
            match pair {
                [option, text] if option == "--duration" => {
                    let duration = humantime::parse_duration(text);
                    options.duration = duration.map_err(|error| format!("{text}: {error}"))?;
                }
                [option, text] if option == "--row" => options.row.clone_from(text),
                [option, text] if option == "--out" => options.out = PathBuf::from(text),
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
    let asked = |row: &&rows::Row| row.id.contains(&options.row) || row.name.contains(&options.row);
    for row in rows::ROWS.iter().filter(asked) {
        println!("{} {} ...", row.id, row.name);
        let outcome = rows::run(*row, options.duration, folder.path())
            .map_err(|wrong| format!("{} {}: {wrong}", row.id, row.name))?;
        println!("{}", overload_page::line(&outcome));
        outcomes.push(outcome);
    }
    fs::create_dir_all(&options.out).map_err(|error| error.to_string())?;
    let page = overload_page::page(&facts, &outcomes);
    fs::write(options.out.join("overload.md"), page).map_err(|error| error.to_string())?;
    overload_plot::draw(&outcomes, &options.out.join("overload.svg"))
        .map_err(|error| error.to_string())?;
    let wrong: Vec<_> = outcomes
        .iter()
        .flat_map(|outcome| outcome.wrong.iter().map(|it| format!("{}: {it}", outcome.row.name)))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
