//! What the daemon gives up once it has all that it needs: files, sockets, other processes.
//!
//! It has bound its listeners and written its port file, and from then on lives on the descriptors
//! that it has. Two layers of the kernel's hold it to that, and neither relies on the other:
//!
//! | layer | what it knows |
//! |---|---|
//! | Landlock (landlock(7)), in `files.rs` | objects: files, TCP ports, processes that a signal is for |
//! | a filter (seccomp(2)), in `calls.rs` | system calls, and the numbers that they are given |
//!
//! Both come with `no_new_privs` (prctl(2)): nothing that is executed gains privileges. An intruder
//! has what the daemon has left: its connections. As much is enforced as the kernel can, and the
//! log says how much that is. Nothing that was open before is affected.

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
pub(super) fn enter(config: &ServerConfig, removable: &[&Path]) {
    match config.sandbox {
        Sandbox::Off => info!("sandbox: off"),
        Sandbox::On if config.exec.is_some() => {
            info!("sandbox: off, because the commands of --exec would be in it too");
        }
        Sandbox::On => info!("sandbox: {}", restrict(removable)),
    }
}

/// Restricts the calling thread, and those it will start; returns what was achieved. The filter
/// comes last: it forbids the calls of Landlock.
#[cfg(target_os = "linux")]
fn restrict(removable: &[&Path]) -> String {
    let files = files::format_status(files::restrict(removable));
    let (calls, privileges) = match calls::restrict() {
        Ok(()) => ("system calls filtered".to_owned(), true),
        Err(why) => {
            let privileges = rustix::thread::no_new_privs().unwrap_or(false);
            (format!("system calls not filtered: {why}"), privileges)
        }
    };
    let privileges = if privileges { "no new privileges" } else { "new privileges" };
    format!("{files}, {calls}, {privileges}")
}

/// The numbers of system calls are other ones there.
#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod calls {
    pub(super) fn restrict() -> Result<(), String> {
        Err(format!("no list for {}", std::env::consts::ARCH))
    }
}

#[cfg(not(target_os = "linux"))]
fn restrict(_removable: &[&Path]) -> String {
    "there is none on this system".to_owned()
}
