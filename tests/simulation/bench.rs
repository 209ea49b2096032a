//! Runs a million seeds of the simulation, or replays one step by step. Run with `make simulate`.

#![cfg(test)]

mod bugs;
mod calls;
mod check;
mod children;
mod environment;
mod fault_profile;
mod ledger;
mod mutants;
mod os;
mod peer;
mod queue;
mod run;
mod setup;
mod traffic;
mod wire;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{env, thread};

use self::environment::Verbosity;
use self::run::{Mode, Story};

const USAGE: &str =
    "usage: make simulate ARGS='[--seeds N] [--from SEED] | --seed SEED | --first N | --bugs'";

/// The run stops after this many failing seeds.
const FAILURES_MAX: u64 = 10;

fn main() -> ExitCode {
    // `cargo test --all-targets` builds benches too; this one would take too long there.
    if !env::args().any(|word| word == "--bench") {
        println!("SKIPPED a million seeds: make simulate");
        return ExitCode::SUCCESS;
    }
    match what() {
        Some(What::One(seed)) => one(seed),
        Some(What::First(seeds)) => first(seeds),
        Some(What::Bugs) => match mutants::hunt() {
            Ok(()) => ExitCode::SUCCESS,
            Err(wrong) => {
                eprintln!("{wrong}");
                ExitCode::FAILURE
            }
        },
        Some(What::Many { from, seeds }) => many(from, seeds),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The requested run.
enum What {
    One(u64),
    /// In order, until one seed fails.
    First(u64),
    /// Every planted bug.
    Bugs,
    Many {
        from: u64,
        seeds: u64,
    },
}

fn what() -> Option<What> {
    let (mut from, mut seeds) = (0, 1_000_000);
    // Cargo adds `--bench`.
    let words: Vec<_> = env::args().skip(1).filter(|word| word != "--bench").collect();
    if words == ["--bugs"] {
        return Some(What::Bugs);
    }
    for pair in words.chunks(2) {
        let [option, number] = pair else { return None };
        let number = number.parse().ok()?;
        match option.as_str() {
            "--seed" => return Some(What::One(number)),
            "--first" => return Some(What::First(number)),
            "--seeds" => seeds = number,
            "--from" => from = number,
            _ => return None,
        }
    }
    Some(What::Many { from, seeds })
}

/// Runs one seed, and prints each step.
fn one(seed: u64) -> ExitCode {
    match run::run(seed, Verbosity::Steps) {
        Ok(story) => {
            println!("seed {seed} passed: {story}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("seed {seed}: {wrong}");
            ExitCode::FAILURE
        }
    }
}

/// Runs seeds in order, until one fails.
fn first(seeds: u64) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let mut failing = (0..seeds).map(|seed| (seed, run::run(seed, Verbosity::Nothing)));
    if let Some((seed, Err(wrong))) = failing.find(|(_, ran)| ran.is_err()) {
        println!("seed {seed}: {wrong}");
        return ExitCode::FAILURE;
    }
    println!("{seeds} seeds, 0 failed");
    ExitCode::SUCCESS
}

/// Runs seeds on all processors.
fn many(from: u64, seeds: u64) -> ExitCode {
    let began = Instant::now();
    let (next, failures) = (AtomicU64::new(from), AtomicU64::new(0));
    // A panic counts as a failure, and is printed with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let work = || {
        let (mut safety, mut liveness) = (Story::default(), Story::default());
        while failures.load(Ordering::Relaxed) < FAILURES_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + seeds {
                break;
            }
            match run::run(seed, Verbosity::Nothing) {
                Ok(story) if Mode::of(seed) == Mode::Safety => safety.add(&story),
                Ok(story) => liveness.add(&story),
                Err(wrong) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                    println!("seed {seed}: {wrong}");
                }
            }
        }
        (safety, liveness)
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let (safety, liveness) = thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let mut all = (Story::default(), Story::default());
        for worker in workers {
            let (safety, liveness) = worker.join().expect("a worker does not panic");
            all.0.add(&safety);
            all.1.add(&liveness);
        }
        all
    });
    println!("safety:   {safety}");
    println!("liveness: {liveness}");
    let failures = failures.into_inner();
    println!("{seeds} seeds from {from} on, {failures} failed, {:.1?}", began.elapsed());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
