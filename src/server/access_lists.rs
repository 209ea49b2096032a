//! The networks that may connect, and those that may not: from options, and from files.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::net::access::{self, Access, IpNet, Networks};
use crate::os::small_file;

/// The sources of an [`Access`].
#[derive(Clone, Debug, Default)]
pub struct AccessLists {
    /// Networks that may connect.
    pub allow: Vec<IpNet>,
    /// Files that list more of them.
    pub allow_files: Vec<PathBuf>,
    /// Networks that may not connect.
    pub deny: Vec<IpNet>,
    /// Files that list more of them.
    pub deny_files: Vec<PathBuf>,
}

impl AccessLists {
    /// Returns the files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.allow_files.iter().chain(&self.deny_files).map(PathBuf::as_path)
    }

    /// Reads the files. With a list of allowed networks, even an empty one, no others may connect:
    /// a file that was emptied by mistake admits no peer.
    pub(super) fn read(&self) -> anyhow::Result<Access> {
        let allow = all(&self.allow, &self.allow_files)?;
        let limited = !(allow.is_empty() && self.allow_files.is_empty());
        let deny = all(&self.deny, &self.deny_files)?;
        Ok(Access { allow: limited.then(|| Networks::of(&allow)), deny: Networks::of(&deny) })
    }
}

fn all(given: &[IpNet], files: &[PathBuf]) -> anyhow::Result<Vec<IpNet>> {
    let mut all = given.to_vec();
    for file in files {
        let text = small_file::read(file);
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        for (number, line) in (1..).zip(text.lines()) {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if !entry.is_empty() {
                let network = access::network(entry);
                all.push(network.map_err(|expected| wrong(file, number, entry, &expected))?);
            }
        }
    }
    Ok(all)
}

fn wrong(file: &Path, number: usize, entry: &str, expected: &str) -> anyhow::Error {
    anyhow!("{}, line {number}: {entry:?}: {expected}", file.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(text: &str) -> anyhow::Result<Access> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list");
        fs::write(&file, text).unwrap();
        AccessLists { allow_files: vec![file], ..AccessLists::default() }.read()
    }

    #[test]
    fn a_list_has_a_network_or_address_a_line_and_comments() {
        let text = "# offices\n\n10.0.0.0/8   # Berlin\r\n\t2001:db8::1\n192.0.2.7";
        let access = read(text).unwrap();
        assert_eq!(access.to_string(), "allow 10.0.0.0/8 192.0.2.7/32 2001:db8::1/128");
        assert_eq!(access.allow.unwrap().entries(), 3);
        assert_eq!(read("# none\n").unwrap().to_string(), "allow none");
    }

    #[test]
    fn a_bad_line_is_named_with_its_file_and_number() {
        let error = read("10.0.0.0/8\n\nlocalhost # here\n").unwrap_err().to_string();
        assert!(error.contains("/list, line 3: \"localhost\": expected a network"), "{error}");
        let missing = AccessLists { deny_files: vec!["/no/list".into()], ..Default::default() };
        let error = format!("{:#}", missing.read().unwrap_err());
        assert!(error.starts_with("cannot read /no/list: No such file"), "{error}");
    }
}
