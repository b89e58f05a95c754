//! Where a service's environment comes from, in systemd's order: the manager's variables, Environment=, then
//! EnvironmentFile=, which outranks it whatever the order of the lines.

use std::path::{Path, PathBuf};

use crate::units::unit::Unit;
use crate::units::unitfile::{environment_file, words};

/// A variable of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub value: String,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Environment= in this unit file; specifiers are not expanded.
    Unit(PathBuf),
    /// This environment file; taken literally.
    File(PathBuf),
}

#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub variables: Vec<Variable>,
    /// Environment files that could not be looked at, and why.
    pub unread: Vec<String>,
    /// UnsetEnvironment=: what is taken away at the end.
    pub unset: Vec<String>,
}

impl Environment {
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    fn set(&mut self, name: &str, value: &str, origin: Origin) {
        self.variables.retain(|variable| variable.name != name);
        self.variables.push(Variable { name: name.to_owned(), value: value.to_owned(), origin });
    }

    pub fn takes_away(&self, name: &str) -> bool {
        self.unset.iter().any(|entry| entry.split('=').next() == Some(name))
    }
}

/// What the unit's files come to, with or without what `install` has written.
pub fn of(unit: &Unit, with_ours: bool) -> Environment {
    let mut found = Environment::default();
    let mut files: Vec<&str> = Vec::new();
    for file in unit.files.iter().filter(|file| with_ours || !file.is_ours()) {
        for assignment in file.assignments.iter().filter(|a| a.section == "Service") {
            match (assignment.key.as_str(), assignment.value.as_str()) {
                ("Environment", "") => found.variables.clear(),
                ("Environment", value) => {
                    for (name, value) in words(value).iter().filter_map(|word| word.split_once('=')) {
                        found.set(name, value, Origin::Unit(file.path.clone()));
                    }
                }
                ("EnvironmentFile", "") => files.clear(),
                ("EnvironmentFile", value) => files.push(value),
                ("UnsetEnvironment", "") => found.unset.clear(),
                ("UnsetEnvironment", value) => found.unset.extend(words(value)),
                _ => (),
            }
        }
    }
    for written in files {
        match content(unit, written) {
            Ok((path, text)) => {
                for (name, value) in environment_file(&text) {
                    found.set(&name, &value, Origin::File(path.clone()));
                }
            }
            Err(Some(why)) => found.unread.push(format!("EnvironmentFile={written}: {why}")),
            Err(None) => (),
        }
    }
    found
}

/// Path and text of an environment file. None: it is not there and need not be.
fn content(unit: &Unit, written: &str) -> Result<(PathBuf, String), Option<String>> {
    let (optional, path) = match written.strip_prefix('-') {
        Some(path) => (true, path),
        None => (false, written),
    };
    if path.contains(['*', '?', '[']) {
        return Err(Some("a pattern, not looked at".to_owned()));
    }
    let Some(path) = unit.name.expand(path) else {
        return Err(Some("has a specifier, not looked at".to_owned()));
    };
    match unit.tree.read(Path::new(&path)) {
        Ok(text) => Ok((PathBuf::from(path), String::from_utf8_lossy(&text).into_owned())),
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => Err(None),
        Err(error) => Err(Some(crate::errors::plain(&error))),
    }
}

/// Is one of these variables decided by a drop-in whose name comes behind this one?
pub fn decided_behind<'u>(unit: &'u Unit, name: &str, variables: &[&str]) -> Option<&'u Path> {
    let later = unit.files.iter().filter(|file| {
        file.dropin && !file.is_ours() && file.path.file_name().is_some_and(|other| other > std::ffi::OsStr::new(name))
    });
    let decides = |key: &str, value: &str| match key {
        "Environment" => {
            let sets = |word: &String| word.split_once('=').is_some_and(|(name, _)| variables.contains(&name));
            value.is_empty() || words(value).iter().any(sets)
        }
        "EnvironmentFile" if value.is_empty() => true,
        "EnvironmentFile" => match content(unit, value) {
            Ok((_, text)) => environment_file(&text).iter().any(|(name, _)| variables.contains(&name.as_str())),
            Err(_) => false,
        },
        _ => false,
    };
    let mut deciding =
        later.filter(|file| file.assignments.iter().any(|a| a.section == "Service" && decides(&a.key, &a.value)));
    deciding.next_back().map(|file| file.path.as_path())
}
