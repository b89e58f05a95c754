//! The processes of a unit: those that the kernel counts to its control group, or to a group below it.

use super::manager::Manager;
use super::name::Name;
use super::unit::{self, Unit};
use std::ffi::OsStr;

use crate::errors::{Context, Failure, NO};
use crate::os::proc;

/// The unit, or the instances of a template that are loaded.
pub fn running(manager: Manager, name: &Name) -> Result<Vec<Unit>, Failure> {
    if !name.is_template() {
        return Ok(vec![unit::of_manager(manager, name)?]);
    }
    // An unknown template is told by this.
    unit::of_manager(manager, name)?;
    let pattern = format!("{}@*.{}", name.prefix(), name.kind());
    manager.loaded(&pattern)?.iter().map(|instance| unit::of_manager(manager, &Name::of(instance))).collect()
}

/// Its processes, oldest number first.
pub fn of(unit: &Unit) -> Result<Vec<u32>, Failure> {
    let group = unit.state.get("ControlGroup");
    if group.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = proc::all().doing(|| "list the processes in /proc")?;
    // Whichever hierarchy it is (version 2, or systemd's own of version 1): /proc says it as systemd does.
    found.retain(|pid| proc::text(pid, "cgroup").is_ok_and(|text| is_in(&text, group)));
    found.sort_unstable();
    Ok(found)
}

/// The processes that a unit has now, for `attach`.
pub fn of_name(given: &OsStr, user: bool) -> Result<Vec<u32>, Failure> {
    let name = Name::parse(given)?;
    let manager = Manager { user };
    let mut found = Vec::new();
    for unit in running(manager, &name)? {
        found.extend(of(&unit)?);
    }
    if found.is_empty() {
        return Err(Failure::new(NO, why_none(&name)));
    }
    Ok(found)
}

/// Why a unit may have no process.
pub fn why_none(name: &Name) -> String {
    let name_text = name.text();
    match name.kind() {
        "socket" => format!(
            "`{name_text}` has no process: systemd itself listens: NoDelay=yes in the unit (`tcptune systemd install \
             {name_text}`) is for new connections"
        ),
        _ => format!("`{name_text}` has no process now: it is not running"),
    }
}

fn is_in(table: &str, group: &str) -> bool {
    let path = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        ["", "name=systemd"].contains(&controllers).then(|| path.to_owned())
    };
    let below = |path: String| path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    table.lines().filter_map(path).any(below)
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn groups_of_both_versions() {
        let group = "/system.slice/a.service";
        assert!(is_in("0::/system.slice/a.service\n", group));
        assert!(is_in("0::/system.slice/a.service/worker:1\n", group));
        assert!(is_in("4:memory:/\n1:name=systemd:/system.slice/a.service\n0::/\n", group));
        assert!(!is_in("4:memory:/system.slice/a.service\n0::/system.slice/a.service2\n", group));
        assert!(!is_in("", group));
    }
}
