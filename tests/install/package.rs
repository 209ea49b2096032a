//! The Debian package: its content, and its removal without a trace.
//!
//! dpkg-deb builds it from the files of `make package`, the same as those of `make deb`, because
//! building cargo-deb first takes longer than all other tests. `make deb-check` runs the same test
//! on the package built by cargo-deb.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::tools::{have, lacks};
use crate::{below, make, ran};

/// The exit status of package.sh without overlay mounts.
const NO_OVERLAY: i32 = 77;

/// The fields that cargo-deb writes from `Cargo.toml`.
const CONTROL: &str = "\
Package: tcpecho
Version: 0.1.0
Section: net
Priority: optional
Maintainer: tcpecho developers <maintainers@tcpecho.example>
Depends: libc6 (>= 2.34), libgcc-s1 (>= 4.2)
Description: TCP echo client and server
 An echo daemon, its client, a load generator that verifies every byte, and a
 probe for the path between two hosts.
";

/// The file that an administrator may change; Cargo.toml names it too.
const CONFIGURATION: &str = "etc/logrotate.d/tcpechod";

fn debian() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy/debian")
}

fn files_of_the_package(place: &Path) {
    make("package", &[format!("package={}", place.display())]);
}

#[test]
fn the_package_has_the_files_that_debian_requires() {
    let directory = TempDir::new().unwrap();
    let tree = directory.path().join("tree");
    files_of_the_package(&tree);
    let files = below(&tree, "f");
    for path in [
        CONFIGURATION,
        "usr/bin/tcpecho",
        "usr/bin/tcpecho-load",
        "usr/bin/tcpecho-exam",
        "usr/bin/tcpecho-probe",
        "usr/sbin/tcpechod",
        "usr/share/man/man8/tcpechod.8.gz",
        "usr/share/bash-completion/completions/tcpechod",
        "usr/share/zsh/vendor-completions/_tcpechod",
        "usr/share/fish/vendor_completions.d/tcpechod.fish",
        "usr/lib/systemd/system/tcpechod.socket",
        "usr/share/doc/tcpecho/copyright",
        "usr/share/doc/tcpecho/changelog.gz",
        "usr/share/doc/tcpecho/operations.md",
    ] {
        assert!(files.contains(&path.into()), "{path} is not in {files:?}");
    }
    let mut others = files.iter().filter(|path| **path != Path::new(CONFIGURATION));
    assert!(others.all(|path| path.starts_with("usr")), "{files:?}");
    for script in ["postinst", "prerm", "postrm"] {
        ran(Command::new("sh").arg("-n").arg(debian().join(script)));
    }
    let changelog = fs::read_to_string(debian().join("changelog")).unwrap();
    let version = format!("tcpecho ({})", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&version), "{changelog}");
}

/// Builds the package in that directory.
fn the_package(directory: &Path) -> PathBuf {
    let tree = directory.join("tree");
    files_of_the_package(&tree);
    let control = tree.join("DEBIAN");
    fs::create_dir(&control).unwrap();
    let architecture = ran(Command::new("dpkg").arg("--print-architecture"));
    let text = format!("{CONTROL}Architecture: {architecture}");
    fs::write(control.join("control"), text).unwrap();
    fs::write(control.join("conffiles"), format!("/{CONFIGURATION}\n")).unwrap();
    for script in ["postinst", "prerm", "postrm"] {
        fs::copy(debian().join(script), control.join(script)).unwrap();
        fs::set_permissions(control.join(script), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let file = directory.join("tcpecho.deb");
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zxz", "-z0", "-b"]).arg(&tree).arg(&file);
    ran(&mut build);
    file
}

#[test]
fn lintian_has_no_complaint_about_the_package() {
    if !have(&["dpkg-deb", "lintian"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let file = the_package(directory.path());
    let mut lintian = Command::new("lintian");
    let output = lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(file).output();
    let output = output.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_installed_and_purged_package_leaves_no_trace() {
    if !have(&["dpkg-deb", "systemctl"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let file = the_package(directory.path());
    let overlay = directory.path().join("overlay");
    fs::create_dir(&overlay).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install/package.sh");
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-x"]).arg(script).arg(&file).arg(&overlay);
    let output = unshare.output().unwrap();
    let denied = String::from_utf8_lossy(&output.stderr).starts_with("unshare: ");
    if denied || output.status.code() == Some(NO_OVERLAY) {
        lacks("root, and overlays in a mount namespace");
        return;
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
}

/// The programs of systemd that the script calls; they note their arguments.
const SYSTEMD: [(&str, &str); 2] = [
    (
        "systemctl",
        "#!/bin/sh\necho \"systemctl $*\" >>\"$NOTED\"\n\
         case $1 in list-units) printf '%s\\n' 'tcpechod.service loaded active running x' \
         'tcpechod@2.service loaded active running y' ;; esac\n",
    ),
    ("deb-systemd-invoke", "#!/bin/sh\necho \"invoke $*\" >>\"$NOTED\"\nexit 1\n"),
];

#[test]
fn an_upgrade_restarts_the_daemons_that_run_one_after_another() {
    let directory = TempDir::new().unwrap();
    let noted = directory.path().join("noted");
    for (name, text) in SYSTEMD {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let calls = |arguments: &[&str]| {
        fs::write(&noted, "").unwrap();
        let mut script = Command::new("unshare");
        script.args(["--map-root-user", "--mount", "sh", "-c"]).arg(
            "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec sh \"$0\" \"$@\"",
        );
        script.arg(debian().join("postinst")).args(arguments).env("NOTED", &noted);
        let path = std::env::var("PATH").unwrap();
        script.env("PATH", format!("{}:{path}", directory.path().display()));
        let output = script.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if stderr.starts_with("unshare: ") {
            lacks("namespaces for users and mounts");
            return None;
        }
        assert!(output.status.success(), "{stderr}");
        Some(fs::read_to_string(&noted).unwrap())
    };
    let Some(upgraded) = calls(&["configure", "0.0.9"]) else { return };
    let restarts: Vec<_> = upgraded.lines().filter(|line| line.contains("restart")).collect();
    assert_eq!(restarts, ["invoke restart tcpechod.service", "invoke restart tcpechod@2.service"]);
    assert!(upgraded.starts_with("systemctl daemon-reload\n"), "{upgraded}");
    assert_eq!(calls(&["configure", ""]).unwrap(), "systemctl daemon-reload\n", "a first install");
}
