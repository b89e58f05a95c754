//! scripts/install and scripts/uninstall, into a directory: everything is there, a second time changes nothing, an older
//! version's files go, and nothing is left in the end. Whole packages are the matter of scripts/check package.

use crate::support;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{ScratchDir, finish, text};

/// Everything below a directory: mode and content.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let meta = path.symlink_metadata().expect("it is there");
            let content = if meta.is_dir() { Vec::new() } else { fs::read(&path).expect("readable") };
            all.insert(path.strip_prefix(root).expect("below").to_owned(), (meta.permissions().mode(), content));
            if meta.is_dir() {
                waiting.push(path);
            }
        }
    }
    all
}

/// Runs one of the two scripts: exit code, stdout, stderr.
fn script(name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    // What is installed is what `cargo build --release` left in the directory that these tests were built in.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo starts").success());
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name));
    for variable in ["PREFIX", "DESTDIR", "LIBDIR", "LIBDIR32", "LD_PRELOAD"] {
        command.env_remove(variable);
    }
    let outcome = finish(command.env("CARGO_TARGET_DIR", target).args(arguments));
    (outcome.status.code(), text(&outcome.stdout), text(&outcome.stderr))
}

fn succeeds(name: &str, arguments: &[&str]) -> String {
    let (code, out, err) = script(name, arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{name} {arguments:?}");
    out
}

#[test]
fn everything_is_installed_once_and_removed_without_trace() {
    let scratch = ScratchDir::new("install");
    // One directory is there before, and stays.
    fs::create_dir_all(scratch.join("usr/share/man")).expect("a directory");
    let before = tree(scratch.path());
    let destination = format!("DESTDIR={}", scratch.path().display());
    succeeds("install", &["PREFIX=/usr", &destination]);
    let once = tree(scratch.path());
    let library = PathBuf::from(format!("usr/lib/{}-linux-gnu/libtcptune.so", std::env::consts::ARCH));
    assert!(once[&library].1 == fs::read(support::library()).expect("built"), "another library is installed");
    assert_eq!((once[&library].0 & 0o777, once[Path::new("usr/bin/tcptune")].0 & 0o777), (0o644, 0o755));
    for file in [
        "share/bash-completion/completions/tcptune",
        "share/zsh/vendor-completions/_tcptune",
        "share/fish/vendor_completions.d/tcptune.fish",
        "share/doc/tcptune/README.md",
        "share/doc/tcptune/docs/limits.md",
        "share/doc/tcptune/examples/systemd/50-tcptune.conf",
    ] {
        let (mode, content) = once.get(&Path::new("usr").join(file)).unwrap_or_else(|| panic!("{file} is missing"));
        assert!(mode & 0o777 == 0o644 && !content.is_empty(), "{file}: {mode:o}");
    }

    succeeds("install", &["PREFIX=/usr", &destination]);
    assert!(tree(scratch.path()) == once, "a second time changes something");

    succeeds("uninstall", &["PREFIX=/usr", &destination]);
    assert_eq!(tree(scratch.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let said = succeeds("uninstall", &["PREFIX=/usr", &destination]);
    assert!(said.starts_with("uninstall: nothing is installed in "), "{said}");
}

#[test]
fn every_subcommand_has_its_page() {
    let scratch = ScratchDir::new("install-pages");
    succeeds("install", &[&format!("DESTDIR={}", scratch.path().display())]);
    let command = scratch.join("usr/local/bin/tcptune");
    let help = finish(Command::new(&command).arg("--help").env_remove("LD_PRELOAD")).expect();
    let listed = help.split("Commands:\n").nth(1).expect("a list of commands").split("\n\n").next().expect("a list");
    // A name stands behind two blanks; what goes on from the line before stands further in.
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let names =
        names.iter().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_ascii_whitespace().next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 6, "{help}");
    for name in names.iter().filter(|name| **name != "help") {
        let page = scratch.join(&format!("usr/local/share/man/man1/tcptune-{name}.1"));
        assert!(page.is_file(), "{} is missing", page.display());
    }
    assert!(scratch.join("usr/local/share/man/man1/tcptune.1").is_file());
}

#[test]
fn files_of_an_older_version_go_and_other_files_stay() {
    let scratch = ScratchDir::new("install-upgrade");
    let destination = format!("DESTDIR={}", scratch.path().display());
    succeeds("install", &[&destination]);
    // As if an older version had had a page that this one has not.
    let old = scratch.join("usr/local/share/man/man1/tcptune-older.1");
    fs::write(&old, "old").expect("written");
    let list = scratch.join("usr/local/share/doc/tcptune/installed-files");
    let mut names = fs::read_to_string(&list).expect("the list");
    names.push_str("/usr/local/share/man/man1/tcptune-older.1\n");
    fs::write(&list, names).expect("written");
    let other = scratch.join("usr/local/share/man/man1/other.1");
    fs::write(&other, "somebody else's").expect("written");

    succeeds("install", &[&destination]);
    assert!(!old.exists() && other.exists());
    succeeds("uninstall", &[&destination]);
    let left: Vec<PathBuf> =
        tree(scratch.path()).into_iter().filter(|(_, (_, c))| !c.is_empty()).map(|(p, _)| p).collect();
    assert_eq!(left, [Path::new("usr/local/share/man/man1/other.1")]);
    assert!(!scratch.join("usr/local/bin").exists());
}

#[test]
fn the_library_stays_while_every_program_is_told_to_load_it() {
    let scratch = ScratchDir::new("install-preload");
    let destination = format!("DESTDIR={}", scratch.path().display());
    succeeds("install", &[&destination]);
    fs::create_dir(scratch.join("etc")).expect("a directory");
    let preload = scratch.join("etc/ld.so.preload");
    fs::write(&preload, "libtcptune.so\n").expect("written");
    let before = tree(scratch.path());
    let (code, _, err) = script("uninstall", &[&destination]);
    assert!(code == Some(1) && err.lines().count() == 1 && err.contains("ld.so.preload"), "{err}");
    assert!(tree(scratch.path()) == before);
    fs::remove_file(preload).expect("it was there");
    succeeds("uninstall", &[&destination]);
}

#[test]
fn mistakes_are_named_and_nothing_is_done() {
    for name in ["install", "uninstall"] {
        for bad in ["--prefix=/usr", "PREFIX=usr", "BINDIR=/bin"] {
            let (code, out, err) = script(name, &[bad]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{name} {bad}");
            assert!(err.lines().count() == 1 && err.starts_with(&format!("{name}: `{bad}`: ")), "{err}");
        }
    }
}
