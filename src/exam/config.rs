//! The validated configuration of an exam: later code sees no flag.

use std::ffi::OsString;
use std::time::Duration;

use super::subject::Strace;

/// The kind of program that is examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An echo server.
    Server,
    /// An echo client.
    Client,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExamFormat {
    /// For people, task by task.
    Text,
    /// One JSON object.
    Json,
    /// `JUnit` XML, which most CI systems read.
    Junit,
    /// The `results.json` of Gradescope.
    Gradescope,
}

/// The program to examine, the tasks and the report.
#[derive(Clone, Debug)]
pub struct ExamConfig {
    /// Server or client.
    pub role: Role,
    /// The command that starts the program, with its arguments.
    pub command: Vec<OsString>,
    /// The names of the tasks to run; empty for all.
    pub tasks: Vec<String>,
    /// The form of the report.
    pub format: ExamFormat,
    /// The time limit of a task; some tasks get a multiple of it ([`Task`](super::task::Task)).
    pub timeout: Duration,
    /// Whether failed tasks show the last lines of strace.
    pub strace: Strace,
    /// Whether to run in namespaces of its own.
    pub isolation: bool,
}
