//! `tcpecho-exam`: judges a server or a client against the course.
//!
//! Each task is a row of a table ([`server::TASKS`], [`client::TASKS`]): texts, points, and a
//! function of a few moves. The program is started fresh for each task. The exam is ordinary
//! blocking code, and every wait has a deadline.

pub mod client;
mod config;
mod isolation;
mod peer;
mod processes;
mod report;
pub mod server;
mod subject;
mod task;

use std::ffi::OsString;
use std::io::{self, Write};

use anyhow::Context;

use report::TaskResult;
use task::{Deadline, Moves};

pub use config::{ExamConfig, ExamFormat, Role};
pub use isolation::VARIABLE as NO_ISOLATION_VARIABLE;
pub use subject::Strace;
pub use task::{Failure, Task};

/// How an exam ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every task that could be done was passed.
    Passed,
    /// At least one task was not.
    Failed,
    /// The command can't be started: why.
    NotStarted(String),
    /// A signal ended the exam.
    Interrupted,
    /// The exam ran in its namespaces, and ended with this exit status.
    Inside(u8),
}

/// The tasks for a role.
pub fn tasks(role: Role) -> &'static [Task] {
    match role {
        Role::Server => &server::TASKS,
        Role::Client => &client::TASKS,
    }
}

/// Runs the tasks, and writes the report on standard output; `say` prints a line for the user.
pub fn run(config: &ExamConfig, say: impl Fn(&str)) -> anyhow::Result<Outcome> {
    if config.isolation {
        if let Some(status) = isolation::run_inside()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(Outcome::Interrupted, Outcome::Inside));
        }
        say("this system refuses namespaces: the program runs without isolation");
    }
    isolation::prepare().context("limits")?;
    let strace = if config.strace == Strace::On && !subject::strace_works() {
        say("strace does not work here: no system calls are shown");
        Strace::Off
    } else {
        config.strace
    };
    let asked =
        |task: &&Task| config.tasks.is_empty() || config.tasks.iter().any(|name| name == task.name);
    let mut results = Vec::new();
    for task in tasks(config.role).iter().filter(asked) {
        let result = one(config, task, strace);
        if task::interrupted() {
            return Ok(Outcome::Interrupted);
        }
        if let Some(why) = result.not_started.clone().filter(|_| results.is_empty()) {
            if config.format != ExamFormat::Text {
                // A grader needs a report of this too.
                let all = tasks(config.role).iter().filter(asked);
                let all: Vec<_> = all.map(|task| result.like(task)).collect();
                write(&report::whole(&all, config.format)?)?;
            }
            return Ok(Outcome::NotStarted(why));
        }
        if config.format == ExamFormat::Text {
            write(&report::text(&result))?;
        }
        results.push(result);
    }
    write(&report::whole(&results, config.format)?)?;
    let failed = results.iter().any(|result| result.passed == Some(false));
    Ok(if failed { Outcome::Failed } else { Outcome::Passed })
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("standard output")
}

/// Starts the program for a task, and judges it.
fn one(config: &ExamConfig, task: &Task, strace: Strace) -> TaskResult {
    let command: &[OsString] = &config.command;
    let deadline = Deadline::after(config.timeout * task.times);
    // That task itself attaches strace to the program, and there can be only one.
    let strace = if task.name == "eintr" { Strace::Off } else { strace };
    let mut trace = String::new();
    let mut not_started = None;
    let judged = match task.run {
        Moves::Server(moves) => match server::Server::start(command, strace, deadline) {
            Ok(mut server) => {
                let judged = server.judge(moves);
                trace = server.subject.trace();
                judged
            }
            Err(failure) => {
                not_started = Some(failure.to_string());
                Err(failure)
            }
        },
        Moves::Client(moves) => {
            client::Client::prepare(command, strace, deadline).and_then(|mut client| {
                let judged = moves(&mut client);
                trace = client.subject.as_ref().map(subject::Subject::trace).unwrap_or_default();
                not_started = client.not_started.take();
                judged
            })
        }
    };
    TaskResult::new(task, judged, &trace, not_started)
}
