//! A soak: for as long as one likes, waves of trouble beside polite peers, and in the end nothing
//! has grown and nothing is lost. Run with `make soak`.

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
#[path = "../million/process.rs"]
mod process;
mod quiet;
mod soak_page;
mod soak_plot;
mod soaking;
#[expect(dead_code, reason = "overload asks for more")]
mod stage;
mod waves;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

const USAGE: &str = "usage: make soak ARGS='[--duration DURATION] [--wave DURATION] [--out DIR]'";

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if let Some((word, rest)) = words.split_first()
        && word == company::WORD
    {
        return company::keep(rest);
    }
    // cargo test builds benches too when asked for all targets; this takes too long for it.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED a soak: make soak");
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
    duration: Duration,
    /// How long each wave is there.
    wave: Duration,
    out: PathBuf,
    said: String,
}

impl Options {
    fn read(words: &[String]) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut options = Self {
            duration: Duration::from_secs(30 * 60),
            wave: Duration::from_secs(5),
            out: root.join("docs/reliability"),
            said: words.join(" "),
        };
        let time = |text: &str| {
            humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))
        };
        for pair in words.chunks(2) {
            match pair {
                [option, text] if option == "--duration" => options.duration = time(text)?,
                [option, text] if option == "--wave" => options.wave = time(text)?,
                [option, text] if option == "--out" => options.out = PathBuf::from(text),
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
    let write = |name: &str, text: String| {
        fs::write(options.out.join(name), text).map_err(|error| error.to_string())
    };
    fs::create_dir_all(&options.out).map_err(|error| error.to_string())?;
    write("soak.md", soak_page::page(&facts, &story))?;
    soak_plot::draw(&story, &options.out.join("soak.svg")).map_err(|error| error.to_string())?;
    if story.wrong.is_empty() { Ok(()) } else { Err(story.wrong.join("\n")) }
}
