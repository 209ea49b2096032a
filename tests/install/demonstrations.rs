//! `tests/demos/run` on a machine without the permissions for a demonstration, and step by step.

use std::env;
use std::fs::{self, Permissions};
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::{TempDir, tempfile};

use crate::ran;
use crate::tools::have;

const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demos/run");

/// Runs it with an unshare(1) that fails, as in a container.
fn run_without_namespaces(words: &[&str], variable: Option<(&str, &str)>) -> Output {
    let directory = TempDir::new().unwrap();
    let unshare = directory.path().join("unshare");
    fs::write(&unshare, "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
        .unwrap();
    fs::set_permissions(&unshare, Permissions::from_mode(0o755)).unwrap();
    let path = env::var("PATH").unwrap();
    let mut run = command(RUN);
    run.args(words).env("PATH", format!("{}:{path}", directory.path().display()));
    run.envs(variable).output().unwrap()
}

/// A command for which the programs are those of the tests, and the network is not chosen.
fn command(program: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_tcpechod")).parent().unwrap();
    let mut command = Command::new(program);
    command.env("TCPECHO_BIN", programs).env_remove("CI").env_remove("DEMO_NET");
    command
}

#[test]
fn a_demonstration_without_namespaces_is_skipped_with_status_77_and_remedies() {
    for words in [&["echo"][..], &["startup"], &[], &["--check", "echo", "startup"]] {
        let output = run_without_namespaces(words, Some(("DEMO_NET", "private")));
        assert_eq!(output.status.code(), Some(77), "{words:?}: {output:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        for remedy in [
            "network namespace",
            "sudo",
            "--cap-add SYS_ADMIN",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
            "DEMO_NET=host",
        ] {
            assert!(message.contains(remedy), "{words:?}: {remedy}: {message}");
        }
    }
}

#[test]
fn a_demonstration_without_namespaces_fails_in_ci() {
    for words in [&["echo"][..], &[]] {
        let output = run_without_namespaces(words, Some(("CI", "true")));
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    }
}

#[test]
fn without_namespaces_a_demonstration_runs_on_a_free_port_of_the_host() {
    let output = run_without_namespaces(&["usage"], None);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("\n# no private network: port 203"), "{text}");
    assert!(text.contains("$ tcpecho 127.0.0.1 203"), "{text}");
    assert!(text.contains("seen: another exit status: 8, refused"), "{text}");
}

#[test]
fn a_demonstration_that_needs_hosts_of_its_own_does_not_run_on_the_network_of_this_one() {
    let output = run_without_namespaces(&["host-reboot"], Some(("DEMO_NET", "host")));
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

/// Two questions are asked: the first answer is right, and not the second.
const ANSWERS: &str = "\nc\n\na\n";

#[test]
fn step_by_step_a_demonstration_asks_before_it_shows_the_output() {
    let text = answered(&[RUN, "usage"], ANSWERS);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    let parts = [
        "# S03 usage\n",
        "\n$ tcpecho\n",
        "\n- c: on standard error; 2\n",
        "Your prediction (a b c): ",
        "\nUsage: tcpecho <HOST>",
        "\nRight. 1: c. ",
        "\n# An address without a server.\n",
        "\n- a: with 2, as before\n",
        "tcpecho: refused: ",
        "\nYou said a. 2: c. ",
        "\n1 of 2 predictions were right.\n",
    ];
    assert!(parts.map(place).is_sorted(), "{text}");
}

#[test]
fn step_by_step_a_wrong_letter_is_asked_again_and_the_end_of_the_answers_shows_the_rest() {
    let text = answered(&[RUN, "usage"], "\nx\n\nc\n");
    assert_eq!(text.matches("Your prediction").count(), 4, "{text}");
    assert!(text.contains("\nRight. 1: c. ") && text.contains("\n2: c. "), "{text}");
    assert!(text.ends_with("\n1 of 2 predictions were right.\n"), "{text}");
}

#[test]
fn step_by_step_the_answers_come_from_a_terminal() {
    if !have(&["script"]) {
        return;
    }
    let run = format!("{RUN} usage");
    let text = answered(&["script", "-qec", &run, "/dev/null"], ANSWERS);
    assert!(text.contains("\r\n1 of 2 predictions were right.\r\n"), "{text}");
}

/// Runs a command step by step with those answers, for at most a minute. It must succeed.
fn answered(words: &[&str], answers: &str) -> String {
    let mut input = tempfile().unwrap();
    input.write_all(answers.as_bytes()).unwrap();
    input.rewind().unwrap();
    ran(command("timeout").arg("60").args(words).env("STEP", "1").stdin(input))
}
