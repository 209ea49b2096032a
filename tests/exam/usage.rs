//! The command line, the formats, and programs that do harm.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{EXAM, exam, output};

const DAEMON: &str = env!("CARGO_BIN_EXE_tcpechod");

fn examine(words: &[&str]) -> (Option<i32>, String, String) {
    let output = output(&mut exam(words));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A server that listens and accepts, but never answers.
const MUTE: [&str; 3] = [
    "python3",
    "-c",
    "\
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
peers = []
while True: peers.append(listener.accept())",
];

#[test]
fn the_exit_status_tells_passed_from_failed_from_usage_from_not_started() {
    let echo = |rest: &[&str]| {
        examine(&[&["server", "--task", "echo", "--timeout", "2s", "--"], rest].concat())
    };
    let (status, stdout, stderr) = echo(&[DAEMON, "--listen", "127.0.0.1:{port}"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert_eq!(stdout, "passed  echo                  10/10\n10 of 10 points\n");
    let (status, stdout, _) = echo(&MUTE);
    assert_eq!(status, Some(1), "{stdout}");
    assert!(
        stdout.contains("seen: 0 of 6 bytes of \"hello\\n\" came back; then: the time was over")
    );
    let (status, _, stderr) = examine(&["server", "--task", "no-such-task", "--", "true"]);
    assert_eq!((status, stderr.contains("the tasks are: echo, ")), (Some(2), true), "{stderr}");
    for (command, why) in [
        ("/no/such/program", "it can't be started: No such file"),
        ("false", "it exited with status 1"),
    ] {
        let (status, stdout, stderr) = echo(&[command]);
        assert_eq!((status, stdout.as_str()), (Some(3), ""), "{stderr}");
        assert!(stderr.contains(why), "{stderr}");
    }
}

#[test]
fn a_command_with_a_number_at_its_end_gets_no_other_port() {
    let command = ["sh", "-c", "exec \"$0\" --listen 127.0.0.1:$1", DAEMON, "9877"];
    let words = [&["server", "--task", "echo", "--task", "bytes", "--"], &command[..]].concat();
    let (status, stdout, stderr) = examine(&words);
    assert_eq!(status, Some(0), "{stdout}{stderr}");
}

#[test]
fn the_formats_of_graders_have_the_points_of_each_task() {
    let report = |format| {
        let words = ["server", "--timeout", "1s", "--task", "echo,zombies", "--format", format];
        let (status, stdout, _) = examine(&[&words, &["--"][..], &MUTE].concat());
        assert_eq!(status, Some(1), "{stdout}");
        stdout
    };
    let json: Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!((&json["points"], &json["of"]), (&0.into(), &20.into()));
    let first = &json["tasks"][0];
    assert_eq!((&first["name"], &first["passed"]), (&"echo".into(), &false.into()));
    for key in ["did", "expected", "seen", "hint", "read"] {
        assert!(first[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {first}");
    }
    let gradescope: Value = serde_json::from_str(&report("gradescope")).unwrap();
    assert_eq!(
        (&gradescope["score"], &gradescope["tests"][1]["max_score"]),
        (&0.into(), &10.into())
    );
    let junit = report("junit");
    assert!(junit.contains("tests=\"2\" failures=\"2\" skipped=\"0\""), "{junit}");
    assert!(junit.contains("<failure message=\"0 of 6 bytes of &quot;hello\\n&quot;"), "{junit}");
    let mut parser = Command::new("python3");
    parser.args(["-c", "import sys, xml.dom.minidom; xml.dom.minidom.parseString(sys.argv[1])"]);
    assert!(parser.arg(junit).status().unwrap().success());
}

#[test]
fn a_program_that_does_not_start_has_no_points_in_a_graders_report() {
    let (status, stdout, _) = examine(&["client", "--format", "json", "--", "/no/such/program"]);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((status, &json["points"], &json["of"]), (Some(3), &0.into(), &100.into()));
}

/// The argument of a process that belongs to this test: no other process has this number.
fn mark() -> String {
    format!("1000{}", std::process::id())
}

fn marked() -> bool {
    let processes = fs::read_dir("/proc").unwrap();
    let lines = processes.filter_map(|one| fs::read(one.unwrap().path().join("cmdline")).ok());
    let sleep = [b"sleep\0", mark().as_bytes(), b"\0"].concat();
    lines.into_iter().any(|line| line == sleep)
}

/// With and without namespaces: a daemon of the program, and a process that ignores signals.
#[test]
fn nothing_is_left_of_a_program_that_hides_processes() {
    let script = format!(
        "trap '' TERM HUP INT; \
         (setsid sh -c 'trap \"\" TERM HUP INT; sleep {0} & sleep {0}' &) & exit 1",
        mark()
    );
    for options in [&[][..], &["--no-isolation"]] {
        let words =
            [&["server", "--timeout", "1s"], options, &["--", "sh", "-c", &script]].concat();
        let (status, _, stderr) = examine(&words);
        assert_eq!(status, Some(3), "{stderr}");
        assert!(!marked(), "{options:?}");
    }
}

#[test]
fn an_interrupted_exam_ends_the_program_first() {
    let script = format!("sleep {}", mark() + "0");
    let mut command = exam(&["server", "--no-isolation", "--", "sh", "-c", &script]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    while fs::read_to_string(&children).unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130), "{EXAM}");
    assert!(!marked());
}

#[test]
fn the_program_has_a_network_of_its_own() {
    let listed = "import socket, sys; print(socket.if_nameindex(), file=sys.stderr); sys.exit(1)";
    let (_, _, stderr) = examine(&["server", "--", "python3", "-c", listed]);
    if crate::tools::have(&["unshare"]) {
        assert!(stderr.contains("[(1, 'lo')]"), "{stderr}");
    }
}
