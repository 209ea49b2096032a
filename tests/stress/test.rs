//! A short soak: every kind of wave once, for half a second, on the debug build of the daemon. It
//! has its own `main`, because it is also the process of the hostile peers.

#![cfg(test)]

mod hostile;
#[expect(dead_code, reason = "the comparison with other servers measures more")]
#[path = "../bench/measure.rs"]
mod measure;
#[path = "../scale/process.rs"]
mod process;
mod quiet;
#[path = "../scale/report.rs"]
mod report;
#[expect(dead_code, reason = "the page needs more")]
mod soaking;
#[expect(dead_code, reason = "overload needs more")]
mod stage;
mod waves;

use std::process::{Command, ExitCode};
use std::time::Duration;

/// The name by which `cargo test` selects it.
const NAME: &str = "nothing_grows_and_nothing_is_lost_in_a_short_soak";

/// Tools of util-linux and coreutils that it needs.
const TOOLS: [&str; 4] = ["taskset", "nice", "setpriv", "prlimit"];

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    if let Some((word, rest)) = words.split_first()
        && word == hostile::WORD
    {
        return hostile::keep(rest);
    }
    let is_option = |word: &&String| word.starts_with('-');
    let asked_for_another = words.iter().any(|word| !is_option(&word) && !NAME.contains(word));
    if asked_for_another || words.iter().any(|word| word == "--list" || word == "--ignored") {
        return ExitCode::SUCCESS;
    }
    growth_is_that_of_the_line();
    let there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok();
    let lacking: Vec<_> = TOOLS.into_iter().filter(|tool| !there(tool)).collect();
    if !lacking.is_empty() {
        println!("SKIPPED a short soak: {} not found", lacking.join(", "));
        return ExitCode::from(u8::from(std::env::var_os("CI").is_some()));
    }
    soak();
    println!("{NAME} ... ok");
    ExitCode::SUCCESS
}

fn soak() {
    let folder = tempfile::tempdir().unwrap();
    let wave = Duration::from_millis(500);
    let story = soaking::run(Duration::ZERO, wave, folder.path(), |text| println!("{text}"));
    let story = story.unwrap();
    assert_eq!(story.wrong, [""; 0]);
    assert_eq!(story.quiet().count(), waves::WAVES.len() + 1);
}

fn growth_is_that_of_the_line() {
    let points: Vec<_> = (0..10).map(|minute| f64::from(minute) * 60.0).collect();
    let grows: Vec<_> = points.iter().map(|at| (*at, 5.0 + at / 3600.0 * 7.0)).collect();
    assert!((quiet::growth_an_hour(&grows) - 7.0).abs() < 1e-9);
    let still: Vec<_> = points.iter().map(|at| (*at, 5.0)).collect();
    assert!(quiet::growth_an_hour(&still).abs() < 1e-9);
    let one_step: Vec<_> =
        points.iter().map(|at| (*at, if *at < 240.0 { 5.0 } else { 7.0 })).collect();
    assert!(quiet::growth_an_hour(&one_step).abs() < 1e-9, "not a leak");
    let but_once: Vec<_> =
        grows.iter().map(|(at, up)| (*at, if *at < 120.0 { up + 5.0 } else { *up })).collect();
    assert!((quiet::growth_an_hour(&but_once) - 7.0).abs() < 1e-9, "a leak all the same");
    assert!(quiet::growth_an_hour(&[]).abs() < 1e-9);
}
