//! The privileges of the daemon once it has bound its addresses: those of the user of `--user`, if
//! given, and no capabilities in any case (capabilities(7)). Children have no more than that.

use std::fmt;

use anyhow::Context;
use log::warn;
use nix::unistd::Group;

use super::LogSink;
use super::config::ServerConfig;

/// A user and a group to become, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    user: u32,
    group: u32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}, group {}", self.user, self.group)
    }
}

/// Looks up the user of `--user`, which reads files.
pub(super) fn wanted(config: &ServerConfig) -> anyhow::Result<Option<Identity>> {
    let Some(text) = &config.user else { return Ok(None) };
    platform::look_up(text).map(Some).with_context(|| format!("cannot run as --user {text}"))
}

/// Becomes that user, and gives up all capabilities.
pub(super) fn give_up(identity: Option<Identity>) -> anyhow::Result<()> {
    platform::forbid_more();
    if let Some(identity) = identity {
        if let Err(error) = LogSink::give_to(identity.user) {
            warn!("the log file stays with its owner: {error}");
        }
        platform::become_user(identity).with_context(|| format!("cannot become {identity}"))?;
    }
    platform::drop_capabilities();
    Ok(())
}

/// Looks up a group by its name or number, which is tried as a name first.
pub(super) fn group_of(group: &str) -> anyhow::Result<u32> {
    let entry = Group::from_name(group).context("the list of groups can't be read")?;
    let number = group.parse().ok();
    let id = entry.map(|entry| entry.gid.as_raw()).or(number);
    id.with_context(|| format!("there is no group {group:?}"))
}

#[cfg(target_os = "linux")]
mod platform {
    use std::io;

    use anyhow::{Context, bail};
    use log::{info, warn};
    use nix::unistd::{Gid, Uid, User, setgroups, setresgid, setresuid};
    use rustix::process::{getegid, geteuid, getgroups};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
        clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
    };

    use super::{Identity, group_of};

    /// Looks up `NAME` or `NAME:GROUP`. Either may be a number, which is tried as a name first.
    pub(super) fn look_up(text: &str) -> anyhow::Result<Identity> {
        let (user, group) =
            text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let entry = User::from_name(user).context("the list of users can't be read")?;
        let number = user.parse().ok();
        let entry = match (entry, number) {
            (None, Some(number)) => User::from_uid(Uid::from_raw(number)).ok().flatten(),
            (entry, _) => entry,
        };
        let Some(uid) = entry.as_ref().map(|entry| entry.uid.as_raw()).or(number) else {
            bail!("there is no user {user:?}");
        };
        let gid = match group {
            Some(group) => group_of(group)?,
            None => match entry {
                Some(entry) => entry.gid.as_raw(),
                None => bail!("user {uid} has no entry in passwd(5): say {uid}:GROUP"),
            },
        };
        Ok(Identity { user: uid, group: gid })
    }

    /// Becomes that user, without other groups and for good: the saved identities change too.
    pub(super) fn become_user(identity: Identity) -> anyhow::Result<()> {
        let Identity { user, group } = identity;
        let alone = getgroups().is_ok_and(|groups| groups.iter().all(|one| one.as_raw() == group));
        if geteuid().as_raw() == user && getegid().as_raw() == group && alone {
            return Ok(());
        }
        let refused = "only root may become another user (CAP_SETUID, CAP_SETGID)";
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(group));
        setgroups(&[gid])
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid))
            .map_err(io::Error::from)
            .context(refused)?;
        info!("runs as {identity}");
        Ok(())
    }

    /// Empties the bounding set, so that no executed file can grant a capability. Only a process
    /// with `CAP_SETPCAP` may do that.
    pub(super) fn forbid_more() {
        let own = capabilities(None).map_or(CapabilitySet::empty(), |own| own.effective);
        if !own.contains(CapabilitySet::SETPCAP) {
            return;
        }
        for one in CapabilitySet::all().iter() {
            if capability_is_in_bounding_set(one).unwrap_or(false)
                && let Err(error) = remove_capability_from_bounding_set(one)
            {
                warn!("{one:?} stays in the bounding set of capabilities: {error}");
            }
        }
    }

    /// Gives up all capabilities that the process has itself.
    pub(super) fn drop_capabilities() {
        let empty = CapabilitySet::empty();
        let none = CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
        let dropped = match capabilities(None) {
            Ok(own) if own == none => Ok(()),
            _ => clear_ambient_capability_set().and_then(|()| set_capabilities(None, none)),
        };
        if let Err(error) = dropped {
            warn!("capabilities could not be given up: {error}");
        }
        if geteuid().is_root() {
            warn!("runs as root: --user NAME changes the user after the start");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use anyhow::bail;
    use log::warn;
    use rustix::process::geteuid;

    use super::Identity;

    pub(super) fn look_up(_text: &str) -> anyhow::Result<Identity> {
        bail!("that is for Linux alone: start it as that user");
    }

    pub(super) fn become_user(identity: Identity) -> anyhow::Result<()> {
        bail!("{identity} was never looked up");
    }

    pub(super) fn forbid_more() {}

    pub(super) fn drop_capabilities() {
        if geteuid().is_root() {
            warn!("runs as root");
        }
    }
}
