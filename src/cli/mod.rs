//! Command lines and environment, to validated configuration, once. The only home of clap.

mod client;
mod daemon;
mod load;
mod load_units;
#[cfg(feature = "pages")]
mod pages;
mod send_proxy;
mod target;
mod units;

pub use client::{parse as parse_client, read as read_client};
pub use daemon::{Command, parse as parse_daemon, read as read_daemon};
pub use load::{Command as LoadCommand, parse as parse_load, read as read_load};
#[cfg(feature = "pages")]
pub use pages::write as write_pages;

use clap::CommandFactory;

/// The course's port (UNIX Network Programming, section 5.2).
const PORT: u16 = 9877;

/// The command lines that the programs read: the daemon's, the client's, the load generator's. For
/// the manual pages, and to hold the documents to them.
pub fn commands() -> [clap::Command; 3] {
    [daemon::Arguments::command(), client::Arguments::command(), load::Arguments::command()]
}
