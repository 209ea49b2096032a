//! Wrong input, and ends that are no failures.

use std::fs::OpenOptions;
use std::process::{Command, Output};

use crate::PROBE;
use crate::daemon::{Daemon, probe};

fn ran(words: &[&str]) -> Output {
    Command::new(PROBE).args(words).output().unwrap()
}

#[test]
fn wrong_input_is_named_with_the_statuses_of_the_client() {
    for (words, status, named) in [
        (&["ping", "-c", "0", "h"][..], 2, "from 1 to"),
        (&["ping", "a:b:c"], 2, "expected HOST"),
        (&["ping", "nosuch.invalid"], 9, "unresolved: nosuch.invalid"),
        (&["ping", "-6", "127.0.0.1"], 9, "no IPv6 address"),
        (&["ports", "unix:/none"], 1, "no ports"),
        (&["who", "a", "b"], 2, "unexpected argument 'b'"),
    ] {
        let output = ran(words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
        assert!(said.contains(named), "{words:?}: {said}");
    }
}

#[test]
fn a_full_disk_is_a_failure_that_names_the_output() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(PROBE);
    let output = command.args(["ping", "-c", "1", &daemon.address]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("output could not be written: No space left"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_empty_variable_of_a_subcommand_counts_as_unset() {
    let daemon = Daemon::start("127.0.0.1:0", &[]);
    let mut command = Command::new(PROBE);
    command.args(["ping", "-c", "1", &daemon.address]).env("TCPECHO_PROBE_INTERVAL", "");
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// The greeting comes in place of the echo.
#[test]
fn probes_that_get_a_wrong_answer_are_lost() {
    let daemon = Daemon::start("127.0.0.1:0", &["--banner", "hello"]);
    let (status, _, summary) = probe(&["ping", "-c", "2", "-i", "10ms", &daemon.address]);
    assert_eq!((status, &summary["sent"], &summary["lost"]), (1, &2.into(), &2.into()));
    let (status, ..) = probe(&["idle", "--from", "10ms", "--to", "20ms", &daemon.address]);
    assert_eq!(status, 1, "no silence was tried");
}
