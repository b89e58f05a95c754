//! Finds the library that `run` preloads, and proves before anything is started that the loader can take it.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::preload::FILE_NAME;
use super::python;
use super::search;
use crate::errors::{Context, Failure, plain};
use crate::os::elf::{self, Elf, Linking};
use crate::os::files::Tree;
use crate::os::proc;

/// A library that was looked at and can be preloaded.
#[derive(Debug)]
pub struct Library {
    pub file: PathBuf,
    pub elf: Elf,
}

/// The file that was asked for, else the first that exists: beside the command, in a Python package that it came with, then the
/// installed places.
pub fn find(asked: Option<&Path>) -> Result<Library, Failure> {
    if let Some(file) = asked {
        let refused = |error| Failure::of_option("--library", file, format!("cannot be used: {}", plain(&error)));
        let whole = std::path::absolute(file).map_err(refused)?;
        return checked(&whole, Some(file));
    }
    let places = places();
    match places.iter().find(|file| file.exists()) {
        Some(file) => checked(file, None),
        None => {
            let tried: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
            Err(Failure::own(format!(
                "{FILE_NAME} was not found (tried {}): name it with --library FILE",
                tried.join(", ")
            )))
        }
    }
}

/// The library in an image, by its path in there: the one that was asked for, else the first that is installed.
pub fn find_in(tree: &Tree, asked: Option<&Path>) -> Result<Library, Failure> {
    let places = match asked {
        Some(file) if file.is_absolute() => vec![file.to_owned()],
        Some(file) => {
            let why = "allowed is an absolute path, as it is called inside the image";
            return Err(Failure::of_option("--library", file, why));
        }
        None => installed().collect(),
    };
    let there = |file: &&PathBuf| tree.pin(file).is_ok_and(|pinned| pinned.path().is_file());
    let Some(file) = places.iter().find(there) else {
        let tried: Vec<String> = places.iter().map(|p| p.display().to_string()).collect();
        let image = tree.shown("/".as_ref());
        let (image, tried) = (image.display(), tried.join(", "));
        return Err(match asked {
            Some(file) => {
                Failure::of_option("--library", file, format!("is not in the image {image}: copy it there first"))
            }
            None => {
                Failure::own(format!("{FILE_NAME} is not in the image {image} (tried {tried}): copy it there first"))
            }
        });
    };
    let pinned = tree.pin(file).doing(|| format!("use the library `{}`", file.display()))?;
    let elf = judged(file, pinned.path(), asked)?;
    Ok(Library { file: file.clone(), elf })
}

/// Where it is installed.
fn installed() -> impl Iterator<Item = PathBuf> {
    let triplet = search::triplet();
    let bases = ["/usr/lib", "/usr/local/lib"].into_iter();
    bases.flat_map(move |base| [Path::new(base).join(&triplet).join(FILE_NAME), Path::new(base).join(FILE_NAME)])
}

/// Where the library may be, best first.
fn places() -> Vec<PathBuf> {
    let triplet = search::triplet();
    let mut directories: Vec<PathBuf> = Vec::new();
    if let Some(own) = proc::executable(proc::SELF).ok().as_deref().and_then(Path::parent) {
        directories.push(own.to_owned());
        if let Some(prefix) = own.parent() {
            directories.push(prefix.join("lib").join(&triplet));
            directories.push(prefix.join("lib"));
            directories.extend(python::packages(prefix));
        }
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for file in directories.into_iter().map(|d| d.join(FILE_NAME)).chain(installed()) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Everything the loader would only grumble about on stderr, after which the program would run untuned.
fn checked(file: &Path, asked: Option<&Path>) -> Result<Library, Failure> {
    let elf = judged(file, file, asked)?;
    let host = elf::this_platform();
    if elf.platform != host {
        let why = format!("is for {}, this command and its programs are {host}", elf.platform);
        return Err(refusal(file, asked, &why));
    }
    Ok(Library { file: file.to_owned(), elf })
}

/// Why this library will not do: of the option, if it was asked for.
fn refusal(file: &Path, asked: Option<&Path>, why: &str) -> Failure {
    match asked {
        Some(asked) => Failure::of_option("--library", asked, why),
        None => Failure::own(format!("the library `{}` {why}", file.display())),
    }
}

/// The same but for its platform. `file` is its path for the loader, `here` for us.
fn judged(file: &Path, here: &Path, asked: Option<&Path>) -> Result<Elf, Failure> {
    let refuse = |why: &str| refusal(file, asked, why);
    // LD_PRELOAD is a list separated by colons and blanks without any quoting, and the loader expands $ORIGIN and $LIB.
    let bytes = file.as_os_str().as_bytes();
    if let Some(&bad) = bytes.iter().find(|b| matches!(b, b':' | b'$') || b.is_ascii_whitespace() || **b == 0x0b) {
        let what = if bad == b':' || bad == b'$' { format!("`{}`", char::from(bad)) } else { "white space".to_owned() };
        return Err(refuse(&format!(
            "has {what} in its path, which LD_PRELOAD cannot carry: link or copy it to a path without"
        )));
    }
    let meta = here.metadata().map_err(|e| refuse(&format!("cannot be used: {}", plain(&e))))?;
    if !meta.is_file() {
        return Err(refuse("is not a regular file, as libtcptune.so is"));
    }
    let elf = elf::read(here).map_err(|why| refuse(&format!("cannot be used: {why}")))?;
    if elf.linking != Linking::SharedObject {
        return Err(refuse("is a program: allowed is a shared object"));
    }
    Ok(elf)
}
