//! Configuration and log level from the environment, and the warnings about wrong variables.

use std::io::{self, Read};
use std::process::{Command, Output};

use tcpecho::cli;

use super::support::{Builder, Daemon, Ended};

const TCPECHO: &str = env!("CARGO_BIN_EXE_tcpecho");
const TCPECHO_LOAD: &str = env!("CARGO_BIN_EXE_tcpecho-load");

fn logging(filter: &str) -> Builder {
    Builder::new(&[]).env("RUST_LOG", filter)
}

/// Runs a daemon with one short connection, and returns its log.
fn log_of_a_run(builder: Builder) -> String {
    let mut daemon = builder.start();
    daemon.connect().echo(b"a line\n");
    daemon.wait_until_alone();
    daemon.terminate();
    assert_eq!(daemon.wait_for_exit().code(), Some(0));
    daemon.log()
}

#[test]
fn o07_the_programs_own_names_are_targets() {
    for filter in ["tcpechod=debug", "tcpecho=debug", "tcpecho::reactor=debug", "=debug"] {
        let log = log_of_a_run(logging(filter));
        assert!(log.contains("INFO ] ready"), "{filter}: {log}");
        assert!(log.contains("DEBUG] closed peer="), "{filter}: {log}");
        assert!(!log.contains(" WARN "), "{filter}: {log}");
    }
    let (mut reader, writer) = io::pipe().unwrap();
    let daemon = logging("tcpechod=off").stderr(writer).start();
    daemon.terminate();
    daemon.epilogue_ended(0);
    let mut log = String::new();
    reader.read_to_string(&mut log).unwrap();
    assert_eq!(log, "", "the log is off");
}

#[test]
fn o07_a_filter_that_is_invalid_or_matches_nothing_warns_and_info_stays() {
    for (filter, expected) in [
        ("verbose", "\"verbose\" matches nothing that is logged here"),
        ("hyper=debug", "\"hyper=debug\" matches nothing"),
        ("=", "\"=\" is left out"),
        ("tcpechod=verbose", "\"verbose\" is no level"),
        ("tcpechod::reaktor=debug", "no part of tcpechod that logs is called \"reaktor\""),
    ] {
        let log = log_of_a_run(logging(filter));
        let warned: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
        assert_eq!(warned.len(), 1, "{filter}: {log}");
        assert!(warned[0].contains(expected), "{filter}: {log}");
        assert!(log.contains("INFO ] ready"), "{filter}: {log}");
    }
    let log = log_of_a_run(logging(""));
    assert!(log.contains("INFO ] ready") && !log.contains(" WARN "), "{log}");
}

#[test]
fn o07_the_log_level_option_beats_the_filter() {
    for (arguments, variable, debug) in [
        (&["--log-level", "debug"][..], "", true),
        (&["--log-level", "info"], "debug", false),
        (&[], "DEBUG", true),
    ] {
        let builder = Builder::new(arguments).env("RUST_LOG", "verbose");
        let log = log_of_a_run(builder.env("TCPECHOD_LOG_LEVEL", variable));
        assert!(log.contains("INFO ] ready") && !log.contains(" WARN "), "{log}");
        assert_eq!(log.contains("DEBUG] closed peer="), debug, "{log}");
    }
    let ended = Builder::new(&["--log-level", "verbose"]).run_to_end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("error, warn, info, debug, trace"), "{ended:?}");
}

/// The environment variables of all programs.
fn variables() -> Vec<&'static str> {
    let commands = cli::commands();
    let parts = commands.iter().flat_map(cli::parts);
    let options = parts.flat_map(|(_, command)| command.get_arguments());
    let names = options.filter_map(|option| option.get_env()?.to_str().map(ToOwned::to_owned));
    names.map(|name| &*name.leak()).collect()
}

/// Runs a client program against a port without a listener, with these variables.
fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program);
    for name in variables() {
        command.env_remove(name);
    }
    command.args(["127.0.0.1", "1"]).args(arguments).envs(environment.iter().copied());
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

#[test]
fn f10_an_empty_variable_counts_as_unset() {
    let all = variables();
    assert!(all.len() > 50, "{all:?}");
    let builder = all.iter().fold(Builder::new(&[]), |builder, name| builder.env(name, ""));
    let log = log_of_a_run(builder);
    assert!(!log.contains(" WARN "), "{log}");
    let empty: Vec<_> = all.iter().map(|name| (*name, "")).collect();
    for (program, status) in [(TCPECHO, 8), (TCPECHO_LOAD, 1)] {
        let with = run(program, &[], &empty);
        let without = run(program, &[], &[]);
        assert_eq!((with.status.code(), without.status.code()), (Some(status), Some(status)));
        assert_eq!(with.stderr, without.stderr);
    }
}

#[test]
fn f11_a_misspelt_variable_is_warned_about() {
    let builder = Builder::new(&[]).env("TCPECHOD_MAX_LINES", "8k");
    let log = log_of_a_run(builder.env("TCPECHOD_SERVICE_HOST", "10.0.0.1"));
    let warned: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
    assert_eq!(warned.len(), 1, "{log}");
    assert!(warned[0].contains("TCPECHOD_MAX_LINES is no variable"), "{log}");
    assert!(warned[0].ends_with("is it TCPECHOD_MAX_LINE?"), "{log}");
    for (program, name, nearest) in [
        (TCPECHO, "TCPECHO_TIMEOTU", "TCPECHO_TIMEOUT"),
        (TCPECHO_LOAD, "TCPECHO_LOAD_RAET", "TCPECHO_LOAD_RATE"),
    ] {
        let stderr_of = |arguments| {
            let output = run(program, arguments, &[(name, "1s")]);
            String::from_utf8(output.stderr).unwrap()
        };
        let warning = format!(
            ": warning: {name} is no variable of these programs, and ignored; \
                               is it {nearest}?\n"
        );
        for arguments in [&[][..], &["--log-level", "warn"]] {
            let stderr = stderr_of(arguments);
            assert!(stderr.contains(&warning), "{stderr}");
        }
        let stderr = stderr_of(&["--log-level", "error"]);
        assert!(!stderr.contains("warning"), "{stderr}");
    }
}

#[test]
fn f12_check_prints_each_value_and_its_source() {
    let arguments = ["--check", "--backlog", "66", "--banner", "hello {peer}"];
    let builder = Builder::new(&arguments)
        .env("TCPECHOD_MAX_LINE", "8k")
        .env("TCPECHOD_BACKLOG", "77")
        .env("TCPECHOD_REUSE_PORT", "yes")
        .env("TCPECHOD_IDLE_TIMEOUT", "");
    let ended: Ended = builder.run_to_end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("--")).collect();
    for line in [
        "--listen 0.0.0.0:9877 and [::]:9877 (default)",
        "--backlog 66 (flag)",
        "--max-line 8k (environment, TCPECHOD_MAX_LINE)",
        "--reuse-port on (environment, TCPECHOD_REUSE_PORT)",
        "--idle-timeout off (default)",
        "--banner \"hello {peer}\" (flag)",
        "--allow none (default)",
        "--log-level debug (environment, RUST_LOG)",
    ] {
        assert!(lines.contains(&line), "{line}: {lines:#?}");
    }
    let daemon = cli::commands().swap_remove(0);
    let options = daemon.get_arguments().filter_map(clap::Arg::get_long);
    for option in options.filter(|one| *one != "check" && *one != "health") {
        let of = |line: &&&str| line.split(' ').next() == Some(&format!("--{option}"));
        assert_eq!(lines.iter().filter(of).count(), 1, "--{option}: {lines:#?}");
    }
}

#[test]
fn f12_check_prints_the_default_log_level_if_none_is_set() {
    let daemon = Daemon::start(&[]);
    let ended = Builder::new(&["--check"]).env("RUST_LOG", "").run_to_end();
    assert!(ended.stdout.contains("--log-level RUST_LOG, or info (default)\n"), "{ended:?}");
    daemon.epilogue();
}
