//! What a process was started with: its words, its environment, the kernel's auxiliary vector.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::entry::bytes;

/// It was started with raised privileges.
pub const AT_SECURE: usize = 23;

/// Its words as they are now: a program may have written others there. Empty: it has gone, or has none.
pub fn arguments(pid: u32) -> Vec<Vec<u8>> {
    let all = bytes(pid, "cmdline").unwrap_or_default();
    let whole = all.strip_suffix(b"\0").unwrap_or(&all);
    whole.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

/// The same in one piece, for people.
pub fn command_line(pid: u32) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let words = arguments(pid).join(&0);
    String::from_utf8_lossy(&words).chars().map(shown).take(200).collect::<String>().trim_end().to_owned()
}

pub fn environment(pid: u32) -> io::Result<Vec<(OsString, OsString)>> {
    Ok(pairs(&bytes(pid, "environ")?))
}

pub fn pairs(bytes: &[u8]) -> Vec<(OsString, OsString)> {
    let pair = |entry: &[u8]| {
        let at = entry.iter().position(|&byte| byte == b'=')?;
        let (name, value) = (OsStr::from_bytes(entry.get(..at)?), entry.get(at + 1..)?);
        Some((name.to_owned(), OsString::from_vec(value.to_vec())))
    };
    bytes.split(|&byte| byte == 0).filter_map(pair).collect()
}

/// An entry of the auxiliary vector.
pub fn auxiliary(pid: u32, wanted: usize) -> Option<usize> {
    of_vector(&bytes(pid, "auxv").ok()?, wanted)
}

/// The vector is pairs of native words.
pub fn of_vector(vector: &[u8], wanted: usize) -> Option<usize> {
    const WORD: usize = size_of::<usize>();
    let words: Vec<usize> =
        vector.chunks_exact(WORD).filter_map(|b| b.try_into().ok().map(usize::from_ne_bytes)).collect();
    words.chunks_exact(2).find(|pair| pair[0] == wanted).map(|pair| pair[1])
}

#[cfg(test)]
mod tests {
    use super::{of_vector, pairs};

    #[test]
    fn reads_the_auxiliary_vector() {
        let words = [6_usize, 4096, 23, 1, 0, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        assert_eq!(of_vector(&bytes, 23), Some(1));
        assert_eq!(of_vector(&bytes, 9), None);
        assert_eq!(of_vector(&bytes[..5], 6), None);
    }

    #[test]
    fn reads_an_environment() {
        let environment = pairs(b"A=1\0no pair\0B=x=y\0C=\0");
        assert_eq!(environment, [("A", "1"), ("B", "x=y"), ("C", "")].map(|(name, value)| (name.into(), value.into())));
    }
}
