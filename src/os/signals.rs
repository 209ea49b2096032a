//! Resets the signal state that a program inherits from its parent.
//!
//! A signal that the parent blocks or ignores stays so through execve(2). A daemon started like
//! that would never end, or would die of a full disk without a message.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::SigSet;
use signal_hook::consts::signal::SIGXFSZ;
use signal_hook::flag;

/// Empties the signal mask, and makes a write beyond the limit on a file's size fail with EFBIG,
/// like a write to a full disk, where SIGXFSZ would kill the process (setrlimit(2),
/// `RLIMIT_FSIZE`).
///
/// The signal is caught, not ignored: execve(2) resets a handler, but would pass an ignored signal
/// on to children.
///
/// Install handlers before this call: blocked signals are delivered during it.
pub fn begin() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    SigSet::empty().thread_set_mask()?;
    Ok(())
}
