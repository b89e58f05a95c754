//! A unit as its files say it: found by the running systemd or, in an image, by ourselves. Judges nothing.

use std::path::PathBuf;

use super::image;
use super::manager::{Manager, Properties};
use super::name::Name;
use super::unitfile::{Assignment, assignments, words};
use crate::errors::{Context, Failure, NO, NOT_FOUND};
use crate::os::files::Tree;

/// The drop-ins that `install` writes: where it belongs; and behind all others, for a unit where a later file would undo it. systemd reads drop-ins in the
/// order of their names, and of two assignments of a variable the later one holds.
pub const OURS: [&str; 2] = ["50-tcptune.conf", "zzz-tcptune.conf"];

/// A file that the unit is made of.
#[derive(Clone, Debug)]
pub struct UnitFile {
    /// As systemd sees it.
    pub path: PathBuf,
    pub assignments: Vec<Assignment>,
    /// A drop-in, not the unit's own file.
    pub dropin: bool,
}

impl UnitFile {
    /// Written by `install`.
    pub fn is_ours(&self) -> bool {
        self.dropin && self.path.file_name().is_some_and(|name| OURS.iter().any(|ours| name == *ours))
    }
}

#[derive(Debug)]
pub struct Unit {
    pub name: Name,
    /// In the order in which systemd reads them.
    pub files: Vec<UnitFile>,
    /// What the running systemd says; empty in an image.
    pub state: Properties,
    /// The files of the machine or of an image.
    pub tree: Tree,
    /// Of a user's own manager.
    pub user: bool,
}

const KEYS: [&str; 11] = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "FragmentPath",
    "DropInPaths",
    "NeedDaemonReload",
    "ControlGroup",
    "Transient",
    "TriggeredBy",
    "Triggers",
];

/// Ask the running systemd.
pub fn of_manager(manager: Manager, name: &Name) -> Result<Unit, Failure> {
    let state = manager.show(&name.any_instance(), &KEYS)?;
    match state.get("LoadState") {
        "loaded" => (),
        "not-found" => {
            let advice = manager.spelled(&format!("list-unit-files '{}*'", name.prefix()));
            return Err(Failure::new(NOT_FOUND, format!("there is no unit `{}`: `{advice}`", name.text())));
        }
        "masked" => {
            let advice = manager.spelled(&format!("unmask {}", name.text()));
            return Err(Failure::new(NO, format!("`{}` is masked, so it cannot start: `{advice}`", name.text())));
        }
        other => {
            let advice = manager.spelled(&format!("status {}", name.text()));
            return Err(Failure::own(format!("systemd cannot load `{}` ({other}): `{advice}`", name.text())));
        }
    }
    // An alias: what is written beside the unit's own name holds for all of them.
    let name = if name.is_template() { name.clone() } else { Name::of(state.get("Id")) };
    let fragment = Some(state.get("FragmentPath")).filter(|path| !path.is_empty()).map(PathBuf::from);
    let dropins = words(state.get("DropInPaths")).into_iter().map(PathBuf::from);
    let unit = Unit::read(name, Tree::HOST, fragment, dropins.collect(), state)?;
    Ok(Unit { user: manager.user, ..unit })
}

/// Look into an image.
pub fn of_image(tree: &Tree, name: &Name) -> Result<Unit, Failure> {
    let found = image::find(tree, name)?;
    Unit::read(found.name, tree.clone(), found.fragment, found.dropins, Properties::default())
}

impl Unit {
    fn read(
        name: Name,
        tree: Tree,
        fragment: Option<PathBuf>,
        dropins: Vec<PathBuf>,
        state: Properties,
    ) -> Result<Self, Failure> {
        let all = fragment.into_iter().map(|path| (path, false)).chain(dropins.into_iter().map(|path| (path, true)));
        let mut files = Vec::new();
        for (path, dropin) in all {
            let text = match tree.read(&path) {
                Ok(text) => String::from_utf8_lossy(&text).into_owned(),
                // Gone since systemd has read it: the next daemon-reload will see that too.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error).doing(|| format!("read `{}`", path.display()));
                }
            };
            files.push(UnitFile { path, assignments: assignments(&text), dropin });
        }
        Ok(Self { name, files, state, tree, user: false })
    }

    /// What a setting of this section holds in the end; an empty assignment clears what was before it.
    pub fn values(&self, section: &str, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        let all = self.files.iter().flat_map(|file| &file.assignments);
        for assignment in all.filter(|a| a.section == section && a.key == key) {
            match assignment.value.as_str() {
                "" => values.clear(),
                value => values.push(value),
            }
        }
        values
    }

    /// The last value of a setting of `[Service]`.
    pub fn service(&self, key: &str) -> Option<&str> {
        self.values("Service", key).pop()
    }

    /// Is this switch on?
    pub fn is_on(&self, section: &str, key: &str) -> bool {
        self.values(section, key).pop().is_some_and(|word| ["1", "yes", "y", "true", "t", "on"].contains(&word))
    }

    /// Socket units that start this service and listen on TCP.
    pub fn sockets(&self, manager: Option<Manager>) -> Vec<Unit> {
        let of = |name: &str| match manager {
            _ if self.tree.is_image() => of_image(&self.tree, &Name::of(name)).ok(),
            Some(manager) => of_manager(manager, &Name::of(name)).ok(),
            None => None,
        };
        let names = match self.tree.is_image() {
            true => vec![format!("{}.socket", self.name.stem())],
            false => self.state.list("TriggeredBy"),
        };
        let sockets = names.iter().filter(|name| name.ends_with(".socket"));
        sockets.filter_map(|name| of(name)).filter(Unit::listens_on_tcp).collect()
    }

    /// A socket unit with an address of TCP: a port, or an address and a port.
    pub fn listens_on_tcp(&self) -> bool {
        let is_tcp = |value: &&str| !value.starts_with(['/', '@']) && !value.starts_with("vsock:");
        self.name.kind() == "socket" && self.values("Socket", "ListenStream").iter().any(is_tcp)
    }
}
