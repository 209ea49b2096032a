//! Landlock: no access to files, TCP ports and processes outside the sandbox.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::Named;

/// The version of Landlock with all file rights that the daemon gives up. The next version adds
/// connecting to Unix sockets, which the filter of system calls forbids on every kernel.
const FILES: ABI = ABI::V8;

/// The first version with rights to TCP ports.
const PORTS: ABI = ABI::V4;

/// The first version with scopes: signals and abstract Unix sockets only reach processes inside.
const SCOPES: ABI = ABI::V6;

/// Restricts the calling thread and the threads that it starts.
pub(super) fn restrict(named: &Named<'_>) -> Result<RestrictionStatus, RulesetError> {
    Ruleset::default()
        .handle_access(AccessFs::from_all(FILES))?
        .handle_access(AccessNet::from_all(PORTS))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        .add_rules(path_beneath_rules(&named.removed, AccessFs::RemoveFile))?
        .add_rules(path_beneath_rules(&named.read, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(&named.appended, AccessFs::WriteFile | AccessFs::MakeReg))?
        .restrict_self()
}

/// Describes the restrictions in force.
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
