//! Which unit is meant and where its drop-ins belong: in /etc, in /run, in the user's own directories or in an image.

use std::path::{Path, PathBuf};

use super::args::Place;
use super::dropin::{self, Found};
use crate::errors::Failure;
use crate::os::files::Tree;
use crate::programs::library::{self, Library};
use crate::units::manager::Manager;
use crate::units::name::Name;
use crate::units::unit::{self, Unit};

/// What the command line names.
pub struct Site {
    pub name: Name,
    pub user: bool,
    /// The files that are written: the machine's, or an image's.
    pub tree: Tree,
}

impl Site {
    pub fn new(place: &Place, root: Option<&Path>) -> Result<Self, Failure> {
        let name = Name::parse(&place.unit)?;
        Ok(Self { name, user: place.user, tree: root.map_or(Ok(Tree::HOST), Tree::image)? })
    }

    /// The running systemd, unless it is an image that is meant.
    pub fn manager(&self) -> Option<Manager> {
        (!self.tree.is_image()).then_some(Manager { user: self.user })
    }

    pub fn unit(&self) -> Result<Unit, Failure> {
        match self.tree.is_image() {
            true => unit::of_image(&self.tree, &self.name),
            false => unit::of_manager(Manager { user: self.user }, &self.name),
        }
    }

    /// The library for it.
    pub fn library(&self, asked: Option<&Path>) -> Result<Library, Failure> {
        match self.tree.is_image() {
            true => library::find_in(&self.tree, asked),
            false => library::find(asked),
        }
    }

    /// Where drop-ins are kept, and where they go with the next start of the machine. As the service manager calls it.
    pub fn base(&self, runtime: bool) -> Result<PathBuf, Failure> {
        if !self.user {
            return Ok(PathBuf::from(if runtime { "/run/systemd/system" } else { "/etc/systemd/system" }));
        }
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let (found, missing) = match runtime {
            true => (variable("XDG_RUNTIME_DIR"), "XDG_RUNTIME_DIR is not set: is this a login session?"),
            false => (
                variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config"))),
                "neither XDG_CONFIG_HOME nor HOME is set",
            ),
        };
        Ok(found.ok_or_else(|| Failure::own(format!("--user: {missing}")))?.join("systemd/user"))
    }

    /// A unit's directory of drop-ins, as the service manager calls it.
    pub fn directory(&self, unit: &str, runtime: bool) -> Result<PathBuf, Failure> {
        Ok(self.base(runtime)?.join(format!("{unit}.d")))
    }

    /// What install has written for this unit, in all places.
    pub fn found(&self, unit: &str) -> Result<Vec<Found>, Failure> {
        let mut files = dropin::found(&self.tree, &self.directory(unit, false)?)?;
        // A user without a session has no second place.
        if !self.tree.is_image()
            && let Ok(directory) = self.directory(unit, true)
        {
            files.extend(dropin::found(&self.tree, &directory)?);
        }
        Ok(files)
    }
}
