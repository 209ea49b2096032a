//! Small files of text that a running daemon reads again. They are read in one go by the loop, so
//! they are regular files, which have no writer to wait for, and of limited size.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::num;

/// The largest such file, in bytes: a list of 60,000 addresses.
const BYTES_MAX: u64 = 1 << 20;

/// Reads a file. Its call is openat(2), whichever the C library prefers: the sandbox may allow it.
///
/// # Errors
///
/// Those of the file system, without the path; a file that is not regular, too large, or not UTF-8.
pub fn read(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(invalid("it is no regular file".to_owned()));
    }
    let mut text = String::new();
    // One byte more shows that there are more.
    file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if num::to_u64(text.len()) > BYTES_MAX {
        return Err(invalid(format!("it is larger than {} KiB", BYTES_MAX >> 10)));
    }
    Ok(text)
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_small_regular_file_of_text_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "a line\n").unwrap();
        assert_eq!(read(&path).unwrap(), "a line\n");
        for (content, said) in
            [(vec![b'#'; (1 << 20) + 1], "larger than 1024 KiB"), (vec![0xff], "UTF-8")]
        {
            fs::write(&path, content).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains(said), "{said}");
        }
        for odd in [directory.path(), Path::new("/dev/zero")] {
            let error = read(odd).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
    }
}
