//! `tcptune systemd show`: what is installed for a unit, what its environment comes to, and what stands in the way.

use super::args::ShowArgs;
use super::environment;
use super::hindrance;
use super::place::Site;
use super::print::{heading, hindrance as hinders, note, row, variable};
use crate::errors::{Failure, NO, OK};
use crate::programs::preload;
use crate::settings;

pub fn command(args: &ShowArgs) -> Result<u8, Failure> {
    let site = Site::new(&args.place, args.root.as_deref())?;
    let unit = site.unit()?;
    let name = unit.name.text();
    let state = match site.tree.root() {
        Some(root) => format!("in the image {}", root.display()),
        None => format!("{} ({})", unit.state.get("ActiveState"), unit.state.get("SubState")),
    };
    heading(name, &state);
    let files = site.found(name)?;
    if files.is_empty() {
        row("installed", "no");
    }
    for file in &files {
        row("installed", &site.tree.shown(&file.path).display().to_string());
        file.text.lines().filter(|text| !text.starts_with('#')).for_each(|text| row("", text));
    }
    if unit.state.get("NeedDaemonReload") == "yes" {
        row("not read yet", "the files were changed: `systemctl daemon-reload`");
    }
    if unit.name.kind() == "socket" {
        row("NoDelay", unit.values("Socket", "NoDelay").pop().unwrap_or("no"));
        return Ok(OK);
    }
    let environment = environment::of(&unit, true);
    let ours = |name: &str| name == preload::VARIABLE || settings::is_ours(name.as_ref());
    environment.variables.iter().filter(|one| ours(&one.name)).for_each(variable);
    for socket in unit.sockets(site.manager()) {
        let nodelay = socket.values("Socket", "NoDelay").pop().unwrap_or("no").to_owned();
        row("socket unit", &format!("{}: NoDelay={nodelay}", socket.name.text()));
    }
    let library = match site.library(args.library.as_deref()) {
        Ok(library) => library,
        Err(failure) => {
            hinders(&failure.message);
            return Ok(NO);
        }
    };
    let found = hindrance::look(&unit, &library, &environment);
    found.hindrances.iter().for_each(|text| hinders(text));
    found.notes.iter().for_each(|text| note(text));
    Ok(if found.hindrances.is_empty() { OK } else { NO })
}
