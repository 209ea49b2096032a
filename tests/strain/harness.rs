//! What overload and a soak have in common: how they are started, and where their pages go.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use super::company;
use super::drawing::Drawn;

/// Where a page is kept, of a whole run in which nothing was wrong.
pub(crate) const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability");

/// Runs what `make` calls `target`, with the words that were said to it; or the process that bad
/// company lives in.
pub(crate) fn start(target: &str, run: impl FnOnce(&[String]) -> Result<(), String>) -> ExitCode {
    // Cargo adds this one.
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some((word, rest)) = words.split_first()
        && word == company::WORD
    {
        return company::keep(rest);
    }
    // cargo test builds benches too when asked for all targets; this takes too long for it.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED {target}: make {target}");
        return ExitCode::SUCCESS;
    }
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// A duration on the command line.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))
}

/// Writes a page and its plot there, if there is such a place.
pub(crate) fn publish(
    place: Option<PathBuf>,
    name: &str,
    page: &str,
    draw: impl FnOnce(&Path) -> Drawn,
) -> Result<(), String> {
    let Some(place) = place else {
        println!("no page is written: the run was not a whole one, or not a good one");
        return Ok(());
    };
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let page_file = place.join(format!("{name}.md"));
    fs::write(page_file, page).map_err(|error| error.to_string())?;
    draw(&place.join(format!("{name}.svg"))).map_err(|error| error.to_string())
}
