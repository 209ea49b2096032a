//! A log file: lines are appended, and its name can be opened again after another program has
//! renamed the file.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, Uid, fchown, openat};

use super::errno;
use super::stderr::Outlet;

/// The permissions of a new file, less the umask: logs have addresses of peers.
const PERMISSIONS: Mode = Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP);

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: OwnedFd,
    /// True if the file did not exist before.
    is_new: bool,
    outlet: Outlet,
}

impl LogFile {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    ///
    /// Those of the file system, without the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (file, is_new) = match open(path, OFlags::CREATE | OFlags::EXCL) {
            Err(error) if errno::is_existing(&error) => (open(path, OFlags::CREATE)?, false),
            opened => (opened?, true),
        };
        Ok(Self { path: path.to_owned(), file, is_new, outlet: Outlet::plain() })
    }

    /// Opens the file of that name, which may be another one by now; the old one stays in use if
    /// that fails.
    ///
    /// # Errors
    ///
    /// As for [`Self::open`].
    pub fn reopen(&mut self) -> io::Result<()> {
        *self = Self::open(&self.path)?;
        Ok(())
    }

    /// Writes one whole line, as [`try_write`](super::stderr::try_write) does.
    pub fn try_write(&mut self, line: &[u8]) -> bool {
        self.outlet.try_write(self.file.as_fd(), line)
    }

    /// Gives a new file to that user, which will open it again. A file that was there before is its
    /// administrator's.
    ///
    /// # Errors
    ///
    /// Those of fchown(2).
    pub fn give_to(&self, user: u32) -> io::Result<()> {
        if self.is_new {
            fchown(&self.file, Some(Uid::from_raw(user)), None)?;
        }
        Ok(())
    }
}

/// Opens with openat(2), whichever call the C library prefers: the sandbox may allow it. A FIFO or
/// a terminal does not block either.
fn open(path: &Path, more: OFlags) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(openat(CWD, path, flags | OFlags::CLOEXEC | more, PERMISSIONS)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_go_to_the_old_file_before_reopening_and_to_the_new_one_after() {
        let directory = tempfile::tempdir().unwrap();
        let [path, renamed] = ["log", "log.1"].map(|name| directory.path().join(name));
        fs::write(&path, "before\n").unwrap();
        let mut log = LogFile::open(&path).unwrap();
        assert!(!log.is_new && log.try_write(b"one\n"));
        fs::rename(&path, &renamed).unwrap();
        assert!(log.try_write(b"two\n"));
        log.reopen().unwrap();
        assert!(log.is_new && log.try_write(b"three\n"));
        assert_eq!(fs::read_to_string(renamed).unwrap(), "before\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o137, 0, "0640 at most");
    }

    #[test]
    fn the_old_file_stays_in_use_if_reopening_fails() {
        let directory = tempfile::tempdir().unwrap();
        let [path, renamed] = ["log", "log.1"].map(|name| directory.path().join(name));
        let mut log = LogFile::open(&path).unwrap();
        fs::rename(&path, &renamed).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(log.reopen().is_err() && log.try_write(b"still here\n"));
        assert_eq!(fs::read_to_string(renamed).unwrap(), "still here\n");
    }

    #[test]
    fn a_full_disk_drops_lines() {
        let mut log = LogFile::open(Path::new("/dev/full")).unwrap();
        assert!(!log.try_write(b"a line\n"));
    }
}
