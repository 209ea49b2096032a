//! The signals that a program starts with: its own choice, whatever its parent has left it.
//!
//! A parent that blocks a signal, or ignores it, hands that on through execve(2). A daemon that
//! starts so would never end, or die of a full disk without a word.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::SigSet;
use signal_hook::consts::signal::SIGXFSZ;
use signal_hook::flag;

/// Empties the mask, and has a write beyond the limit on a file's size fail with EFBIG, like one on
/// a full disk, where SIGXFSZ would kill (setrlimit(2), `RLIMIT_FSIZE`).
///
/// That signal is caught and not ignored: a handler is gone in what this process executes.
///
/// Handlers have to be there before this: signals that were blocked come with it.
pub fn begin() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    SigSet::empty().thread_set_mask()?;
    Ok(())
}
