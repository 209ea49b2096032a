//! Tests of the real `tcpecho-exam`: it judges programs with known bugs, and gives each the same
//! result every time.
//!
//! `make exam-check` runs every task on every program 20 times, beside a load; `make test` runs a
//! part of the tasks once.

// The exam looks at processes in /proc.
#![cfg(target_os = "linux")]
#![cfg(test)]

mod page;
mod subjects;
mod tiny;
mod usage;

#[path = "../faults/support/tools.rs"]
#[expect(dead_code, reason = "the daemon's tests use more of it")]
mod tools;

use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::thread;

use serde_json::Value;
use tcpecho::exam::{Role, tasks};
use tempfile::TempDir;

use subjects::{CLIENTS, Program, SERVERS, Subject};

pub(crate) const EXAM: &str = env!("CARGO_BIN_EXE_tcpecho-exam");

/// The tasks that take seconds.
const LONG: [&str; 2] = ["many", "leaks"];

/// The other tasks of a program with a planted bug in `make test`.
const FEW: [&str; 2] = ["echo", "half-close"];

/// The number of programs that are examined at once.
const AT_ONCE: usize = 4;

/// `tcpecho-exam` without settings from the environment.
pub(crate) fn exam(words: &[&str]) -> Command {
    let mut command = Command::new(EXAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TCPECHO_")) {
        command.env_remove(name);
    }
    command.args(words);
    command
}

#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A program that can be started; the directory is that of a compiled one.
pub(crate) struct Ready {
    words: Vec<String>,
    _directory: TempDir,
}

/// Makes the program; none if the system lacks its command.
fn ready(subject: &Subject) -> Option<Ready> {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let directory = TempDir::new().unwrap();
    let words = match subject.program {
        Program::C(source, flags, arguments) => {
            if !tools::have(&["cc"]) {
                return None;
            }
            let program = directory.path().join("program");
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-Wall", "-Wextra", "-Werror"]).args(flags).arg("-o").arg(&program);
            let made = output(cc.arg(format!("{tests}/{source}")));
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let arguments = arguments.iter().map(ToString::to_string);
            [program.to_str().unwrap().to_owned()].into_iter().chain(arguments).collect()
        }
        Program::Command(words) => {
            let ours = match words[0] {
                "tcpechod" => env!("CARGO_BIN_EXE_tcpechod"),
                "tcpecho" => env!("CARGO_BIN_EXE_tcpecho"),
                other if tools::have(&[other]) => other,
                _ => return None,
            };
            let rest = words[1..].iter().map(|word| word.replace("TESTS", tests));
            [ours.to_owned()].into_iter().chain(rest).collect()
        }
        Program::Script(tool, _) if !tools::have(&[tool]) => return None,
        Program::Script(_, script) => {
            vec![format!("{tests}/{script}"), directory.path().to_str().unwrap().to_owned()]
        }
    };
    Some(Ready { words, _directory: directory })
}

/// Examines the program, and returns the tasks that it lost, with the observations.
fn lost(subject: &Subject, ready: &Ready, names: &[&str]) -> Vec<(String, String)> {
    let mut command = exam(&[subject.role, "--format", "json"]);
    for name in names {
        command.args(["--task", name]);
    }
    if let Program::Script(..) = subject.program {
        command.arg("--no-isolation");
    }
    let output = output(command.arg("--").args(&ready.words));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {said}", subject.name));
    let rows = report["tasks"].as_array().unwrap().iter().filter(|row| row["passed"] != true);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| (text(&row["name"]), text(&row["seen"]))).collect()
}

/// Fails unless each program loses exactly its tasks.
fn judge(subjects: &[Subject], chosen: fn(&Subject, &str) -> bool) {
    // Most of the time is waiting, so several are examined at once.
    let wrong: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..AT_ONCE)
            .map(|first| scope.spawn(move || judge_part(subjects, first, chosen)))
            .collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Examines one program in [`AT_ONCE`], from the first one on.
fn judge_part(
    subjects: &[Subject],
    first: usize,
    chosen: fn(&Subject, &str) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for subject in subjects.iter().skip(first).step_by(AT_ONCE) {
        let Some(ready) = ready(subject) else { continue };
        let role = if subject.role == "server" { Role::Server } else { Role::Client };
        let names: Vec<_> = tasks(role).iter().map(|task| task.name).collect();
        let names: Vec<_> = names
            .into_iter()
            .filter(|name| chosen(subject, name) && !subject.may_lose.contains(name))
            .collect();
        let found = lost(subject, &ready, &names);
        let found_names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        let expected: Vec<_> =
            names.iter().copied().filter(|name| subject.loses.contains(name)).collect();
        if found_names != expected {
            wrong.push(format!("{}: expected {expected:?}, lost {found:#?}", subject.name));
        }
    }
    wrong
}

/// A planted bug: its own task and a few others. Another program: all tasks that take little time.
fn in_the_sample(subject: &Subject, task: &str) -> bool {
    let planted = matches!(subject.program, Program::C(source, ..) if source.contains("programs"));
    match subject.loses {
        [own] if planted => *own == task || FEW.contains(&task),
        _ => !LONG.contains(&task),
    }
}

#[test]
fn each_server_loses_exactly_the_tasks_of_its_bug() {
    judge(SERVERS, in_the_sample);
}

#[test]
fn each_client_loses_exactly_the_tasks_of_its_bug() {
    judge(CLIENTS, in_the_sample);
}

/// Rounds of `make exam-check`.
fn rounds() -> u32 {
    std::env::var("ROUNDS").map_or(20, |number| number.parse().unwrap())
}

#[test]
#[ignore = "takes hours: make exam-check"]
fn each_program_loses_the_same_tasks_in_every_round_beside_a_load() {
    let _load = Load::start();
    for round in 1..=rounds() {
        judge(SERVERS, |_, _| true);
        judge(CLIENTS, |_, _| true);
        println!("round {round} of {}", rounds());
    }
}

/// A daemon and a load generator, which keep the processors busy.
struct Load {
    children: Vec<Child>,
    _directory: TempDir,
}

impl Load {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let socket: PathBuf = directory.path().join("socket");
        let address = format!("unix:{}", socket.display());
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_tcpechod"));
        let mut children =
            vec![daemon.args(["--listen", &address, "--log-level", "error"]).spawn().unwrap()];
        while !socket.exists() {
            thread::sleep(std::time::Duration::from_millis(5));
        }
        let mut load = Command::new(env!("CARGO_BIN_EXE_tcpecho-load"));
        load.args([&address, "--duration", "10h", "--quiet", "--mode", "stream"]);
        children.push(load.spawn().unwrap());
        Self { children, _directory: directory }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
