//! Command lines and environment, to validated configuration, once. The only home of clap.

mod client;
mod daemon;
mod load;
mod load_units;
mod send_proxy;
mod target;
mod units;

pub use client::parse as parse_client;
pub use daemon::{Command, parse as parse_daemon};
pub use load::{Command as LoadCommand, parse as parse_load};

/// The course's port (UNIX Network Programming, section 5.2).
const PORT: u16 = 9877;
