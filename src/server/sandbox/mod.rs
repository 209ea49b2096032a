//! The sandbox: the daemon gives up files, new sockets and other processes once it has all that it
//! needs, except those that SIGHUP opens again.
//!
//! It has then bound its listeners and written its port file, and works with open descriptors.
//! Two mechanisms of the kernel enforce that, each independent of the other:
//!
//! | layer | what it restricts |
//! |---|---|
//! | Landlock (landlock(7)), in `files.rs` | objects: files, TCP ports, processes as targets of signals |
//! | a filter (seccomp(2)), in `calls.rs` | system calls and their numeric arguments |
//!
//! Both come with `no_new_privs` (prctl(2)): an executed file gains no privileges. An intruder has
//! no more than the daemon has left: its connections. The daemon enforces as much as the kernel
//! supports, and logs how much that is. Descriptors that were open before stay usable.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod calls;
#[cfg(target_os = "linux")]
mod files;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[cfg(test)]
mod filter_tests;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[cfg(test)]
mod tests;

use std::path::Path;

use log::info;

use super::config::ServerConfig;

/// Whether the daemon gives up rights that it does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sandbox {
    /// It gives up all that the kernel can restrict.
    #[default]
    On,
    /// It gives up none.
    Off,
}

/// The directories of the files that the daemon uses by name in the sandbox. A rule for the file
/// itself would not apply to the one that takes its place.
#[derive(Debug, Default)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "there is no sandbox"))]
struct Named<'a> {
    /// Files there may be removed.
    removed: Vec<&'a Path>,
    /// Files there may be read.
    read: Vec<&'a Path>,
    /// Files there may be created and written.
    appended: Vec<&'a Path>,
    /// The listeners may be sent to the next daemon.
    hands_over: bool,
}

/// Returns the directory of a file.
pub(super) fn directory(file: &Path) -> &Path {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or_else(|| Path::new("."))
}

/// Gives up all rights that the daemon no longer needs, for good, and logs the result. Files in the
/// directories `removable` may still be removed.
pub(super) fn enter(config: &ServerConfig, removable: &[&Path]) {
    let named = Named {
        removed: removable.to_vec(),
        read: config.files_read_again().map(directory).collect(),
        appended: config.log_file.iter().map(|file| directory(file)).collect(),
        hands_over: config.hand_over.is_some(),
    };
    match config.sandbox {
        Sandbox::Off => info!("sandbox: off"),
        Sandbox::On if config.exec.is_some() => {
            info!("sandbox: off, because the commands of --exec would be in it too");
        }
        Sandbox::On => info!("sandbox: {}", restrict(&named)),
    }
}

/// Restricts the calling thread and the threads that it starts; returns a description of the
/// result. The filter comes last, because it forbids the calls of Landlock.
#[cfg(target_os = "linux")]
fn restrict(named: &Named<'_>) -> String {
    let files = files::format_status(files::restrict(named));
    let (calls, privileges) = match calls::restrict(named) {
        Ok(()) => ("system calls filtered".to_owned(), true),
        Err(why) => {
            let privileges = rustix::thread::no_new_privs().unwrap_or(false);
            (format!("system calls not filtered: {why}"), privileges)
        }
    };
    let privileges = if privileges { "no new privileges" } else { "new privileges" };
    format!("{files}, {calls}, {privileges}")
}

/// Other architectures have other numbers of system calls.
#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod calls {
    pub(super) fn restrict(_named: &super::Named<'_>) -> Result<(), String> {
        Err(format!("no list for {}", std::env::consts::ARCH))
    }
}

#[cfg(not(target_os = "linux"))]
fn restrict(_named: &Named<'_>) -> String {
    "there is none on this system".to_owned()
}
