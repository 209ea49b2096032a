//! The manual pages and the completions.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Arg;
use tcpecho::cli::{commands, parts};

use crate::tools::have;
use crate::{PAGES, ran};

const MANUAL: [&str; 5] =
    ["tcpechod.8", "tcpecho.1", "tcpecho-load.1", "tcpecho-exam.1", "tcpecho-probe.1"];

fn page(name: &str) -> PathBuf {
    PAGES.join("man").join(name)
}

/// The page as a terminal of 120 columns shows it, without bold and underlining.
fn shown(name: &str) -> String {
    let mut groff = Command::new("groff");
    groff.args(["-man", "-Tascii", "-P-cbou", "-rLL=120n", "-ww"]).arg(page(name));
    let output = groff.output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && complaints.is_empty(), "{name}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_manual_page_has_the_standard_sections() {
    if !have(&["groff"]) {
        return;
    }
    for name in MANUAL {
        let text = shown(name);
        let sections: Vec<_> =
            text.lines().filter(|line| line.starts_with(char::is_uppercase)).collect();
        let usual = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SIGNALS", "EXIT STATUS"];
        let last = ["ENVIRONMENT", "EXAMPLES", "SEE ALSO"];
        let expected: Vec<_> = usual.into_iter().chain(last).collect();
        let found: Vec<_> =
            sections.iter().copied().filter(|section| expected.contains(section)).collect();
        assert_eq!(found, expected, "{name}: {sections:?}");
        assert!(!text.contains(['`', '\u{b6}']), "{name}: leftover markup:\n{text}");
    }
}

#[test]
fn a_manual_page_has_every_option_with_its_variable_and_default() {
    if !have(&["groff"]) {
        return;
    }
    for (program, name) in commands().iter().zip(MANUAL) {
        let text = shown(name);
        for (part, command) in parts(program) {
            // The options of a subcommand are below its name.
            let title = part.split_once(' ').map(|(_, subcommand)| format!("\n   {subcommand}\n"));
            let text = title.map_or(&*text, |title| text.split_once(&title).map_or("", |it| it.1));
            command.get_arguments().for_each(|option| has_option(text, option, &part));
        }
    }
}

fn has_option(text: &str, option: &Arg, part: &str) {
    let Some(long) = option.get_long() else { return };
    let head = text.lines().find(|line| {
        let mut words = line.trim_start().split([' ', ',']);
        line.trim_start().starts_with('-') && words.any(|word| word == format!("--{long}"))
    });
    let head = head.unwrap_or_else(|| panic!("{part} has no --{long}:\n{text}"));
    if let Some(default) = option.get_default_values().first().and_then(|one| one.to_str())
        && option.get_action().takes_values()
    {
        assert!(head.contains(&format!("[default: {default}]")), "{part}: {head}");
    }
    if let Some(variable) = option.get_env().and_then(|one| one.to_str()) {
        assert!(text.contains(&format!("Environment: {variable}\n")), "{part}: {variable}");
    }
}

#[test]
fn a_manual_page_passes_the_lint_of_mandoc() {
    if !have(&["mandoc"]) {
        return;
    }
    for name in MANUAL {
        let mut lint = Command::new("mandoc");
        assert_eq!(ran(lint.args(["-T", "lint", "-W", "warning"]).arg(page(name))), "", "{name}");
    }
}

/// Command lines, and the completions of their last words.
const COMPLETED: [(&str, &[&str]); 3] = [
    ("tcpechod --max", &["--max-connections", "--max-line", "--max-per-peer"]),
    ("tcpecho-probe po", &["ports"]),
    ("tcpecho-probe idle --ti", &["--timeout"]),
];

#[test]
fn bash_completes_subcommands_and_options() {
    if !have(&["bash"]) {
        return;
    }
    let script = r#"
        source "$1"
        read -ra COMP_WORDS <<<"$2"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _${COMP_WORDS[0]//-/__} "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    for (line, expected) in COMPLETED {
        let program = line.split(' ').next().unwrap();
        let file = PAGES.join(format!("bash/{program}.bash"));
        let offered = ran(Command::new("bash").args(["-c", script, "bash"]).arg(file).arg(line));
        let mut offered: Vec<_> = offered.lines().collect();
        offered.sort_unstable();
        assert_eq!(offered, expected, "{line}");
    }
}

#[test]
fn fish_completes_subcommands_and_options() {
    if !have(&["fish"]) {
        return;
    }
    for (line, expected) in COMPLETED {
        let program = line.split(' ').next().unwrap();
        let file = PAGES.join(format!("fish/{program}.fish"));
        let script = format!("source {}; complete -C '{line}'", file.display());
        let offered = ran(Command::new("fish").args(["--no-config", "-c", &script]));
        let offered = offered.lines().filter_map(|line| line.split('\t').next());
        let mut offered: Vec<_> = offered.collect();
        offered.sort_unstable();
        assert_eq!(offered, expected, "{line}");
    }
}

/// zsh cannot complete without a terminal, so its files are only parsed, as are the others.
#[test]
fn shells_can_parse_every_completion() {
    for (shell, directory) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")] {
        if !have(&[shell]) {
            continue;
        }
        let files: Vec<_> = fs::read_dir(PAGES.join(directory)).unwrap().collect();
        assert_eq!(files.len(), MANUAL.len(), "{shell}");
        for file in files {
            ran(Command::new(shell).arg("-n").arg(file.unwrap().path()));
        }
    }
}
