//! Command lines and environment, to validated configuration, once. The only home of clap.

mod daemon;
mod units;

pub use daemon::{Command, parse as parse_daemon};
