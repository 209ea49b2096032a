//! The options, variables, defaults and causes in the documents are those of the programs, and the
//! questions have answers. `make options` rewrites the tables of options.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::{Arg, Command};
use tcpecho::cause::Cause;
use tcpecho::cli;

mod course;
mod diagrams;
mod questions;
mod wall;

/// The document with the tables of each program's options, in the order of [`cli::commands`].
const TABLES: [&str; 5] =
    ["docs/operations.md", "docs/operations.md", "docs/load.md", "docs/exam.md", "docs/probe.md"];

/// Options of other programs that the documents name.
const FOREIGN: [&str; 3] = ["--bin", "--now", "--release"];

fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(place(name)).unwrap()
}

#[test]
fn the_tables_of_options_are_those_of_the_programs() {
    let commands = cli::commands();
    let of_a_program = |(command, name)| cli::parts(command).map(move |part| (part, name));
    for ((part, command), name) in commands.iter().zip(TABLES).flat_map(of_a_program) {
        if command.get_arguments().all(Arg::is_positional) {
            continue;
        }
        let document = read(name);
        let begin = format!("<!-- options of {part} -->\n");
        let end = format!("<!-- end of options of {part} -->");
        let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
        let (found, after) = rest.split_once(&end).unwrap();
        let table = table(command);
        if std::env::var_os("WRITE").is_some() {
            fs::write(place(name), format!("{before}{begin}{table}{end}{after}")).unwrap();
        } else {
            assert!(found == table, "{name} differs; `make options` writes:\n{table}");
        }
    }
}

fn table(command: &Command) -> String {
    let options = command.get_arguments().filter(|option| !option.is_positional());
    let rows = options.map(row).collect::<String>();
    format!("\n| option | environment | default | |\n|---|---|---|---|\n{rows}\n")
}

fn row(option: &Arg) -> String {
    let short = option.get_short().map(|short| format!("`-{short}`"));
    let long = option.get_long().map(|long| {
        let values = option.get_value_names().filter(|_| option.get_action().takes_values());
        let values =
            values.unwrap_or_default().iter().map(|value| format!(" {value}").replace('|', "\\|"));
        format!("`--{long}{}`", values.collect::<String>())
    });
    let names: Vec<_> = [short, long].into_iter().flatten().collect();
    let variable = option.get_env().map(|name| format!("`{}`", name.to_str().unwrap()));
    let help = option.get_help().unwrap().to_string();
    // If the default is no value of the option, the help text has it.
    let (help, stated) = match help.split_once("[default: ") {
        Some((help, stated)) => (help.trim_end(), stated.strip_suffix(']')),
        None => (help.as_str(), None),
    };
    let takes_values = option.get_action().takes_values();
    let default = option.get_default_values().first().filter(|_| takes_values);
    let value = default.map(|value| value.to_str().unwrap()).or(stated);
    let choices: Vec<_> =
        option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let choices = if choices.is_empty() || !takes_values {
        String::new()
    } else {
        format!(": `{}`", choices.join("`, `"))
    };
    let help = help.replace('\n', "<br>");
    format!(
        "| {} | {} | {} | {help}{choices} |\n",
        names.join(", "),
        variable.unwrap_or_default(),
        value.unwrap_or_default(),
    )
}

#[test]
fn documents_name_only_existing_options_and_variables() {
    let commands = cli::commands();
    let parts = || commands.iter().flat_map(cli::parts);
    let options = || parts().flat_map(|(_, command)| command.get_arguments());
    let mut known: BTreeSet<_> =
        options().filter_map(Arg::get_long).map(|long| format!("--{long}")).collect();
    known.insert("--help".to_owned());
    known.extend(FOREIGN.map(ToOwned::to_owned));
    known.extend(options().filter_map(Arg::get_env).map(|name| name.to_str().unwrap().to_owned()));
    for name in [
        "README.md",
        "CHANGELOG.md",
        "docs/operations.md",
        "docs/load.md",
        "docs/exam.md",
        "docs/probe.md",
        "docs/states.md",
    ] {
        let text = read(name);
        let words =
            text.split(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_');
        for word in words {
            let option = word.starts_with("--") && word.contains(char::is_alphabetic);
            let variable =
                word.starts_with("TCPECHO") && word.contains('_') && !word.ends_with('_');
            assert!(!(option || variable) || known.contains(word), "{name}: {word}");
        }
    }
}

#[test]
fn the_readme_names_the_defaults_and_causes_of_the_code() {
    let readme = read("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let daemon = cli::commands().swap_remove(0);
    for (option, claim) in
        [("drain_timeout", "`--drain-timeout` (4 s)"), ("backlog", "The backlog (4096)")]
    {
        let option = daemon.get_arguments().find(|one| one.get_id() == option).unwrap();
        let default = option.get_default_values().first().unwrap().to_str().unwrap();
        assert!(readme.contains(claim), "{claim}");
        assert!(claim.replace(' ', "").ends_with(&format!("({default})")), "{claim}: {default}");
    }
    let causes = Cause::ALL.map(Cause::word).join(" ");
    assert!(readme.contains(&format!("`{causes}`")), "{causes}");
}
