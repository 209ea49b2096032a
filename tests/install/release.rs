//! The files of a release: the tarballs of `make tarballs`, and the permissions of the workflow.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::standalone::{echoes, programs, variables};
use crate::tools::have;
use crate::{PAGES, below, make, ran};

/// Builds the programs, which is quick after another test, and packs them.
fn pack(directory: &Path, dist: &Path) {
    let mut variables = variables(&directory.join("static"));
    variables.push(format!("dist={}", dist.display()));
    // The recipe of `pages` would build a program; the pages are there.
    variables.extend(["--old-file=pages".to_owned(), format!("pages={}", PAGES.display())]);
    make("tarballs", &variables);
}

#[test]
fn a_tarball_has_the_static_programs_with_pages_completions_and_units() {
    let architectures = ["x86_64", "aarch64"];
    let built: Vec<_> =
        architectures.iter().filter_map(|one| programs(one).zip(Some(one))).collect();
    let directory = TempDir::new().unwrap();
    let dist = directory.path().join("dist");
    pack(directory.path(), &dist);
    for (_, architecture) in built {
        let name = format!("tcpecho-{}-{architecture}-linux", env!("CARGO_PKG_VERSION"));
        let file = dist.join(format!("{name}.tar.gz"));
        ran(Command::new("tar").arg("-C").arg(directory.path()).arg("-xzf").arg(&file));
        let tree = directory.path().join(&name);
        let files = below(&tree, "f");
        for path in [
            "bin/tcpecho",
            "sbin/tcpechod",
            "share/man/man8/tcpechod.8",
            "share/bash-completion/completions/tcpecho",
            "share/doc/tcpecho/LICENSE-MIT",
            "lib/systemd/system/tcpechod.service",
        ] {
            assert!(files.contains(&path.into()), "{path} is not in {files:?}");
        }
        let owners = ran(Command::new("tar").arg("--numeric-owner").arg("-tvzf").arg(&file));
        assert!(owners.lines().all(|line| line.contains(" 0/0 ")), "{owners}");
        if *architecture == "x86_64" {
            let port_file = directory.path().join("port");
            let place = |program: &str| if program == "tcpechod" { "sbin" } else { "bin" };
            let command = |program: &str| Command::new(tree.join(place(program)).join(program));
            echoes(command, &port_file, &port_file);
        }
    }
}

/// A workflow, parsed by Python's `yaml`, for which the key `on` is a boolean.
fn workflow(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows").join(name);
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))";
    let mut python = Command::new("python3");
    serde_json::from_str(&ran(python.args(["-c", script]).stdin(File::open(path).unwrap())))
        .unwrap()
}

#[test]
fn only_the_job_that_uploads_a_release_may_write() {
    if !have(&["python3"]) {
        return;
    }
    for name in ["linux.yml", "macos.yml", "release.yml"] {
        let workflow = workflow(name);
        assert_eq!(workflow["permissions"], json!({"contents": "read"}), "{name}");
        for (job, content) in workflow["jobs"].as_object().unwrap() {
            let permissions = content.get("permissions");
            let uploads = (name, job.as_str()) == ("release.yml", "draft");
            let expected = uploads.then(|| json!({"contents": "write"}));
            assert_eq!(permissions, expected.as_ref(), "{name}: {job}");
        }
    }
    assert_eq!(workflow("release.yml")["true"]["push"]["tags"], json!(["v*"]));
}
