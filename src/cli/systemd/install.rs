//! `tcptune systemd install`: writes what `compose` says, has systemd read it, and puts everything back when a restart that
//! was asked for fails.

use super::args::InstallArgs;
use super::compose::{self, Work};
use super::dropin;
use super::place::Site;
use super::restart::Running;
use crate::errors::{Failure, NO, OK, say};
use crate::output::line;
use crate::units::manager::Manager;

pub fn command(args: &InstallArgs) -> Result<u8, Failure> {
    let site = Site::new(&args.place, args.files.root.as_deref())?;
    let unit = site.unit()?;
    if unit.state.get("Transient") == "yes" {
        let name = unit.name.text();
        return Err(Failure::new(
            NO,
            format!("`{name}` is transient, so nothing can stay with it: `tcptune attach --unit {name}` while it runs"),
        ));
    }
    let works = match unit.name.kind() {
        "socket" => vec![compose::socket(&site, unit, args)?],
        "service" if args.socket => {
            let sockets = unit.sockets(site.manager());
            if sockets.is_empty() {
                let name = unit.name.text();
                return Err(Failure::new(NO, format!("no socket unit that listens on TCP starts `{name}`")));
            }
            sockets.into_iter().map(|unit| compose::socket(&site, unit, args)).collect::<Result<_, _>>()?
        }
        "service" => {
            if let Some(fault) = compose::faulty(args, &unit) {
                return Err(Failure::own(fault));
            }
            vec![compose::service(&site, unit, args)?]
        }
        kind => {
            let starts = unit.state.list("Triggers");
            let advice = starts.first().map_or_else(String::new, |service| format!(": it starts `{service}`"));
            return Err(Failure::own(format!(
                "`{}` is a {kind}: only services and sockets can be tuned{advice}",
                unit.name.text()
            )));
        }
    };
    for work in &works {
        apply(&site, work, args)?;
    }
    Ok(OK)
}

fn apply(site: &Site, work: &Work, args: &InstallArgs) -> Result<(), Failure> {
    let (unit, dropin) = (&work.unit, &work.dropin);
    let name = unit.name.text();
    if name != site.name.text() && unit.name.kind() == site.name.kind() {
        line(&format!("{} is another name of {name}", site.name.text()));
    }
    work.notes.iter().for_each(|note| say(format!("note: {note}")));
    if args.files.dry_run {
        line(&format!("would write {}:", site.tree.shown(&dropin.path()).display()));
        dropin.text(!site.tree.exists(&dropin.directory)).lines().for_each(|text| line(&format!("  {text}")));
        if let Some(variables) = &dropin.variables {
            line(&format!("would write {}:", site.tree.shown(&dropin.variables_path()).display()));
            variables.lines().for_each(|text| line(&format!("  {text}")));
        }
        return Ok(());
    }
    let before = site.found(name)?;
    let changed = dropin.write(&site.tree)?;
    // The other place (/etc, /run) would outrank this one, or come back with it.
    let elsewhere: Vec<_> = before.iter().filter(|f| f.path.parent() != Some(&dropin.directory)).cloned().collect();
    dropin::remove(&site.tree, &elsewhere)?;
    let path = site.tree.shown(&dropin.path());
    line(&match changed {
        true => format!("wrote {}", path.display()),
        false => format!("{} is as it should be", path.display()),
    });
    let Some(manager) = site.manager() else { return Ok(()) };
    if changed || !elsewhere.is_empty() || unit.state.get("NeedDaemonReload") == "yes" {
        manager.reload()?;
    }
    let running = Running::of(manager, unit)?;
    if !args.restart {
        if !running.is_empty() {
            line(&format!("not in effect before `{}`", manager.spelled(&format!("restart {name}"))));
        }
        return Ok(());
    }
    if running.is_empty() {
        line(&format!("{name} does not run: it will be tuned when it is started"));
        return Ok(());
    }
    match running.restart() {
        Ok(()) => {
            line(&format!("restarted {name}"));
            Ok(())
        }
        Err(failure) => {
            say(failure.message);
            put_back(site, manager, name, &before, &running)
        }
    }
}

/// It did not come up: as it was before.
fn put_back(
    site: &Site,
    manager: Manager,
    name: &str,
    before: &[dropin::Found],
    running: &Running,
) -> Result<(), Failure> {
    dropin::remove(&site.tree, &site.found(name)?)?;
    dropin::restore(&site.tree, before)?;
    manager.reload()?;
    let again = running.revive();
    Err(Failure::new(
        NO,
        match again {
            Ok(()) => {
                format!("`{name}` did not come up with it, so it was taken back, and `{name}` restarted as it was")
            }
            Err(why) => format!("`{name}` did not come up with it, so it was taken back; nor without: {}", why.message),
        },
    ))
}
