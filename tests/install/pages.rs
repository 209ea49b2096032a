//! The manual pages and the completions.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::tools::have;
use crate::{PAGES, ran};

const MANUAL: [&str; 4] = ["tcpechod.8", "tcpecho.1", "tcpecho-load.1", "tcpecho-exam.1"];

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
    for (command, name) in tcpecho::cli::commands().iter().zip(MANUAL) {
        let text = shown(name);
        for option in command.get_arguments() {
            let Some(long) = option.get_long() else { continue };
            let head = text.lines().find(|line| {
                let mut words = line.trim_start().split([' ', ',']);
                line.trim_start().starts_with('-') && words.any(|word| word == format!("--{long}"))
            });
            let head = head.unwrap_or_else(|| panic!("{name} has no --{long}:\n{text}"));
            if let Some(default) = option.get_default_values().first().and_then(|one| one.to_str())
                && option.get_action().takes_values()
            {
                assert!(head.contains(&format!("[default: {default}]")), "{name}: {head}");
            }
            if let Some(variable) = option.get_env().and_then(|one| one.to_str()) {
                assert!(text.contains(&format!("Environment: {variable}\n")), "{name}: {variable}");
            }
        }
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

/// The completions of bash after `tcpechod --max`.
#[test]
fn bash_completes_an_option() {
    if !have(&["bash"]) {
        return;
    }
    let script = r#"
        source "$1"
        COMP_WORDS=(tcpechod --max) COMP_CWORD=1
        _tcpechod tcpechod --max tcpechod
        printf '%s\n' "${COMPREPLY[@]}""#;
    let file = PAGES.join("bash/tcpechod.bash");
    let offered = ran(Command::new("bash").args(["-c", script, "bash"]).arg(file));
    let offered: Vec<_> = offered.lines().collect();
    assert_eq!(offered, ["--max-line", "--max-connections", "--max-per-peer"]);
}

#[test]
fn fish_completes_an_option() {
    if !have(&["fish"]) {
        return;
    }
    let file = PAGES.join("fish/tcpechod.fish");
    let script = format!("source {}; complete -C 'tcpechod --max'", file.display());
    let offered = ran(Command::new("fish").args(["--no-config", "-c", &script]));
    let mut offered: Vec<_> = offered.lines().filter_map(|line| line.split('\t').next()).collect();
    offered.sort_unstable();
    assert_eq!(offered, ["--max-connections", "--max-line", "--max-per-peer"]);
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
