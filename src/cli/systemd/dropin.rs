//! The files that `install` writes and `remove` takes away: their names, their text, and writing them in one step. They
//! say themselves who wrote them; what another wrote is never touched.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::errors::{CANNOT_EXECUTE, Failure, plain};
use crate::units::unit::OURS;

/// Variables that must be set behind EnvironmentFile=, which outranks Environment=.
const VARIABLES: &str = "50-tcptune.env";

const SIGN: &str = "# Written by `tcptune systemd install`; `tcptune systemd remove` takes it back.";
const MADE: &str = "# The directory was made for it.";

/// What is to be written into a unit's directory of drop-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIn {
    pub directory: PathBuf,
    pub name: &'static str,
    /// Below the headings.
    pub body: String,
    /// The variables for a file of their own.
    pub variables: Option<String>,
}

/// `Environment=` for one variable. `value` is as it shall be in the unit file but for quoting: specifiers are not ours to
/// touch.
pub fn environment(name: &str, value: &str) -> String {
    format!("Environment={}\n", quoted(&format!("{name}={value}")))
}

/// Text in which systemd is not to see specifiers.
pub fn literal(text: &str) -> String {
    text.replace('%', "%%")
}

/// As systemd takes a word of a unit file.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A line of an environment file.
pub fn variable(name: &str, value: &str) -> String {
    let mut out = format!("{name}=\"");
    for c in value.chars() {
        if "\"\\`$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push_str("\"\n");
    out
}

impl DropIn {
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.name)
    }

    pub fn variables_path(&self) -> PathBuf {
        self.directory.join(VARIABLES)
    }

    /// The whole text. `made`: the directory was made for it.
    pub fn text(&self, made: bool) -> String {
        format!("{SIGN}\n{}{}", if made { format!("{MADE}\n") } else { String::new() }, self.body)
    }

    /// Write it. False: it is there already, as it is.
    pub fn write(&self) -> Result<bool, Failure> {
        let before = found(&self.directory)?;
        let made = match before.iter().find(|file| file.made) {
            Some(_) => true,
            None => !self.directory.exists(),
        };
        let mut wanted = vec![(self.path(), self.text(made))];
        wanted.extend(self.variables.as_ref().map(|text| (self.variables_path(), format!("{SIGN}\n{text}"))));
        let same = before.len() == wanted.len()
            && wanted.iter().all(|(path, text)| before.iter().any(|f| f.path == *path && f.text == *text));
        if same {
            return Ok(false);
        }
        fs::create_dir_all(&self.directory).map_err(|e| refused("make the directory", &self.directory, &e))?;
        // The file that the drop-in names comes first.
        for (path, text) in wanted.iter().rev() {
            put(path, text)?;
        }
        for old in before.iter().filter(|old| wanted.iter().all(|(path, _)| *path != old.path)) {
            take(&old.path)?;
        }
        Ok(true)
    }
}

/// A file of ours.
#[derive(Clone, Debug)]
pub struct Found {
    pub path: PathBuf,
    pub text: String,
    /// The directory was made for it.
    pub made: bool,
}

/// Our files in a directory of drop-ins. One of our names that is not ours is an error.
pub fn found(directory: &Path) -> Result<Vec<Found>, Failure> {
    let mut files = Vec::new();
    for name in OURS.iter().chain([&VARIABLES]) {
        let path = directory.join(name);
        match fs::read_to_string(&path) {
            Ok(text) if text.lines().next() == Some(SIGN) => {
                let made = text.lines().nth(1) == Some(MADE);
                files.push(Found { path, text, made });
            }
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => (),
            Err(error) if error.kind() != ErrorKind::InvalidData => return Err(refused("read", &path, &error)),
            Ok(_) | Err(_) => {
                return Err(Failure::own(format!(
                    "`{}` was not written by tcptune (its first line says so otherwise): move it away first",
                    path.display()
                )));
            }
        }
    }
    Ok(files)
}

/// Remove these files, and the directory if it was made for them and is empty.
pub fn remove(files: &[Found]) -> Result<(), Failure> {
    for file in files {
        take(&file.path)?;
    }
    for directory in files.iter().filter(|file| file.made).filter_map(|file| file.path.parent()) {
        // Not empty: somebody else uses it by now.
        let _ = fs::remove_dir(directory);
    }
    Ok(())
}

/// Write files as they were found before.
pub fn restore(files: &[Found]) -> Result<(), Failure> {
    for file in files {
        if let Some(directory) = file.path.parent() {
            fs::create_dir_all(directory).map_err(|e| refused("make the directory", directory, &e))?;
        }
        put(&file.path, &file.text)?;
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    // systemd reads no file of this name, and the one that it reads is whole at any time.
    let new = path.with_extension("tcptune-new");
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o644).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&new);
        refused("write", path, &error)
    })
}

fn take(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| refused("remove", path, &error))
}

fn refused(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let (code, advice) = match error.kind() {
        ErrorKind::PermissionDenied => (CANNOT_EXECUTE, ": try again as root, or with --user for a unit of your own"),
        ErrorKind::ReadOnlyFilesystem => (CANNOT_EXECUTE, ": --runtime writes below /run instead"),
        _ => (crate::errors::OWN, ""),
    };
    Failure::new(code, format!("cannot {what} `{}`: {}{advice}", path.display(), plain(error)))
}

#[cfg(test)]
mod tests {
    use super::{DropIn, OURS, environment, found, literal, remove, variable};
    use crate::units::unitfile::{environment_file, words};
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("tcptune-dropin-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).expect("a directory in /tmp");
        path
    }

    fn dropin(directory: PathBuf) -> DropIn {
        DropIn { directory, name: OURS[0], body: "[Service]\nEnvironment=\"A=1\"\n".to_owned(), variables: None }
    }

    #[test]
    fn quoting_comes_back_as_it_was() {
        for value in ["plain", "two words", "a\"b\\c'd", "tab\tnew\nline\u{1}", "\u{e9} %%i $HOME ; #"] {
            let line = environment("X", value);
            let back = words(line.trim_end().strip_prefix("Environment=").expect("an assignment"));
            assert_eq!(back, [format!("X={value}")]);
        }
        for value in ["plain", "two words ", "a\"b\\c'd", "$HOME `x` \\n", "port=143 cork=off; off"] {
            assert_eq!(environment_file(&variable("X", value)), [("X".to_owned(), value.to_owned())]);
        }
        assert_eq!(literal("50%"), "50%%");
    }

    #[test]
    fn writes_once_and_leaves_nothing() {
        let base = scratch("once");
        let first = dropin(base.join("x.service.d"));
        assert!(first.write().expect("written") && !first.write().expect("as it is"));
        let mut second = first.clone();
        second.name = OURS[1];
        second.variables = Some("B=\"2\"\n".to_owned());
        assert!(second.write().expect("written") && !first.path().exists());
        let files = found(&first.directory).expect("ours");
        assert_eq!(files.len(), 2);
        remove(&files).expect("removed");
        assert!(!first.directory.exists());
        std::fs::remove_dir(base).expect("empty");
    }

    #[test]
    fn what_was_there_before_stays() {
        let base = scratch("before");
        let one = dropin(base.clone());
        one.write().expect("written");
        remove(&found(&base).expect("ours")).expect("removed");
        assert!(base.exists(), "the directory was not made by us");
        std::fs::write(one.path(), "[Service]\n").expect("written");
        let failure = one.write().expect_err("not ours");
        assert!(failure.message.contains("was not written by tcptune"), "{failure:?}");
        assert!(found(&base).is_err());
        std::fs::remove_dir_all(base).expect("ours");
    }
}
