//! Landlock: no file, no TCP port, no process outside.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

/// Up to this version of Landlock, every right to files. The next one is about connecting to Unix
/// sockets, which the filter of system calls forbids on every kernel.
const FILES: ABI = ABI::V8;

/// Since then there are rights to TCP ports.
const PORTS: ABI = ABI::V4;

/// Since then there are scopes: signals to processes, and abstract Unix sockets, only inside.
const SCOPES: ABI = ABI::V6;

/// Restricts the calling thread, and those it will start.
pub(super) fn restrict(removable: &[&Path]) -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(FILES))?
        .handle_access(AccessNet::from_all(PORTS))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        .add_rules(path_beneath_rules(removable, AccessFs::RemoveFile))?
        .restrict_self()
}

/// What was achieved.
pub(super) fn format_status(status: Result<RestrictionStatus, RulesetError>) -> String {
    let status = match status {
        Ok(status) => status,
        Err(error) => return format!("Landlock can't be had here: {error}"),
    };
    let enforced = match status.ruleset {
        RulesetStatus::FullyEnforced => "fully enforced",
        RulesetStatus::PartiallyEnforced => "partly enforced",
        RulesetStatus::NotEnforced => "not enforced",
    };
    match status.landlock {
        LandlockStatus::NotEnabled => "Landlock is not enabled in this kernel".to_owned(),
        LandlockStatus::NotImplemented => {
            "Landlock can't be had here (the kernel, or a filter around us)".to_owned()
        }
        LandlockStatus::Available { effective_abi, .. } => {
            format!("Landlock ABI {effective_abi} {enforced}")
        }
    }
}
