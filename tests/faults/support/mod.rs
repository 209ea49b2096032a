//! The harness: the daemon under test, its peers, and observations through its log and /proc.

mod browser;
mod builder;
mod daemon;
mod nth_call;
mod observe;
mod peer;
mod selector;
mod tools;
mod wait;

pub(crate) use browser::Browser;
pub(crate) use builder::{BINARY, Builder, Ended};
pub(crate) use daemon::Daemon;
pub(crate) use nth_call::only_one_ends;
pub(crate) use observe::{
    Status, TcpState, blocks, descriptors, has_ended, ignores, run_state, signals,
    time_wait_overflows,
};
pub(crate) use peer::{Peer, pattern};
pub(crate) use selector::{BEGIN, WAIT};
pub(crate) use tools::{have, lacks, own_loopback};
pub(crate) use wait::{LIMIT, eventually};
