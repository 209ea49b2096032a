//! The results, and the four forms of the report.

use std::fmt::{self, Write as _};

use anyhow::Context;
use serde::Serialize;
use serde_json::json;

use super::config::ExamFormat;
use super::task::{Failure, Judged, Task};

/// The result of a task, with all that the report says about it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TaskResult {
    name: &'static str,
    /// None if the task was skipped.
    pub(super) passed: Option<bool>,
    points: u32,
    of: u32,
    did: &'static str,
    expected: &'static str,
    seen: String,
    hint: &'static str,
    read: &'static str,
    /// The last lines of strace of a failed task.
    #[serde(skip_serializing_if = "String::is_empty")]
    strace: String,
    /// Why the program did not start.
    #[serde(skip)]
    pub(super) not_started: Option<String>,
}

impl TaskResult {
    pub(super) fn new(
        task: &Task,
        judged: Judged,
        trace: &str,
        not_started: Option<String>,
    ) -> Self {
        let (passed, of) = match &judged {
            Ok(_) => (Some(true), task.points),
            Err(Failure::Wrong(_)) => (Some(false), task.points),
            Err(Failure::Skipped(_)) => (None, 0),
        };
        Self {
            name: task.name,
            passed,
            points: if passed == Some(true) { of } else { 0 },
            of,
            did: task.did,
            expected: task.expected,
            seen: judged.unwrap_or_else(|failure| failure.to_string()),
            hint: task.hint,
            read: task.read,
            strace: if passed == Some(false) { trace.to_owned() } else { String::new() },
            not_started,
        }
    }

    /// The same failure for another task.
    pub(super) fn like(&self, task: &Task) -> Self {
        Self::new(task, Err(Failure::Wrong(self.seen.clone())), "", None)
    }

    /// The first word of its line.
    fn word(&self) -> &'static str {
        match self.passed {
            Some(true) => "passed",
            Some(false) => "FAILED",
            None => "skipped",
        }
    }

    /// The text about a task that was not passed.
    fn details(&self) -> String {
        let mut text = format!(
            "did: {}\nexpected: {}\nseen: {}\nhint: {}\nread: {}\n",
            self.did, self.expected, self.seen, self.hint, self.read
        );
        if !self.strace.is_empty() {
            text += "strace:\n";
            text += &self.strace;
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(seen) => f.write_str(seen),
            Self::Skipped(reason) => write!(f, "skipped: {reason}"),
        }
    }
}

/// The sums of points.
fn sums(results: &[TaskResult]) -> (u32, u32) {
    let sum = |of: fn(&TaskResult) -> u32| results.iter().map(of).sum();
    (sum(|one| one.points), sum(|one| one.of))
}

/// One task for people.
pub(super) fn text(result: &TaskResult) -> String {
    let head = format!("{:8}{:21}{:>3}/{}\n", result.word(), result.name, result.points, result.of);
    match result.passed {
        Some(true) => head,
        Some(false) => head + &indented(&result.details()),
        None => head + &indented(&result.seen),
    }
}

/// Below the line of the task.
fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "        " + line + "\n")
}

/// The whole report; the text has only its last line here.
pub(super) fn whole(results: &[TaskResult], format: ExamFormat) -> anyhow::Result<String> {
    let (points, of) = sums(results);
    let line = format!("{points} of {of} points");
    let object = match format {
        ExamFormat::Text => return Ok(line + "\n"),
        ExamFormat::Junit => return Ok(junit(results)),
        ExamFormat::Json => serde_json::to_string_pretty(&Whole { points, of, tasks: results }),
        ExamFormat::Gradescope => {
            let tests: Vec<_> = results.iter().map(gradescope).collect();
            serde_json::to_string_pretty(
                &json!({ "score": points, "output": line, "tests": tests }),
            )
        }
    };
    Ok(object.context("JSON")? + "\n")
}

/// The JSON object.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    points: u32,
    of: u32,
    tasks: &'a [TaskResult],
}

/// A test in the `results.json` of Gradescope.
/// A skipped test counts for nothing there: zero of zero points.
fn gradescope(result: &TaskResult) -> serde_json::Value {
    json!({
        "name": result.name,
        "score": result.points,
        "max_score": result.of,
        "status": if result.passed == Some(false) { "failed" } else { "passed" },
        "output": if result.passed == Some(true) { result.seen.clone() } else { result.details() },
    })
}

/// A test suite in the form of `JUnit`.
fn junit(results: &[TaskResult]) -> String {
    let count = |passed| results.iter().filter(|one| one.passed == passed).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"tcpecho-exam\" \
         tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
        results.len(),
        count(Some(false)),
        count(None)
    );
    for result in results {
        // Writing into a string does not fail.
        _ = write!(text, "  <testcase classname=\"tcpecho-exam\" name=\"{}\">", result.name);
        _ = match result.passed {
            Some(true) => write!(text, "<system-out>{}</system-out>", xml(&result.seen)),
            Some(false) => write!(
                text,
                "<failure message=\"{}\">{}</failure>",
                xml(&result.seen),
                xml(&result.details())
            ),
            None => write!(text, "<skipped message=\"{}\"/>", xml(&result.seen)),
        };
        text += "</testcase>\n";
    }
    text + "</testsuite>\n"
}

/// Escapes text; XML 1.0 has no place for most control characters.
fn xml(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, letter| {
        match letter {
            '&' => all += "&amp;",
            '<' => all += "&lt;",
            '>' => all += "&gt;",
            '"' => all += "&quot;",
            '\n' | '\t' => all.push(letter),
            _ if letter.is_control() => all.push('?'),
            _ => all.push(letter),
        }
        all
    })
}
