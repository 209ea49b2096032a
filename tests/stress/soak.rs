//! A soak: waves of hostile peers beside polite ones, for any length of time; nothing may grow or
//! get lost. Run with `make soak`.

#![cfg(test)]

#[expect(dead_code, reason = "the comparison with other servers draws more")]
#[path = "../bench/drawing.rs"]
mod drawing;
mod harness;
mod hostile;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
#[path = "../scale/process.rs"]
mod process;
mod quiet;
#[path = "../scale/report.rs"]
mod report;
mod soak_page;
mod soak_plot;
mod soaking;
#[expect(dead_code, reason = "overload needs more")]
mod stage;
mod waves;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: make soak ARGS='[--duration DURATION] [--wave DURATION] [--out DIR]'";

/// Default duration.
const DURATION: Duration = Duration::from_secs(30 * 60);

fn main() -> ExitCode {
    harness::start("soak", |words| run(&Options::read(words)?))
}

/// The command line.
struct Options {
    duration: Duration,
    /// Duration of each wave.
    wave: Duration,
    /// Writes the page there, even after a short or failed run.
    out: Option<PathBuf>,
    said: String,
}

impl Options {
    fn read(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            duration: DURATION,
            wave: Duration::from_secs(5),
            out: None,
            said: words.join(" "),
        };
        for pair in words.chunks(2) {
            match pair {
                [option, text] if option == "--duration" => options.duration = harness::time(text)?,
                [option, text] if option == "--wave" => options.wave = harness::time(text)?,
                [option, text] if option == "--out" => options.out = Some(PathBuf::from(text)),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

fn run(options: &Options) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let facts = soak_page::facts(&options.said);
    let say = |text: &str| println!("{text}");
    let story = soaking::run(options.duration, options.wave, folder.path(), say)?;
    println!("{}", soak_page::table(&story));
    let good = story.wrong.is_empty() && options.duration >= DURATION;
    let pages = good.then(|| PathBuf::from(harness::PAGES));
    let page = soak_page::page(&facts, &story);
    harness::publish(options.out.clone().or(pages), "soak", &page, |file| {
        soak_plot::draw(&story, file)
    })?;
    if story.wrong.is_empty() { Ok(()) } else { Err(story.wrong.join("\n")) }
}
