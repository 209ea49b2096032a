//! The harness: a daemon to torment, peers to do it with, and what can be seen from outside.

mod builder;
mod daemon;
mod observe;
mod peer;
mod selector;
mod sweep;
mod tools;
mod wait;

pub(crate) use builder::{BINARY, Builder, Ended};
pub(crate) use daemon::Daemon;
pub(crate) use observe::{Status, TcpState, blocks, descriptors, has_ended, ignores, run_state};
pub(crate) use peer::{Peer, pattern};
pub(crate) use selector::{BEGIN, WAIT};
pub(crate) use sweep::only_one_ends;
pub(crate) use tools::{have, lacks, own_loopback};
pub(crate) use wait::{LIMIT, eventually};
