//! What was changed, remembered for `--revert`: one small file for each process, in a directory that only we can write.
//!
//! A socket is known by the kernel's number for it (SO_COOKIE), which no other socket gets. A connection accepted since from
//! a listener that was changed has inherited the change; it counts as changed too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::errors::{Context, Failure, plain};
use crate::os::files::Directory;
use crate::os::proc::Stat;
use crate::os::process::Process;

/// TCP_NODELAY as it was found and as it was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodelay {
    pub before: bool,
    pub after: bool,
}

/// Another option, as the kernel told its value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub level: i32,
    pub name: i32,
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

/// A socket; one that was left as it was has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub inode: u64,
    /// The port, if it listens.
    pub listens: Option<u16>,
    pub nodelay: Option<Nodelay>,
    pub options: Vec<Saved>,
}

impl Entry {
    pub fn is_changed(&self) -> bool {
        self.nodelay.is_some() || !self.options.is_empty()
    }
}

/// The sockets of a process, by the kernel's number.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Record {
    pub sockets: BTreeMap<u64, Entry>,
}

impl Record {
    /// What a connection that was not here before has from its listener, if that was changed.
    pub fn inherited(&self, port: Option<u16>, nodelay: bool) -> Option<Entry> {
        let from = |entry: &&Entry| {
            let same = entry.nodelay.is_none_or(|change| change.after == nodelay);
            entry.is_changed() && entry.listens == port && same
        };
        let listener = port.and_then(|_| self.sockets.values().find(from))?;
        Some(Entry { listens: None, ..listener.clone() })
    }

    /// Forget sockets that are gone; not listeners, of which connections may be left.
    pub fn keep(&mut self, inodes: &BTreeSet<u64>) {
        self.sockets.retain(|_, entry| entry.listens.is_some() || inodes.contains(&entry.inode));
    }
}

/// The directory of the records.
pub struct Store {
    path: PathBuf,
    directory: Directory,
}

/// Longer than what is remembered of a million sockets.
const LONGEST: u64 = 1 << 30;

impl Store {
    /// The one that was asked for or the usual one; none where there is no usual one. Not where counters are: those directories
    /// are for others too.
    pub fn find(asked: Option<&Path>) -> Result<Option<Self>, Failure> {
        let ours = rustix::process::geteuid().as_raw();
        let usual = || match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
            _ if ours == 0 => Some(PathBuf::from("/run/tcptune-attach")),
            Some(directory) if directory.is_absolute() => Some(directory.join("tcptune-attach")),
            _ => None,
        };
        let Some(path) = asked.map(Path::to_owned).or_else(usual) else { return Ok(None) };
        let shown = path.display();
        let directory = Directory::open_or_make(&path, 0o700).doing(|| format!("make the directory `{shown}`"));
        let directory = directory.map_err(|failure| match asked {
            Some(asked) => failure.with_option("--state", asked),
            None => failure.advise("give another with --state DIR"),
        })?;
        let about = directory.about().doing(|| format!("look at `{shown}`"))?;
        // What others could write would tell us what to do to sockets of ours.
        if about.st_uid != ours || about.st_mode & 0o022 != 0 {
            let allowed = "allowed is a directory of your own that nobody else can write to";
            return Err(match asked {
                Some(asked) => Failure::of_option("--state", asked, allowed),
                None => Failure::own(format!("`{shown}`: {allowed}: change it, or give another with --state DIR")),
            });
        }
        let store = Self { path, directory };
        store.sweep();
        Ok(Some(store))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of this process; nothing if it was never touched.
    pub fn load(&self, process: &Process) -> Result<Option<Record>, Failure> {
        let name = name(process);
        let shown = || self.path.join(&name).display().to_string();
        match self.directory.read(&name, LONGEST) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| {
                Failure::own(format!("`{}` is damaged ({e}): remove it, and with it what was remembered", shown()))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(|| format!("read `{}`", shown())),
        }
    }

    /// All of it or nothing reaches the file.
    pub fn save(&self, process: &Process, record: &Record) -> Result<(), Failure> {
        let name = name(process);
        let text = serde_json::to_vec(record).map_err(std::io::Error::from);
        text.and_then(|text| self.directory.replace(&name, &text, Some(0o600))).map_err(|error| {
            Failure::own(format!(
                "cannot write `{}`, --revert will not know all that was changed: {}",
                self.path.join(&name).display(),
                plain(&error)
            ))
        })
    }

    pub fn forget(&self, process: &Process) {
        let _ = self.directory.remove(name(process));
    }

    /// Remove the records of processes that have ended.
    fn sweep(&self) {
        for name in self.directory.names().unwrap_or_default() {
            let numbers = name.to_str().and_then(|n| n.strip_suffix(".json")?.split_once('-'));
            let Some((Ok(pid), Ok(start))) = numbers.map(|(p, s)| (p.parse::<u32>(), s.parse::<u64>())) else {
                continue;
            };
            if Stat::of(pid).is_none_or(|stat| stat.start != start) {
                let _ = self.directory.remove(name);
            }
        }
    }
}

fn name(process: &Process) -> String {
    format!("{}-{}.json", process.pid, process.start)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Nodelay, Record};

    #[test]
    fn connections_inherit_from_listeners_that_were_changed() {
        let change = Nodelay { before: false, after: true };
        let listener = Entry { inode: 1, listens: Some(80), nodelay: Some(change), options: Vec::new() };
        let untouched = Entry { inode: 2, listens: Some(81), nodelay: None, options: Vec::new() };
        let mut record = Record { sockets: [(1, listener), (2, untouched)].into() };
        assert_eq!(record.inherited(Some(80), true).map(|e| (e.listens, e.nodelay)), Some((None, Some(change))));
        assert_eq!(record.inherited(Some(80), false), None);
        assert_eq!(record.inherited(Some(81), true), None);
        assert_eq!(record.inherited(None, true), None);
        record.keep(&[].into());
        assert_eq!(record.sockets.len(), 2);
    }
}
