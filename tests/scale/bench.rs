//! A million connections on one machine. Run with `make million`.
//!
//! The daemons share one port; the descriptor limit determines their number. Load generators
//! connect from several addresses, echo a line on each connection, hold all of them, echo a second
//! line on some, and close; then the daemons drain. Nothing may be lost.

#![cfg(test)]

mod children;
mod crowd;
#[expect(dead_code, reason = "the comparison with other servers draws more")]
#[path = "../bench/drawing.rs"]
mod drawing;
mod limits;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
mod memory;
mod page;
mod plot;
mod process;
mod report;
mod sample;
mod scale;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use self::crowd::Deadlines;

const USAGE: &str = "usage: make million ARGS='[--connections N] [--out DIR]'";

/// At least twice the time of a small machine.
const DEADLINES: Deadlines = Deadlines {
    start: Duration::from_secs(60),
    open: Duration::from_secs(300),
    close: Duration::from_secs(300),
    drain: Duration::from_secs(60),
};

/// How long all connections are held idle.
const HOLD: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // `cargo test --all-targets` builds benches too; this one would take too long there.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED a million connections: make million");
        return ExitCode::SUCCESS;
    }
    match options().and_then(|(connections, out)| run(connections, &out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the number of connections, and the folder for the results.
fn options() -> Result<(u64, PathBuf), String> {
    let (mut connections, mut out) = (1_000_000, env!("CARGO_MANIFEST_DIR").to_owned());
    out += "/docs/performance";
    // Cargo adds `--bench`.
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    for pair in words.chunks(2) {
        match pair {
            [option, number] if option == "--connections" => {
                connections = number.parse().map_err(|_error| USAGE.to_owned())?;
            }
            [option, folder] if option == "--out" => out.clone_from(folder),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if connections == 0 { Err(USAGE.to_owned()) } else { Ok((connections, out.into())) }
}

/// Runs the million. Missed goals are not an error: they apply to a million connections, on an idle
/// machine.
fn run(connections: u64, out: &Path) -> Result<(), String> {
    let facts = page::facts(connections);
    let scale = limits::scale(connections)?;
    let limits = limits::all(&scale);
    for limit in &limits {
        println!("{limit}");
    }
    if limits.iter().any(|limit| !limit.suffices()) {
        return Err("this machine lacks the limits NEEDED above".to_owned());
    }
    let story = crowd::run(&scale, &DEADLINES, HOLD, |text| println!("{text}"))?;
    let table = page::table(&story, &scale);
    println!("\n{table}");
    if !story.wrong.is_empty() {
        return Err(story.wrong.join("\n"));
    }
    fs::create_dir_all(out).expect("a directory for the results");
    fs::write(out.join("million.md"), page::page(&facts, &table)).expect("results");
    plot::draw(&story.samples, &out.join("million.svg")).expect("a plot");
    println!("written to {}", out.display());
    Ok(())
}
