//! `tests/demos/run` on a machine without the permissions for a demonstration.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Runs it with an unshare(1) that fails, as in a container.
fn run_without_namespaces(words: &[&str], ci: Option<&str>) -> Output {
    let directory = TempDir::new().unwrap();
    let unshare = directory.path().join("unshare");
    fs::write(&unshare, "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n")
        .unwrap();
    fs::set_permissions(&unshare, Permissions::from_mode(0o755)).unwrap();
    let path = env::var("PATH").unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_tcpechod")).parent().unwrap();
    let mut run = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/demos/run"));
    run.args(words).env("PATH", format!("{}:{path}", directory.path().display()));
    run.env("TCPECHO_BIN", programs).env_remove("CI");
    run.envs(ci.map(|ci| ("CI", ci))).output().unwrap()
}

#[test]
fn a_demonstration_without_namespaces_is_skipped_with_status_77_and_remedies() {
    for words in [&["echo"][..], &["startup"], &[], &["--check", "echo", "startup"]] {
        let output = run_without_namespaces(words, None);
        assert_eq!(output.status.code(), Some(77), "{words:?}: {output:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        for remedy in [
            "network namespace",
            "sudo",
            "--cap-add SYS_ADMIN",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ] {
            assert!(message.contains(remedy), "{words:?}: {remedy}: {message}");
        }
    }
}

#[test]
fn a_demonstration_without_namespaces_fails_in_ci() {
    for words in [&["echo"][..], &[]] {
        let output = run_without_namespaces(words, Some("true"));
        assert_eq!(output.status.code(), Some(1), "{words:?}: {output:?}");
    }
}
