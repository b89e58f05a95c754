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

/// The processes that are counted to a unit now, or to an instance of a template, as /proc alone tells: whichever manager it is.
pub fn counted_to(name: &Name) -> Vec<u32> {
    let mut found = proc::all().unwrap_or_default();
    found.retain(|pid| proc::text(pid, "cgroup").is_ok_and(|table| is_of(&table, name)));
    found
}

fn is_of(table: &str, name: &Name) -> bool {
    let is_meant = |part: &str| match name.is_template() {
        true => Name::of(part).template().as_deref() == Some(name.text()),
        false => part == name.text(),
    };
    table.lines().filter_map(group).any(|path| path.split('/').any(is_meant))
}

/// The service that a process is counted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    /// Of a user's own manager.
    pub user: bool,
}

/// The service of a process; none: it belongs to no unit, or to a session, a container …
pub fn service_of(pid: u32) -> Option<Service> {
    service_in(&proc::text(pid, "cgroup").ok()?)
}

/// The innermost unit of systemd's group decides: `/user.slice/user-0.slice/user@0.service/app.slice/a.service`.
fn service_in(table: &str) -> Option<Service> {
    let path = table.lines().filter_map(group).find(|path| path.split('/').any(is_unit))?;
    let mut units = path.split('/').filter(|part| is_unit(part)).rev();
    let name = units.next().filter(|name| name.ends_with(".service"))?;
    let user = units.any(|part| part.starts_with("user@") && part.ends_with(".service"));
    // The user's manager itself is nobody's to change.
    let manager = name.starts_with("user@");
    (!manager).then(|| Service { name: name.to_owned(), user })
}

fn is_unit(part: &str) -> bool {
    part.ends_with(".service") || part.ends_with(".scope")
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
    let below = |path: &str| path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    table.lines().filter_map(self::group).any(below)
}

/// The group in a line of /proc/PID/cgroup, of the hierarchy that systemd keeps.
pub(super) fn group(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, path) = rest.split_once(':')?;
    ["", "name=systemd"].contains(&controllers).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{is_in, is_of, service_in};
    use crate::units::name::Name;

    #[test]
    fn the_service_of_a_process_is_the_innermost_unit() {
        let of = |table: &str| service_in(table).map(|service| (service.name, service.user));
        let name = |text: &str, user| Some((text.to_owned(), user));
        assert_eq!(of("0::/system.slice/nginx.service\n"), name("nginx.service", false));
        assert_eq!(
            of("0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n"),
            name("postgresql@15-main.service", false)
        );
        assert_eq!(of("4:memory:/\n1:name=systemd:/system.slice/a.service/worker\n0::/\n"), name("a.service", false));
        let users = "/user.slice/user-1000.slice/user@1000.service";
        assert_eq!(of(&format!("0::{users}/app.slice/a.service\n")), name("a.service", true));
        assert_eq!(of(&format!("0::{users}/init.scope\n")), None);
        assert_eq!(of("0::/user.slice/user-0.slice/session-3.scope\n"), None);
        assert_eq!(of("0::/system.slice/docker-0123.scope\n"), None);
        assert_eq!(of("0::/\n"), None);
    }

    #[test]
    fn the_processes_of_a_unit_are_those_of_its_group_and_of_groups_below() {
        let of = |table: &str, name: &str| is_of(table, &Name::parse(name.as_ref()).expect("a name"));
        assert!(of("0::/system.slice/a.service\n", "a") && of("0::/system.slice/a.service/worker\n", "a.service"));
        assert!(of("1:name=systemd:/user.slice/user-7.slice/user@7.service/app.slice/a.service\n0::/\n", "a"));
        assert!(!of("0::/system.slice/aa.service\n", "a") && !of("0::/\n", "a"));
        let instance = "0::/system.slice/system-job.slice/job@1.service\n";
        assert!(of(instance, "job@1") && of(instance, "job@") && !of(instance, "job@2") && !of(instance, "jo@"));
        assert!(of("0::/system.slice/docker-07.scope\n", "docker-07.scope"));
    }

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
