//! docs/tiny.md: its first version and all seven steps compile, the exam judges each step by its
//! task, and the last version is `tests/course/tiny.rs`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::{exam, output};

const PAGE: &str = include_str!("../../docs/tiny.md");
const LAST: &str = include_str!("../course/tiny.rs");
const LOCK: &str = include_str!("../../Cargo.lock");

/// Its name and version are ours, so that our lock file is also its own.
const MANIFEST: &str = "\
[package]
name = \"tcpecho\"
version = \"0.1.0\"
edition = \"2024\"

[dependencies]
mio = { version = \"1\", features = [\"os-poll\", \"net\"] }
slab = \"0.4\"

[workspace]
";

/// A step: the task that shows its defect, and the code before and after it.
struct Step {
    task: String,
    before: String,
    after: String,
}

/// Returns the text of the first code block in this language, and the text after it.
fn block<'a>(text: &'a str, language: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("\n```\n")
}

fn steps() -> Vec<Step> {
    let mut sections = PAGE.split("\n## Step ");
    let (first, _) = block(sections.next().unwrap(), "rust").unwrap();
    let mut code = format!("{first}\n");
    sections
        .map(|section| {
            let task = section.split("--task ").nth(1).unwrap().split(' ').next().unwrap();
            let before = code.clone();
            let mut rest = section;
            while let Some((diff, after)) = block(rest, "diff") {
                code = changed(&code, diff);
                rest = after;
            }
            Step { task: task.to_owned(), before, after: code.clone() }
        })
        .collect()
}

/// Applies a diff; its old lines have to be in the code once.
fn changed(code: &str, diff: &str) -> String {
    let side = |sign: char| {
        let lines = diff.lines().filter(|line| line.is_empty() || line.starts_with([' ', sign]));
        lines.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect::<String>()
    };
    let (old, new) = (side('-'), side('+'));
    assert_eq!(code.matches(&old).count(), 1, "this is once in the code:\n{old}");
    code.replace(&old, &new)
}

/// Compiles the programs, and returns their paths.
fn compiled(directory: &TempDir, programs: &[&str]) -> Vec<PathBuf> {
    let sources = directory.path().join("src/bin");
    fs::create_dir_all(&sources).unwrap();
    fs::write(directory.path().join("Cargo.toml"), MANIFEST).unwrap();
    fs::write(directory.path().join("Cargo.lock"), LOCK).unwrap();
    for (number, program) in programs.iter().enumerate() {
        fs::write(sources.join(format!("version{number}.rs")), program).unwrap();
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap());
    cargo.args(["build", "--offline", "--quiet"]).current_dir(directory.path());
    let made = output(cargo.env("CARGO_TARGET_DIR", directory.path().join("target")));
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success() && said.is_empty(), "{said}");
    let place = directory.path().join("target/debug");
    (0..programs.len()).map(|number| place.join(format!("version{number}"))).collect()
}

#[test]
fn each_step_of_the_smallest_server_passes_a_task_that_failed_before() {
    let steps = steps();
    assert_eq!(steps.len(), 7);
    assert_eq!(steps[6].after, LAST, "the last step makes tests/course/tiny.rs");
    assert!(LAST.lines().count() < 80);
    let directory = TempDir::new().unwrap();
    let versions: Vec<_> = [steps[0].before.as_str()]
        .into_iter()
        .chain(steps.iter().map(|step| step.after.as_str()))
        .collect();
    let programs = compiled(&directory, &versions);
    for (number, step) in steps.iter().enumerate() {
        for (program, passes) in [(number, false), (number + 1, true)] {
            let mut command = exam(&["server", "--timeout", "5s", "--task", &step.task, "--"]);
            let judged = output(command.arg(&programs[program]));
            let said = String::from_utf8_lossy(&judged.stdout);
            let expected = i32::from(!passes);
            assert_eq!(judged.status.code(), Some(expected), "version {program}: {said}");
        }
    }
}
