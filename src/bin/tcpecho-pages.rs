//! `tcpecho-pages DIRECTORY`: writes the manual pages and completions into DIRECTORY. Used by
//! `make`; not installed.

use std::env;
use std::path::PathBuf;

use anyhow::Context;
use tcpecho::cli;

fn main() -> anyhow::Result<()> {
    let directory = env::args_os().nth(1).context("usage: tcpecho-pages DIRECTORY")?;
    let directory = PathBuf::from(directory);
    cli::write_pages(&directory).with_context(|| format!("writing to {}", directory.display()))
}
