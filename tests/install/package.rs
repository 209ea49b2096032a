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

const CONTROL: &str = "\
Package: tcpecho
Version: 0
Architecture: all
Maintainer: nobody <nobody@localhost>
Description: files of tcpecho, for a test
";

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
        "usr/bin/tcpecho",
        "usr/bin/tcpecho-load",
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
    assert!(files.iter().all(|path| path.starts_with("usr")), "{files:?}");
    for script in ["postinst", "prerm", "postrm"] {
        ran(Command::new("sh").arg("-n").arg(debian().join(script)));
    }
    let changelog = fs::read_to_string(debian().join("changelog")).unwrap();
    let version = format!("tcpecho ({})", env!("CARGO_PKG_VERSION"));
    assert!(changelog.starts_with(&version), "{changelog}");
}

#[test]
fn an_installed_and_purged_package_leaves_no_trace() {
    if !have(&["dpkg-deb", "systemctl"]) {
        return;
    }
    let directory = TempDir::new().unwrap();
    let tree = directory.path().join("tree");
    files_of_the_package(&tree);
    let control = tree.join("DEBIAN");
    fs::create_dir(&control).unwrap();
    fs::write(control.join("control"), CONTROL).unwrap();
    for script in ["postinst", "prerm", "postrm"] {
        fs::copy(debian().join(script), control.join(script)).unwrap();
        fs::set_permissions(control.join(script), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let file = directory.path().join("tcpecho.deb");
    ran(Command::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "-b"])
        .arg(&tree)
        .arg(&file));

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
