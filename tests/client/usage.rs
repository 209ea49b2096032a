//! The command line and the environment.

use std::process::{Command, Output};

use crate::servers::Server;
use crate::support::{Client, TCPECHO, command};

fn output(arguments: &[&str]) -> Output {
    Command::new(TCPECHO).args(arguments).output().unwrap()
}

#[test]
fn an_invalid_command_line_exits_with_status_2() {
    let wrong: [&[&str]; 15] = [
        &[],
        &["127.0.0.1", "0"],
        &["127.0.0.1", "65536"],
        &["127.0.0.1", "no-such-service"],
        &["127.0.0.1", "9877", "more"],
        &[""],
        &["[127.0.0.1]"],
        &["--no-such-option", "127.0.0.1"],
        &["-4", "-6", "127.0.0.1"],
        &["--timeout", "0s", "127.0.0.1"],
        &["--connect-timeout", "ten", "127.0.0.1"],
        &["--keepalive", "10s", "127.0.0.1"],
        &["--format", "binary", "127.0.0.1"],
        &["--sigpipe", "block", "127.0.0.1"],
        &["--stop-and-wait", "--timeout", "1s", "127.0.0.1"],
    ];
    for arguments in wrong {
        let output = output(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("error: "), "{arguments:?}: {said}");
        assert_eq!(output.stdout, b"");
    }
}

#[test]
fn help_lists_every_failure_kind() {
    let output = output(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for word in tcpecho::client::FailureKind::ALL {
        let entry = format!("{} {}", word.code(), word.word());
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(&entry), "{entry}: {help}");
    }
}

#[test]
fn options_can_be_set_in_the_environment_and_the_command_line_wins() {
    let server = Server::start(|mut peer| peer.rest());
    let mut client = Client::spawn(
        command(&[], server.port)
            .env("TCPECHO_TIMEOUT", "50ms")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped()),
    );
    client.type_in("one\n");
    client.ends().failed(6, "timed-out", "nothing came back for 50ms");
    server.join();

    let server = Server::start(|mut peer| peer.rest());
    let mut client = Client::spawn(
        command(&["--timeout", "60ms"], server.port)
            .env("TCPECHO_TIMEOUT", "50ms")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped()),
    );
    client.type_in("one\n");
    client.ends().failed(6, "timed-out", "nothing came back for 60ms");
    server.join();
}

#[test]
fn an_invalid_variable_is_a_usage_error() {
    let output = command(&[], 1).env("TCPECHO_HEARTBEAT", "often").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
