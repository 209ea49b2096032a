//! The command line of `tcpecho-exam`.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::{BoolishValueParser, PossibleValue};
use clap::{ArgAction, Parser, ValueEnum};

use crate::exam::{self, ExamConfig, ExamFormat, Role, Strace};

use super::environment;
use super::log_level::LogLevel;
use super::units::duration;

/// The action requested on the command line.
#[derive(Clone, Debug)]
pub enum ExamCommand {
    /// Examine a program.
    Run(Box<ExamConfig>),
    /// Print this list of tasks.
    List(String),
}

/// Parses the command line and the environment. On an error, prints it and exits with status 2.
pub fn parse() -> ExamCommand {
    let command = read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    environment::warn("tcpecho-exam", LogLevel::Warn);
    command
}

/// Parses a command line, which starts with the program's name, and the environment.
///
/// # Errors
///
/// An invalid option or variable, an unknown task, or a request for output such as `--help`.
pub fn read<W>(words: impl IntoIterator<Item = W>) -> Result<ExamCommand, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let (arguments, _) = environment::parse::<ExamArgs, _>(words)?;
    let known = exam::tasks(arguments.role);
    if arguments.list {
        return Ok(ExamCommand::List(list(known)));
    }
    if let Some(name) =
        arguments.task.iter().find(|name| known.iter().all(|one| one.name != **name))
    {
        let names: Vec<_> = known.iter().map(|one| one.name).collect();
        let message = format!("no task {name}; the tasks are: {}\n", names.join(", "));
        return Err(clap::Error::raw(clap::error::ErrorKind::InvalidValue, message));
    }
    Ok(ExamCommand::Run(Box::new(arguments.into())))
}

/// A line for each task: name, points, and the actions of the exam.
fn list(tasks: &[exam::Task]) -> String {
    let line = |one: &exam::Task| format!("{:21}{:>3}  {}\n", one.name, one.points, one.did);
    tasks.iter().map(line).collect()
}

/// Examines an echo server or client: starts it for each task, and judges its reactions.
///
/// A server's command gets its port in place of {port}, or as one word more, unless its last word
/// is a number. A client's command gets {host} and {port}, or two words more.
#[derive(Debug, Parser)]
#[command(name = "tcpecho-exam", version, max_term_width = 100, after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
pub(super) struct ExamArgs {
    /// Kind of program to examine
    #[arg(value_name = "ROLE")]
    role: Role,

    /// Run only this task. May be given several times
    #[arg(long, value_name = "NAME", env = "TCPECHO_EXAM_TASK", value_delimiter = ',')]
    task: Vec<String>,

    /// List the tasks with their points, and exit
    #[arg(long)]
    list: bool,

    /// Report format
    #[arg(long, value_name = "FORMAT", env = "TCPECHO_EXAM_FORMAT", default_value = "text")]
    format: ExamFormat,

    /// Time limit of a task; slow-reader gets twice as long, many and leaks three times
    #[arg(long, value_name = "DURATION", env = "TCPECHO_EXAM_TIMEOUT", default_value = "10s",
          value_parser = duration)]
    timeout: Duration,

    /// Show the last lines of strace with each failed task
    #[arg(long, env = "TCPECHO_EXAM_STRACE", value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    strace: bool,

    /// Run the program in the namespaces of the exam's caller: in its network, among its processes
    #[arg(long, env = exam::NO_ISOLATION_VARIABLE, value_parser = BoolishValueParser::new(),
          action = ArgAction::SetTrue)]
    no_isolation: bool,

    /// Command that starts the program, after `--`
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "list")]
    command: Vec<OsString>,
}

const AFTER_HELP: &str = "\
Durations: 250ms, 10s, 3m. Each long option but --list can also be set by an environment \
variable, TCPECHO_EXAM_ and the option's name; the command line takes precedence.

Exit status: 0 every task passed; 1 at least one did not; 2 usage; 3 the command can't be started; \
130 interrupted.";

impl From<ExamArgs> for ExamConfig {
    fn from(arguments: ExamArgs) -> Self {
        Self {
            role: arguments.role,
            command: arguments.command,
            tasks: arguments.task,
            format: arguments.format,
            timeout: arguments.timeout,
            strace: if arguments.strace { Strace::On } else { Strace::Off },
            isolation: !arguments.no_isolation,
        }
    }
}

impl ValueEnum for Role {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Server, Self::Client]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Server => PossibleValue::new("server").help("An echo server"),
            Self::Client => PossibleValue::new("client").help("An echo client"),
        })
    }
}

impl ValueEnum for ExamFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Text, Self::Json, Self::Junit, Self::Gradescope]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Text => PossibleValue::new("text").help("For people, task by task"),
            Self::Json => PossibleValue::new("json").help("One JSON object"),
            Self::Junit => PossibleValue::new("junit").help("JUnit XML"),
            Self::Gradescope => PossibleValue::new("gradescope").help("Gradescope's results.json"),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        ExamArgs::command().debug_assert();
    }

    #[test]
    fn the_command_comes_after_two_hyphens_and_a_task_has_to_exist() {
        let given = read(["tcpecho-exam", "server", "--task", "echo", "--", "./server", "--list"]);
        let Ok(ExamCommand::Run(config)) = given else { panic!("{given:?}") };
        assert_eq!((config.command.len(), config.tasks), (2, vec!["echo".to_owned()]));
        let wrong = read(["tcpecho-exam", "client", "--task", "zombies", "--", "./client"]);
        assert!(wrong.unwrap_err().to_string().contains("no task zombies; the tasks are: echo, "));
        assert!(read(["tcpecho-exam", "server"]).is_err());
    }
}
