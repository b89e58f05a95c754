//! The files that `install` writes and `remove` takes away: their names, their text, and writing them in one step. They
//! say themselves who wrote them; what another wrote is never touched.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::errors::{CANNOT_EXECUTE, Failure, plain};
use crate::os::files::Tree;
use crate::units::unit::OURS;

/// Variables that must be set behind EnvironmentFile=, which outranks Environment=.
const VARIABLES: &str = "50-tcptune.env";

const SIGN: &str = "# Written by `tcptune systemd install`; `tcptune systemd remove` takes it back.";
/// Longer than any of ours.
const LONGEST: u64 = 1 << 20;
const MADE: &str = "# The directory was made for it.";

/// What is to be written into a unit's directory of drop-ins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIn {
    /// As systemd sees it.
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
    pub fn write(&self, tree: &Tree) -> Result<bool, Failure> {
        let before = found(tree, &self.directory)?;
        let made = match before.iter().find(|file| file.made) {
            Some(_) => true,
            None => !tree.exists(&self.directory),
        };
        let mut wanted = vec![(self.path(), self.text(made))];
        wanted.extend(self.variables.as_ref().map(|text| (self.variables_path(), format!("{SIGN}\n{text}"))));
        let same = before.len() == wanted.len()
            && wanted.iter().all(|(path, text)| before.iter().any(|f| f.path == *path && f.text == *text));
        if same {
            return Ok(false);
        }
        // The file that the drop-in names comes first.
        for (path, text) in wanted.iter().rev() {
            put(tree, path, text)?;
        }
        let old = before.into_iter().filter(|old| wanted.iter().all(|(path, _)| *path != old.path));
        take(tree, &old.collect::<Vec<_>>())?;
        Ok(true)
    }
}

/// A file of ours.
#[derive(Clone, Debug)]
pub struct Found {
    /// As systemd sees it.
    pub path: PathBuf,
    pub text: String,
    /// The directory was made for it.
    pub made: bool,
}

impl Found {
    /// Its directory and its name there.
    fn place(&self) -> (&Path, &OsStr) {
        place(&self.path)
    }
}

/// Our files in a directory of drop-ins. One of our names that is not ours is an error.
pub fn found(tree: &Tree, path: &Path) -> Result<Vec<Found>, Failure> {
    let is_none = |error: &io::Error| [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind());
    let directory = match tree.directory(path) {
        Ok(directory) => directory,
        Err(error) if is_none(&error) => return Ok(Vec::new()),
        Err(error) => return Err(refused("read", &tree.shown(path), &error)),
    };
    let mut files = Vec::new();
    for name in OURS.iter().chain([&VARIABLES]) {
        let path = path.join(name);
        let text = match directory.read(name, LONGEST) {
            Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) if is_none(&error) => continue,
            Err(error) => return Err(refused("read", &tree.shown(&path), &error)),
        };
        if text.lines().next() != Some(SIGN) {
            return Err(Failure::own(format!(
                "`{}` was not written by tcptune (its first line says so otherwise): move it away first",
                tree.shown(&path).display()
            )));
        }
        let made = text.lines().nth(1) == Some(MADE);
        files.push(Found { path, text, made });
    }
    Ok(files)
}

/// Remove these files, and the directory if it was made for them and is empty.
pub fn remove(tree: &Tree, files: &[Found]) -> Result<(), Failure> {
    take(tree, files)?;
    for directory in files.iter().filter(|file| file.made).map(|file| file.place().0) {
        let (above, name) = place(directory);
        // Not empty: somebody else uses it by now.
        let _ = tree.directory(above).and_then(|above| above.remove_directory(name));
    }
    Ok(())
}

/// Write files as they were found before.
pub fn restore(tree: &Tree, files: &[Found]) -> Result<(), Failure> {
    files.iter().try_for_each(|file| put(tree, &file.path, &file.text))
}

/// Makes the directory where there is none. systemd reads whole files at any time.
fn put(tree: &Tree, path: &Path, text: &str) -> Result<(), Failure> {
    let (directory, name) = place(path);
    let made = tree.make_directory(directory).map_err(|e| refused("make the directory", &tree.shown(directory), &e))?;
    made.replace(name, text.as_bytes(), Some(0o644)).map_err(|error| refused("write", &tree.shown(path), &error))
}

fn take(tree: &Tree, files: &[Found]) -> Result<(), Failure> {
    for file in files {
        let (directory, name) = file.place();
        let removed = tree.directory(directory).and_then(|directory| directory.remove(name));
        removed.map_err(|error| refused("remove", &tree.shown(&file.path), &error))?;
    }
    Ok(())
}

/// A path's directory and name; every path here has both.
fn place(path: &Path) -> (&Path, &OsStr) {
    (path.parent().unwrap_or(path), path.file_name().unwrap_or_default())
}

fn refused(what: &str, path: &Path, error: &io::Error) -> Failure {
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
    use crate::os::files::Tree;
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
        assert!(first.write(&Tree::HOST).expect("written") && !first.write(&Tree::HOST).expect("as it is"));
        let mut second = first.clone();
        second.name = OURS[1];
        second.variables = Some("B=\"2\"\n".to_owned());
        assert!(second.write(&Tree::HOST).expect("written") && !first.path().exists());
        let files = found(&Tree::HOST, &first.directory).expect("ours");
        assert_eq!(files.len(), 2);
        remove(&Tree::HOST, &files).expect("removed");
        assert!(!first.directory.exists());
        std::fs::remove_dir(base).expect("empty");
    }

    #[test]
    fn what_was_there_before_stays() {
        let base = scratch("before");
        let one = dropin(base.clone());
        one.write(&Tree::HOST).expect("written");
        remove(&Tree::HOST, &found(&Tree::HOST, &base).expect("ours")).expect("removed");
        assert!(base.exists(), "the directory was not made by us");
        std::fs::write(one.path(), "[Service]\n").expect("written");
        let failure = one.write(&Tree::HOST).expect_err("not ours");
        assert!(failure.message.contains("was not written by tcptune"), "{failure:?}");
        assert!(found(&Tree::HOST, &base).is_err());
        std::fs::remove_dir_all(base).expect("ours");
    }
}
