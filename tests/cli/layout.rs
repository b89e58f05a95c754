//! Who takes what from whom in src/cli, read from its `use` lines and paths (code of unit tests left out):
//!
//! - a subcommand (a folder whose mod.rs has `pub fn command`) is used by main.rs, args.rs and schemas.rs alone: what two of them need has a
//!   room of its own;
//! - there is no circle between files, nor between rooms (the folders of src/cli). A mod.rs counts as using each of its
//!   children, so that a child takes nothing from it;
//! - /proc is read in os/proc alone;
//! - colours are a matter of each subcommand's print.rs;
//! - each file says first what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file by its place in the tree of modules: `["doctor", "watch"]`; main.rs has none.
type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

struct File {
    path: PathBuf,
    text: String,
    uses: BTreeSet<Module>,
}

impl File {
    /// Without its unit tests.
    fn code(&self) -> &str {
        self.text.split("\nmod tests {").next().unwrap_or_default()
    }
}

#[test]
fn subcommands_do_not_use_each_other() {
    let files = tree();
    let is_command = |(module, file): (&Module, &File)| module.len() == 1 && file.text.contains("\npub fn command(");
    let commands: BTreeSet<&String> = files.iter().filter(|f| is_command(*f)).filter_map(|(m, _)| m.first()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    let mut wrong = Vec::new();
    for (module, file) in &files {
        let outside =
            |used: &&Module| used.first().is_some_and(|room| commands.contains(room)) && used.first() != module.first();
        let may = ["main.rs", "args.rs", "schemas.rs"].map(|name| root().join(name)).contains(&file.path);
        wrong.extend(file.uses.iter().filter(|_| !may).filter(outside).map(|used| line(module, used)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_circle_between_files() {
    let files: Graph = tree().into_iter().map(|(module, file)| (module, file.uses)).collect();
    let circles = circles(&files);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn no_circle_between_rooms() {
    let mut rooms = Graph::new();
    for (module, file) in tree() {
        let Some(room) = module.first() else { continue };
        let uses = file.uses.iter().filter_map(|used| used.first()).filter(|used| *used != room);
        rooms.entry(vec![room.clone()]).or_default().extend(uses.map(|used| vec![used.clone()]));
    }
    let circles = circles(&rooms);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// Every use that leads back to where it came from.
fn circles(graph: &Graph) -> Vec<String> {
    let reaches = |from: &Module, to: &Module| {
        let (mut met, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            if met.insert(module) {
                next.extend(graph.get(module).into_iter().flatten());
            }
        }
        met.contains(to)
    };
    let all = graph.iter().flat_map(|(module, uses)| uses.iter().map(move |used| (module, used)));
    all.filter(|(from, to)| reaches(to, from)).map(|(from, to)| line(from, to)).collect()
}

#[test]
fn one_room_reads_proc() {
    let outside = |(module, file): &(Module, File)| {
        !module.starts_with(&["os".into(), "proc".into()]) && file.code().contains("\"/proc")
    };
    let others: Vec<PathBuf> = tree().into_iter().filter(outside).map(|(_, file)| file.path).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn what_people_read_is_printed_in_print() {
    let colours = |(module, file): &(Module, File)| {
        let prints =
            module.first().is_some_and(|room| room == "output") || module.last().is_some_and(|name| name == "print");
        // `top` draws a screen by ratatui, which has its own.
        !prints && file.code().contains("styled(") && !file.code().contains("ratatui")
    };
    let others: Vec<PathBuf> = tree().into_iter().filter(colours).map(|(_, file)| file.path).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = tree().into_values().filter(|f| !f.text.starts_with("//! ")).map(|f| f.path).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn paths_are_read_from_use_lines_and_from_code() {
    let text = "use crate::{a::{self, b::c}, d};\nuse super::e as f;\nlet x = crate::g::h(super::super::i);\nmod j;\n";
    let found: BTreeSet<String> =
        paths(text, &["k".into(), "l".into()], false).into_iter().map(|p| p.join("::")).collect();
    let expected = ["a", "a::b::c", "d", "g::h", "i", "k::e", "k::l::j"].map(str::to_owned);
    assert_eq!(found, expected.into());
}

fn line(module: &Module, used: &Module) -> String {
    format!("{} uses {}", module.join("/"), used.join("/"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")
}

/// All files, each with those that it uses.
fn tree() -> BTreeMap<Module, File> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("the sources") {
            let path = entry.expect("the sources").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            let mut module: Module = path
                .strip_prefix(root())
                .expect("below")
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .collect();
            let name = module.pop().unwrap_or_default().trim_end_matches(".rs").to_owned();
            module.extend(Some(name).filter(|name| !["main", "mod"].contains(&name.as_str())));
            let text = fs::read_to_string(&path).expect("a source file");
            files.insert(module, File { path, text, uses: BTreeSet::new() });
        }
    }
    let known: BTreeSet<Module> = files.keys().cloned().collect();
    for (module, file) in &mut files {
        let is_parent = file.path.ends_with("mod.rs") || module.is_empty();
        for mut path in paths(file.code(), module, is_parent) {
            // The item's name goes, and what is in the file by itself.
            while !known.contains(&path) {
                path.pop();
            }
            if path != *module && !path.is_empty() {
                file.uses.insert(path);
            }
        }
    }
    files
}

/// Every path that begins with `crate` or `super`, and every child, as places in the tree.
fn paths(code: &str, module: &[String], is_parent: bool) -> Vec<Module> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["crate", "super"] {
        for (at, _) in code.match_indices(&format!("{start}::")) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            // `super::super::` is read from its first word.
            if before.is_alphanumeric() || ['_', ':'].contains(&before) {
                continue;
            }
            branches(&code[at..], Vec::new(), &mut found);
        }
    }
    let mut resolved: Vec<Module> = Vec::new();
    for path in found {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let base = if ups == 0 {
            &[]
        } else {
            &module[..(module.len() + usize::from(is_parent)).saturating_sub(ups).min(module.len())]
        };
        resolved.push(base.iter().cloned().chain(path.into_iter().skip(ups.max(1))).collect());
    }
    let children = code
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'));
    resolved.extend(children.map(|child| module.iter().cloned().chain([child.to_owned()]).collect()));
    resolved
}

/// The paths of a tree like `a::{self, b::c}`; gives back what stands behind it.
fn branches<'c>(code: &'c str, before: Module, found: &mut Vec<Module>) -> &'c str {
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (word, rest) = code.split_at(end);
    let mut path = before;
    path.extend(Some(word.to_owned()).filter(|word| !word.is_empty() && word != "self"));
    let Some(rest) = rest.strip_prefix("::") else {
        found.push(path);
        return rest;
    };
    let Some(mut rest) = rest.trim_start().strip_prefix('{') else { return branches(rest, path, found) };
    loop {
        rest = rest.trim_start_matches([' ', '\n', ',']);
        if let Some(rest) = rest.strip_prefix('}') {
            return rest;
        }
        if rest.is_empty() {
            return rest;
        }
        rest = branches(rest, path.clone(), found);
        // `as NAME`
        rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
    }
}
