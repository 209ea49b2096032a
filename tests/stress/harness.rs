//! The start of the benches overload and soak, and the output of their pages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use super::drawing::Drawn;
use super::hostile;

/// The folder of committed pages, written after a whole run without errors.
pub(crate) const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability");

/// Runs the bench that `make` calls `target` with its arguments, or becomes the process of the
/// hostile peers.
pub(crate) fn start(target: &str, run: impl FnOnce(&[String]) -> Result<(), String>) -> ExitCode {
    // Cargo adds `--bench`.
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some((word, rest)) = words.split_first()
        && word == hostile::WORD
    {
        return hostile::keep(rest);
    }
    // `cargo test --all-targets` builds benches too; this one would take too long there.
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

/// Parses a duration.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))
}

/// Writes a page and its plot to that folder, if there is one.
pub(crate) fn publish(
    place: Option<PathBuf>,
    name: &str,
    page: &str,
    draw: impl FnOnce(&Path) -> Drawn,
) -> Result<(), String> {
    let Some(place) = place else {
        println!("no page is written: the run was partial or failed");
        return Ok(());
    };
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let page_file = place.join(format!("{name}.md"));
    fs::write(page_file, page).map_err(|error| error.to_string())?;
    draw(&place.join(format!("{name}.svg"))).map_err(|error| error.to_string())
}
