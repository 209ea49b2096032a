//! Injects every error into every system call of the daemon, at its first occurrences. Run with
//! `make sweep`.

#![cfg(test)]

mod calls;
mod daemon;
mod documented;
#[expect(dead_code, reason = "the fault tests observe more")]
#[path = "../faults/support/observe.rs"]
mod observe;
mod page;
mod peer;
mod plan;
mod point;
mod sweep;
mod trace;
#[path = "../faults/support/wait.rs"]
mod wait;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use self::page::Table;
use self::point::Verdict;

const USAGE: &str = "usage: make sweep ARGS='[--only TEXT] [--one-in N] [--out DIR]'";

fn main() -> ExitCode {
    // `cargo test --all-targets` builds benches too; this one would take too long there.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED the sweep: make sweep");
        return ExitCode::SUCCESS;
    }
    match Options::parse().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Options {
    /// Runs only points with this text in their name.
    only: Option<String>,
    one_in: usize,
    out: PathBuf,
}

impl Options {
    fn parse() -> Result<Self, String> {
        let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability");
        let mut options = Self { only: None, one_in: 1, out };
        // Cargo adds `--bench`.
        let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
        for pair in words.chunks(2) {
            match pair {
                [option, text] if option == "--only" => options.only = Some(text.clone()),
                [option, number] if option == "--one-in" => {
                    options.one_in = number.parse().map_err(|_error| USAGE.to_owned())?;
                }
                [option, folder] if option == "--out" => options.out = folder.into(),
                _ => return Err(USAGE.to_owned()),
            }
        }
        if options.one_in == 0 { Err(USAGE.to_owned()) } else { Ok(options) }
    }

    /// True if the results are those of all points.
    fn is_whole(&self) -> bool {
        self.only.is_none() && self.one_in == 1
    }
}

fn run(options: &Options) -> Result<(), String> {
    let binary = Path::new(env!("CARGO_BIN_EXE_tcpechod"));
    let all = sweep::all_points(binary)?;
    let named = |name: &str| options.only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let points: Vec<_> =
        all.into_iter().step_by(options.one_in).filter(|point| named(&point.to_string())).collect();
    println!("{} points", points.len());
    let start = Instant::now();
    let mut table = Table::default();
    let mut done = 0;
    sweep::run(binary, &points, |point, outcome| {
        done += 1;
        if outcome.verdict == Verdict::Failed {
            println!("FAILED {point}\n  {}", outcome.wrong.join("\n").replace('\n', "\n  "));
        } else if outcome.verdict == Verdict::NotReached {
            println!("not reached: {point}");
        }
        table.add(point, &outcome);
        if done % 100 == 0 {
            println!("{done} of {}, {:.0?}", points.len(), start.elapsed());
        }
    });
    let text = table.text(start.elapsed());
    println!("\n{text}");
    if options.is_whole() {
        fs::create_dir_all(&options.out).expect("a directory for the results");
        fs::write(options.out.join("sweep.md"), page::page(&text)).expect("results");
        println!("written to {}", options.out.display());
    }
    if table.has_failed() { Err("some points failed".to_owned()) } else { Ok(()) }
}
