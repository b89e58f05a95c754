//! LD_PRELOAD: a list that we put our library into, find it in, and take it out of.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::confined;
use crate::settings::{Pair, put, value};

pub const VARIABLE: &str = "LD_PRELOAD";
pub const FILE_NAME: &str = "libtcptune.so";

/// `libtcptune.so`, or a versioned name of it.
pub fn is_ours(file: &Path) -> bool {
    let name = file.file_name().map_or(&b""[..], OsStrExt::as_bytes);
    name.strip_prefix(FILE_NAME.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
}

/// Our entry in a list.
pub fn named(list: &OsStr) -> Option<&Path> {
    split(list).find(|path| is_ours(path))
}

/// Put the library into an environment, with what it cannot find out by itself.
pub fn add(environment: &mut Vec<Pair>, library: &Path) {
    let list = with_ours(library, value(environment, VARIABLE));
    put(environment, VARIABLE, list);
    confined::tell_library(environment);
}

/// Takes the library out of an environment, and leaves what else is preloaded.
pub fn remove(environment: &mut Vec<Pair>) {
    let others = without_ours(value(environment, VARIABLE));
    environment.retain(|(name, _)| name != VARIABLE);
    environment.extend(others.map(|list| (VARIABLE.into(), list)));
}

/// The new LD_PRELOAD: ours first, then what was there, in its order, without other copies of ours or repetitions.
pub fn with_ours(library: &Path, existing: Option<&OsStr>) -> OsString {
    let others = others(library, existing);
    OsString::from_vec([vec![library.as_os_str().as_bytes()], others].concat().join(&b':'))
}

/// An LD_PRELOAD without copies of ours; none where nothing is left.
pub fn without_ours(existing: Option<&OsStr>) -> Option<OsString> {
    let others = others(Path::new(FILE_NAME), existing);
    (!others.is_empty()).then(|| OsString::from_vec(others.join(&b':')))
}

fn others<'a>(library: &Path, existing: Option<&'a OsStr>) -> Vec<&'a [u8]> {
    let mut entries: Vec<&[u8]> = Vec::new();
    for path in existing.into_iter().flat_map(split) {
        let entry = path.as_os_str().as_bytes();
        if !is_ours(path) && !same_file(path, library) && !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

/// The loader separates entries by colons and blanks, and knows no quoting.
fn split(list: &OsStr) -> impl Iterator<Item = &Path> {
    let separates = |byte: &u8| *byte == b':' || byte.is_ascii_whitespace();
    let entries = list.as_bytes().split(separates).filter(|entry| !entry.is_empty());
    entries.map(|entry| Path::new(OsStr::from_bytes(entry)))
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.metadata(), b.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{add, is_ours, named, remove, with_ours, without_ours};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn list(existing: &str) -> String {
        let made = with_ours(Path::new("/a/libtcptune.so"), Some(OsStr::new(existing)));
        made.into_string().expect("a test's own text")
    }

    #[test]
    fn ours_comes_first_and_once() {
        assert_eq!(list(""), "/a/libtcptune.so");
        assert_eq!(list("/x.so"), "/a/libtcptune.so:/x.so");
        assert_eq!(list("/x.so /y.so:/x.so"), "/a/libtcptune.so:/x.so:/y.so");
        assert_eq!(list("/y.so:/b/libtcptune.so:/a/libtcptune.so:/z.so"), "/a/libtcptune.so:/y.so:/z.so");
        assert_eq!(list(" ::\t"), "/a/libtcptune.so");
    }

    #[test]
    fn others_stay_when_ours_goes() {
        let left = |existing: &str| without_ours(Some(OsStr::new(existing)));
        assert_eq!(left("/a/libtcptune.so"), None);
        assert_eq!(left("/x.so /b/libtcptune.so.1:/y.so").as_deref(), Some(OsStr::new("/x.so:/y.so")));
        assert_eq!(without_ours(None), None);
    }

    #[test]
    fn keeps_bytes_that_are_not_text() {
        let made = with_ours(Path::new("/a/libtcptune.so"), Some(OsStr::from_bytes(b"/\xff.so")));
        assert_eq!(made.as_bytes(), b"/a/libtcptune.so:/\xff.so");
    }

    #[test]
    fn is_put_into_an_environment_once() {
        let mut environment = vec![("LD_PRELOAD".into(), "/x.so".into()), ("A".into(), "1".into())];
        add(&mut environment, Path::new("/a/libtcptune.so"));
        add(&mut environment, Path::new("/b/libtcptune.so"));
        let expected = [("A".into(), "1".into()), ("LD_PRELOAD".into(), "/b/libtcptune.so:/x.so".into())];
        assert_eq!(environment, expected);
        assert_eq!(named(OsStr::new("/x.so /a/libtcptune.so.1")), Some(Path::new("/a/libtcptune.so.1")));
        assert_eq!(named(OsStr::new("/x.so")), None);
        remove(&mut environment);
        assert_eq!(environment, [("A".into(), "1".into()), ("LD_PRELOAD".into(), "/x.so".into())]);
    }

    #[test]
    fn knows_its_name() {
        assert!(is_ours(Path::new("/usr/lib/libtcptune.so")));
        assert!(is_ours(Path::new("libtcptune.so.0.1")));
        assert!(!is_ours(Path::new("libtcptune.sox")));
        assert!(!is_ours(Path::new("/libtcptune.so/other")));
    }
}
