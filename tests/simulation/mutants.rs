//! Plants each bug in a copy of the sources, and finds the first seed that detects it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use super::bugs::BUGS;

/// Most seeds to try for one bug.
const SEEDS: u64 = 1_000_000;

/// Plants each bug, and prints the first seed that finds it.
///
/// # Errors
///
/// A bug that no seed finds, or a step that failed.
pub(super) fn hunt() -> Result<(), String> {
    let copy = copy_sources()?;
    println!("| planted bug | file | found by seed | message |\n|---|---|---|---|");
    let mut missed = 0;
    for bug in BUGS {
        let place = copy.join(bug.file);
        let text = read(&place)?;
        if text.matches(bug.right).count() != 1 {
            return Err(format!("{}: {:?} does not occur exactly once", bug.file, bug.right));
        }
        write(&place, &text.replace(bug.right, bug.wrong))?;
        let found = first_failing_seed(&copy)?;
        write(&place, &text)?;
        let (seed, how) = found.unwrap_or_else(|| {
            missed += 1;
            ("none".to_owned(), String::new())
        });
        println!("| {} | `{}` | {seed} | {how} |", bug.what, bug.file);
    }
    if missed > 0 { Err(format!("{missed} bugs were not found")) } else { Ok(()) }
}

/// Runs the simulation of the copy until a seed fails; returns the seed and its message.
fn first_failing_seed(copy: &Path) -> Result<Option<(String, String)>, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(copy).args(["bench", "--locked", "--bench", "simulate"]);
    command.arg("--target-dir").arg(copy.join("target"));
    // A quick build, with the assertions of the tests.
    let profile = [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG_ASSERTIONS", "true")];
    for (name, value) in profile.into_iter().chain([("OPT_LEVEL", "1"), ("INCREMENTAL", "true")]) {
        command.env(format!("CARGO_PROFILE_BENCH_{name}"), value);
    }
    command.args(["--", "--first", &SEEDS.to_string()]).stderr(Stdio::null());
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let failing = output.lines().rev().find_map(|line| line.strip_prefix("seed "));
    if failing.is_none() && !output.contains(" 0 failed") {
        return Err(format!("the copy in {} does not build or run", copy.display()));
    }
    let failing = failing.and_then(|failing| failing.split_once(": "));
    Ok(failing.map(|(seed, how)| (seed.to_owned(), how.replace('|', "\\|"))))
}

/// Copies all sources that the simulation is built from.
fn copy_sources() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bugs");
    for folder in ["src", "tests", "docs"] {
        let place = copy.join(folder);
        if place.exists() {
            fs::remove_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        }
        copy_folder(&root.join(folder), &place)?;
    }
    for file in ["Cargo.toml", "Cargo.lock"] {
        write(&copy.join(file), &read(&root.join(file))?)?;
    }
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else {
            fs::copy(entry.path(), place).map_err(failed)?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
