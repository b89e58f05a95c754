//! Which C library a program's interpreter brings, and its version, read from the files without running them.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

/// A C library as far as preloading cares: both families here honour `LD_PRELOAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    Glibc,
    Musl,
    Other,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CLibrary {
    pub family: Family,
    pub version: Option<String>,
    /// The file the version was read from.
    pub file: Option<PathBuf>,
    /// Does the interpreter exist on this system?
    pub interpreter_exists: bool,
}

/// More than any C library; a file beyond it is not one, and is not read.
const LARGEST: u64 = 64 << 20;

/// The C library by its interpreter's name and place; its version is not read yet.
pub fn of_interpreter(interpreter: &Path) -> CLibrary {
    let name = interpreter.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let interpreter_exists = interpreter.exists();
    let found = |family, file| CLibrary { family, version: None, file, interpreter_exists };
    if name.starts_with("ld-musl") {
        // musl's loader and C library are one file.
        return found(Family::Musl, Some(interpreter.to_owned()).filter(|_| interpreter_exists));
    }
    let glibc_name =
        ["ld-linux", "ld64.so", "ld.so"].iter().any(|prefix| name.starts_with(prefix)) || name.starts_with("ld-2.");
    if !glibc_name {
        return found(Family::Other, None);
    }
    let places = super::search::library_directories(Some(interpreter)).into_iter();
    let library = places.map(|d| d.join("libc.so.6")).find(|file| interpreter_exists && file.is_file());
    found(Family::Glibc, library)
}

impl CLibrary {
    /// A running process has its C library mapped: that file counts, wherever the interpreter is now.
    pub fn mapped(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), interpreter_exists: true, ..self }
    }

    /// The same with its version, read from its file.
    pub fn with_version(self) -> Self {
        let bytes = self.file.as_deref().and_then(contents).unwrap_or_default();
        let version = match self.family {
            Family::Glibc => glibc_version(&bytes),
            Family::Musl => musl_version(&bytes),
            Family::Other => None,
        };
        Self { version, ..self }
    }
}

fn contents(file: &Path) -> Option<Vec<u8>> {
    file.metadata().ok().filter(|m| m.is_file() && m.len() <= LARGEST)?;
    std::fs::read(file).ok()
}

/// From the banner "GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36."
fn glibc_version(bytes: &[u8]) -> Option<String> {
    let banner = after(bytes, b"GNU C Library ")?;
    let line = banner.split(|&b| b == b'\n' || b == 0).next()?;
    let number = after(line, b"release version ")?;
    let text: String = number.iter().map(|&b| char::from(b)).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    Some(text.trim_end_matches('.').to_owned()).filter(|t| !t.is_empty())
}

/// musl keeps its version as a string of its own, "1.2.3" or "1.2.3-git-7-g…", a NUL on either side.
fn musl_version(bytes: &[u8]) -> Option<String> {
    bytes.split(|&b| b == 0).find_map(|word| {
        let text = std::str::from_utf8(word).ok().filter(|t| (5..40).contains(&t.len()))?;
        let number = text.split('-').next()?;
        let parts: Vec<&str> = number.split('.').collect();
        let numeric = |part: &&str| !part.is_empty() && part.len() < 4 && part.bytes().all(|b| b.is_ascii_digit());
        let released = parts.len() == 3 && parts.iter().all(numeric);
        (released && (text == number || text.contains("-git-"))).then(|| text.to_owned())
    })
}

fn after<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<&'b [u8]> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    bytes.get(at + mark.len()..)
}

#[cfg(test)]
mod tests {
    use super::{glibc_version, musl_version};

    #[test]
    fn reads_the_banner_of_glibc() {
        let banner = b"\0x\0GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\nCopyright";
        assert_eq!(glibc_version(banner).as_deref(), Some("2.36"));
        assert_eq!(glibc_version(b"GNU C Library without a number\0release version 9"), None);
    }

    #[test]
    fn reads_the_version_of_musl() {
        assert_eq!(musl_version(b"\x7fELF\x003.14\x00musl libc\x001.2.3\x00").as_deref(), Some("1.2.3"));
        assert_eq!(musl_version(b"\x001.2.5-git-7-gabc\0").as_deref(), Some("1.2.5-git-7-gabc"));
        assert_eq!(musl_version(b"\x00127.0.0.1\x00255.255.255.0\0"), None);
    }
}
