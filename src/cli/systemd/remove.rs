//! `tcptune systemd remove`: takes away what install has written, and nothing else.

use super::args::RemoveArgs;
use super::dropin;
use super::environment;
use super::place::Site;
use super::restart::Running;
use crate::errors::{Failure, NO, NOT_FOUND, OK, say};
use crate::output::line;
use crate::programs::preload;
use crate::units::unit::Unit;

pub fn command(args: &RemoveArgs) -> Result<u8, Failure> {
    let site = Site::new(&args.place, args.files.root.as_deref())?;
    // What was written for a unit that is no longer there can be taken away too, so an unknown one is no error yet.
    let unit = match site.unit() {
        Ok(unit) => Ok(unit),
        Err(failure) if [NOT_FOUND, NO].contains(&failure.code) => Err(failure),
        Err(failure) => return Err(failure),
    };
    let mut names = vec![site.name.text().to_owned()];
    if let Ok(unit) = &unit {
        names.push(unit.name.text().to_owned());
        // `install --socket` has written beside these.
        names.extend(unit.sockets(site.manager()).iter().map(|socket| socket.name.text().to_owned()));
    }
    names.sort();
    names.dedup();
    let mut files = Vec::new();
    for name in &names {
        files.extend(site.found(name)?);
    }
    if files.is_empty() {
        let unit = unit?;
        line(&format!("nothing of tcptune is installed for {}", unit.name.text()));
        left(&unit);
        return Ok(OK);
    }
    if args.files.dry_run {
        files.iter().for_each(|file| line(&format!("would remove {}", site.tree.shown(&file.path).display())));
        return Ok(OK);
    }
    dropin::remove(&site.tree, &files)?;
    files.iter().for_each(|file| line(&format!("removed {}", site.tree.shown(&file.path).display())));
    let Some(manager) = site.manager() else { return Ok(OK) };
    manager.reload()?;
    let Ok(unit) = unit else { return Ok(OK) };
    // With what is left after the reload.
    let unit = site.unit().unwrap_or(unit);
    left(&unit);
    let mut changed: Vec<Unit> = unit.sockets(Some(manager));
    changed.retain(|socket| files.iter().any(|file| belongs(file, socket)));
    if files.iter().any(|file| belongs(file, &unit)) {
        changed.push(unit);
    }
    for unit in changed {
        let name = unit.name.text();
        let running = Running::of(manager, &unit)?;
        if running.is_empty() {
            continue;
        }
        if args.restart {
            running.restart()?;
            line(&format!("restarted {name}"));
        } else {
            line(&format!("still in effect until `{}`", manager.spelled(&format!("restart {name}"))));
        }
    }
    Ok(OK)
}

fn belongs(file: &dropin::Found, unit: &Unit) -> bool {
    let directory = file.path.parent().and_then(|directory| directory.file_name());
    directory.is_some_and(|name| name.to_string_lossy() == format!("{}.d", unit.name.text()))
}

/// Another file of the unit may name the library too.
fn left(unit: &Unit) {
    let environment = environment::of(unit, true);
    let Some(variable) = environment.get(preload::VARIABLE) else { return };
    if preload::named(variable.value.as_ref()).is_some() {
        let (environment::Origin::Unit(path) | environment::Origin::File(path)) = &variable.origin;
        say(format!("note: `{}` still names the library in LD_PRELOAD", path.display()));
    }
}
