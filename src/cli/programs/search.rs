//! Looking for files as others do: programs as execvp(3), the C library's directories as the loader.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND, plain};

/// What execvp(3) would execute: a name with a slash is a path, another is looked for in PATH.
pub fn program(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Failure> {
    if name.is_empty() {
        return Err(Failure::new(NOT_FOUND, "the program's name is empty"));
    }
    if name.as_bytes().contains(&b'/') {
        let direct = PathBuf::from(name);
        executable(&direct)?;
        return Ok(direct);
    }
    // The C library's own default when PATH is not set.
    let path = path.map_or_else(|| OsString::from("/bin:/usr/bin"), OsStr::to_owned);
    let mut refused = None;
    for directory in std::env::split_paths(&path) {
        let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        let candidate = directory.join(name);
        match executable(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(failure) if failure.code == CANNOT_EXECUTE => refused = refused.or(Some(failure)),
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| {
        let here = Path::new(name);
        let advice = match runner(here).filter(|_| here.is_file()) {
            Some(program) => format!("; the script here is run by another program: try `{program}`"),
            None => String::new(),
        };
        Failure::new(NOT_FOUND, format!("`{}`: not found in PATH{advice}", here.display()))
    }))
}

/// What usually runs a script of this name.
fn runner(script: &Path) -> Option<&'static str> {
    let runners = [("py", "python3"), ("pl", "perl"), ("rb", "ruby"), ("js", "node"), ("php", "php"), ("sh", "sh")];
    let ending = script.extension()?;
    runners.into_iter().find(|(one, _)| ending == *one).map(|(_, program)| program)
}

/// Is it there, a plain file and executable by somebody?
fn executable(path: &Path) -> Result<(), Failure> {
    let failure = |code, why: &str| Failure::new(code, format!("`{}`: {why}", path.display()));
    let meta = path.metadata().map_err(|e| {
        let missing = matches!(e.kind(), std::io::ErrorKind::NotFound);
        failure(if missing { NOT_FOUND } else { CANNOT_EXECUTE }, &plain(&e))
    })?;
    if meta.is_dir() {
        return Err(failure(CANNOT_EXECUTE, "is a directory, not a program"));
    }
    if !meta.is_file() {
        return Err(failure(CANNOT_EXECUTE, "is not a regular file"));
    }
    if meta.permissions().mode() & 0o111 == 0 {
        let advice = match runner(path) {
            Some(program) => format!("is a script that another program runs: try `{program}`"),
            None => "is not executable (try chmod +x)".to_owned(),
        };
        return Err(failure(CANNOT_EXECUTE, &advice));
    }
    Ok(())
}

/// Debian's multiarch name of the machine this command was built for.
pub fn triplet() -> String {
    let machine = std::env::consts::ARCH;
    match machine {
        "x86" => "i386-linux-gnu".to_owned(),
        "arm" => "arm-linux-gnueabihf".to_owned(),
        "powerpc64" => "powerpc64le-linux-gnu".to_owned(),
        _ => format!("{machine}-linux-gnu"),
    }
}

/// Directories a loader looks in, best first. `interpreter` is the loader that the program names.
pub fn library_directories(interpreter: Option<&Path>) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    // The loader's own directory holds the C library that goes with it (after links are followed: /lib64 on Debian
    // only links to the multiarch place).
    if let Some(real) = interpreter.and_then(|i| i.canonicalize().ok()) {
        directories.extend(real.parent().map(Path::to_owned));
    }
    let triplet = triplet();
    for base in ["/lib", "/usr/lib", "/usr/local/lib"] {
        directories.push(Path::new(base).join(&triplet));
    }
    directories.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"].map(PathBuf::from));
    directories
}
