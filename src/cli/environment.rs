//! Environment variables beyond clap's own support: those of options that programs share, empty
//! ones, misspelt ones, and the source of each value in force.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Parser};

use super::log_level::{LogLevel, VARIABLE as RUST_LOG};

/// The prefixes of all programs' variables.
const PREFIXES: [&str; 2] = ["TCPECHOD_", "TCPECHO_"];

/// Stands for the program's name in the variable of an option that several programs have.
const PROGRAM: &str = "PROGRAM_";

/// Returns the command of a program, with its own name in all variables.
pub(super) fn command<A: CommandFactory>() -> Command {
    let command = A::command();
    let program = command.get_name().to_uppercase().replace('-', "_");
    with_variables(command, &program)
}

fn with_variables(command: Command, program: &str) -> Command {
    let command = command.mut_args(|option| {
        let shared = option.get_env().and_then(OsStr::to_str);
        match shared.and_then(|variable| variable.strip_prefix(PROGRAM)) {
            Some(name) => {
                let variable = format!("{program}_{name}");
                option.env(variable)
            }
            None => option,
        }
    });
    command.mut_subcommands(|subcommand| with_variables(subcommand, program))
}

/// Parses a command line and the environment. An empty variable counts as unset, because templates
/// write a missing value that way.
pub(super) fn parse<A: Parser, W>(
    words: impl IntoIterator<Item = W>,
) -> Result<(A, ArgMatches), clap::Error>
where
    W: Into<OsString> + Clone,
{
    let mut command = without_empty_variables(command::<A>());
    let matches = command.try_get_matches_from_mut(words)?;
    let arguments = A::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((arguments, matches))
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |name: &_| env::var_os(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|option| {
        let empty = option.get_env().is_some_and(is_empty);
        if empty { option.env(Resettable::Reset) } else { option }
    });
    command.mut_subcommands(without_empty_variables)
}

/// Returns one line per option: its value, and the source of the value.
pub(super) fn in_force(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let actions = ["check", "health"];
    let options = command.get_arguments();
    let options = options.filter(|option| actions.iter().all(|action| option.get_id() != action));
    options.filter_map(|option| line(option, matches)).collect()
}

fn line(option: &Arg, matches: &ArgMatches) -> Option<String> {
    let long = option.get_long()?;
    let id = option.get_id().as_str();
    let set_by = matches.value_source(id).filter(|source| *source != ValueSource::DefaultValue);
    let variable = option.get_env().unwrap_or_default().to_string_lossy();
    let level = env::var_os(RUST_LOG).filter(|text| !text.is_empty() && id == "log_level");
    let (value, source) = match (set_by, level) {
        (Some(ValueSource::EnvVariable), _) => {
            (value(option, matches), format!("environment, {variable}"))
        }
        (Some(_), _) => (value(option, matches), "flag".to_owned()),
        (None, Some(level)) => (format_value(&level), format!("environment, {RUST_LOG}")),
        (None, None) => (value(option, matches), "default".to_owned()),
    };
    Some(format!("--{long} {value} ({source})"))
}

/// Returns the values as given, or else the default from the help text.
fn value(option: &Arg, matches: &ArgMatches) -> String {
    if !option.get_action().takes_values() {
        let on = matches.get_flag(option.get_id().as_str());
        return if on { "on" } else { "off" }.to_owned();
    }
    let Some(values) = matches.get_raw(option.get_id().as_str()) else {
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        let default = help.split_once("[default: ").and_then(|(_, rest)| rest.strip_suffix(']'));
        return default.unwrap_or("none").replace('`', "");
    };
    values.map(format_value).collect::<Vec<_>>().join(",")
}

/// Quotes a value that is not a single word.
fn format_value(value: impl AsRef<OsStr>) -> String {
    let text = value.as_ref().to_string_lossy();
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("{text:?}")
    }
}

/// Returns a warning for each variable that looks like an option of these programs but is not one,
/// with the most similar known name.
pub fn unknown_variables() -> Vec<String> {
    let known = known();
    let mut unknown: Vec<_> = env::vars_os()
        .filter_map(|(name, value)| unknown_variable(&name.to_string_lossy(), &value, &known))
        .collect();
    unknown.sort();
    unknown
}

/// Prints [`unknown_variables`] on standard error, for a program without a log.
pub(super) fn warn(program: &str, level: LogLevel) {
    if level >= LogLevel::Warn {
        for warning in unknown_variables() {
            // One write keeps the line whole; a closed standard error must not cause a panic.
            drop(io::stderr().write_all(format!("{program}: warning: {warning}\n").as_bytes()));
        }
    }
}

fn known() -> Vec<String> {
    let commands = super::commands();
    let parts = commands.iter().flat_map(super::parts);
    let options = parts.flat_map(|(_, command)| command.get_arguments());
    options.filter_map(|one| Some(one.get_env()?.to_str()?.to_owned())).collect()
}

fn unknown_variable(name: &str, value: &OsStr, known: &[String]) -> Option<String> {
    let upper = name.to_uppercase();
    let prefix = PREFIXES.iter().find(|prefix| upper.starts_with(*prefix))?;
    let rest = upper.strip_prefix(prefix)?;
    // Built without the other programs, this one does not know their variables.
    let of_others = (cfg!(not(feature = "load")) && upper.starts_with("TCPECHO_LOAD_"))
        || (cfg!(not(feature = "exam")) && upper.starts_with("TCPECHO_EXAM_"))
        || (cfg!(not(feature = "probe")) && upper.starts_with("TCPECHO_PROBE_"));
    let taken = of_others || known.iter().any(|one| one == name);
    if taken || value.is_empty() || is_of_an_orchestrator(rest, &value.to_string_lossy()) {
        return None;
    }
    let likeness = |one: &&String| strsim::normalized_damerau_levenshtein(one, &upper);
    let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    Some(format!("{name} is no variable of these programs, and ignored; is it {nearest}?"))
}

/// True if Kubernetes, or Docker with links, sets this variable to the address of a service with
/// our name.
fn is_of_an_orchestrator(rest: &str, value: &str) -> bool {
    let port = |rest: &str| {
        let number = rest.strip_prefix("PORT_");
        number.is_some_and(|number| number.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    matches!(rest, "SERVICE_HOST" | "SERVICE_PORT")
        || rest.starts_with("SERVICE_PORT_")
        || port(rest)
        || rest == "PORT" && value.contains("://")
}

#[cfg(all(test, feature = "load", feature = "probe"))]
mod tests {
    use super::*;

    #[test]
    fn f11_a_misspelt_variable_is_reported_with_the_nearest_name() {
        let known = known();
        for (name, nearest) in [
            ("TCPECHOD_MAX_LINES", "TCPECHOD_MAX_LINE"),
            ("TCPECHOD_IDLETIMEOUT", "TCPECHOD_IDLE_TIMEOUT"),
            ("TCPECHO_MAX_LINE", "TCPECHOD_MAX_LINE"),
            ("TCPECHO_TIMEOUTS", "TCPECHO_TIMEOUT"),
            ("TCPECHO_LAOD_RATE", "TCPECHO_LOAD_RATE"),
            ("TCPECHO_PROBE_INTERVALL", "TCPECHO_PROBE_INTERVAL"),
            ("tcpechod_backlog", "TCPECHOD_BACKLOG"),
        ] {
            let warning = unknown_variable(name, OsStr::new("1"), &known).unwrap();
            assert!(warning.starts_with(&format!("{name} is no ")), "{warning}");
            assert!(warning.ends_with(&format!("is it {nearest}?")), "{warning}");
        }
        for name in known.iter().map(String::as_str).chain(["TCPECHO", "PATH", "MY_TCPECHOD_X"]) {
            assert_eq!(unknown_variable(name, OsStr::new("1"), &known), None);
        }
        assert_eq!(unknown_variable("TCPECHOD_MAX_LINES", OsStr::new(""), &known), None);
    }

    #[test]
    fn f11_a_service_of_our_name_in_kubernetes_is_nothing_to_warn_about() {
        let known = known();
        for (name, value) in [
            ("TCPECHOD_SERVICE_HOST", "10.0.0.1"),
            ("TCPECHOD_SERVICE_PORT", "9877"),
            ("TCPECHOD_SERVICE_PORT_ECHO", "9877"),
            ("TCPECHOD_PORT", "tcp://10.0.0.1:9877"),
            ("TCPECHOD_PORT_9877_TCP", "tcp://10.0.0.1:9877"),
            ("TCPECHO_PORT_9877_TCP_ADDR", "10.0.0.1"),
        ] {
            assert_eq!(unknown_variable(name, OsStr::new(value), &known), None);
        }
        assert!(unknown_variable("TCPECHOD_PORT", OsStr::new("9877"), &known).is_some());
    }
}
