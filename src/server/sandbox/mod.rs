//! What the daemon gives up once it has all that it needs: files, and TCP ports.
//!
//! It has bound its listeners and written its port file, and from then on lives on the descriptors
//! that it has. So Landlock (landlock(7)) takes it the right to open anything else, and
//! `no_new_privs` (prctl(2)) that to gain privileges by executing something. Whoever takes the
//! process over has what it has left: its connections.
//!
//! As much is enforced as the kernel can, and the log says how much that is. Nothing that was open
//! before is affected.

use std::path::Path;

use log::info;

use super::config::Config;

/// Whether rights that are not needed are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sandbox {
    /// As many as the kernel takes.
    #[default]
    On,
    /// None.
    Off,
}

/// Gives up what is not needed any more, for good, and says how much of that was possible. In the
/// directories of `removable` files may still be removed.
pub(super) fn enter(config: &Config, removable: &[&Path]) {
    match config.sandbox {
        Sandbox::Off => info!("sandbox: off"),
        Sandbox::On if config.exec.is_some() => {
            info!("sandbox: off, because the commands of --exec would be in it too");
        }
        Sandbox::On => info!("sandbox: {}", platform::restrict(removable)),
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::path::Path;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
        RulesetCreatedAttr, RulesetError, RulesetStatus, path_beneath_rules,
    };

    /// Up to this version of Landlock every right to files is one that the daemon can do without.
    /// The next one also forbids to connect to Unix sockets, and that is how the service manager
    /// is told about us (`sd_notify(3)`).
    const FILES: ABI = ABI::V8;

    /// Since then there are rights to TCP ports.
    const PORTS: ABI = ABI::V4;

    /// Restricts the calling thread, and those it will start; returns what was achieved.
    pub(super) fn restrict(removable: &[&Path]) -> String {
        match try_restrict(removable) {
            Ok(status) => shown(&status),
            Err(error) => format!("none: {error}"),
        }
    }

    pub(super) fn try_restrict(removable: &[&Path]) -> Result<RestrictionStatus, RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(FILES))?
            .handle_access(AccessNet::from_all(PORTS))?
            .create()?
            .add_rules(path_beneath_rules(removable, AccessFs::RemoveFile))?
            .restrict_self()
    }

    fn shown(status: &RestrictionStatus) -> String {
        let enforced = match status.ruleset {
            RulesetStatus::FullyEnforced => "fully enforced",
            RulesetStatus::PartiallyEnforced => "partly enforced",
            RulesetStatus::NotEnforced => "not enforced",
        };
        let landlock = match status.landlock {
            LandlockStatus::NotEnabled => "Landlock is not enabled in this kernel".to_owned(),
            LandlockStatus::NotImplemented => "this kernel has no Landlock".to_owned(),
            LandlockStatus::Available { effective_abi, .. } => {
                format!("Landlock ABI {effective_abi} {enforced}")
            }
        };
        let privileges = if status.no_new_privs { "no new privileges" } else { "new privileges" };
        format!("{landlock}, {privileges}")
    }

    #[cfg(test)]
    mod tests {
        use std::fs::{self, File};
        use std::io::{self, Read, Write};
        use std::net::{TcpListener, TcpStream};
        use std::thread;

        use super::*;

        /// The restriction is for good, so each test has a thread that ends with it.
        fn restricted<T: Send>(
            removable: &[&Path],
            inside: impl FnOnce() -> T + Send,
        ) -> Option<T> {
            thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    let status = try_restrict(removable).unwrap();
                    assert!(status.no_new_privs, "{status:?}");
                    if status.ruleset == RulesetStatus::FullyEnforced {
                        return Some(inside());
                    }
                    assert!(std::env::var_os("CI").is_none(), "CI leaves nothing out: {status:?}");
                    writeln!(io::stderr(), "SKIPPED: needs Landlock ABI 4: {status:?}").unwrap();
                    None
                });
                thread.join().unwrap()
            })
        }

        fn assert_denied<T>(result: io::Result<T>) {
            let error = result.err().expect("it is forbidden");
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        }

        #[test]
        fn what_is_open_goes_on_and_nothing_else_is_opened() {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("file");
            fs::write(&path, "there before").unwrap();
            let mut file = File::open(&path).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let mut peer = TcpStream::connect(address).unwrap();
            restricted(&[], || {
                assert_denied(File::open(&path));
                assert_denied(File::create(directory.path().join("new")));
                assert_denied(fs::read_dir(directory.path()));
                assert_denied(fs::remove_file(&path));
                assert_denied(TcpStream::connect(address));
                assert_denied(TcpListener::bind("127.0.0.1:0"));
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "there before");
                let (mut accepted, _) = listener.accept().unwrap();
                accepted.write_all(b"line").unwrap();
                let mut line = [0; 4];
                peer.read_exact(&mut line).unwrap();
                assert_eq!(&line, b"line");
            });
        }

        #[test]
        fn files_are_removed_only_where_that_is_allowed() {
            let allowed = tempfile::tempdir().unwrap();
            let other = tempfile::tempdir().unwrap();
            for directory in [&allowed, &other] {
                fs::write(directory.path().join("socket"), "").unwrap();
            }
            restricted(&[allowed.path()], || {
                fs::remove_file(allowed.path().join("socket")).unwrap();
                assert_denied(fs::remove_file(other.path().join("socket")));
                assert_denied(File::create(allowed.path().join("new")));
            });
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::path::Path;

    pub(super) fn restrict(_removable: &[&Path]) -> String {
        "there is none on this system".to_owned()
    }
}
