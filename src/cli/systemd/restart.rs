//! Restarting what was changed, and only what ran: a service, the instances of a template, or a socket with the service
//! that holds its listener.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::manager::Manager;
use super::processes;
use super::unit::Unit;
use crate::errors::Failure;

/// A service that ends in this time after its start has not come up.
const TRIAL: Duration = Duration::from_secs(1);

/// Does it run, or some instance of it?
pub fn runs(manager: Manager, unit: &Unit) -> Result<bool, Failure> {
    Ok(processes::running(manager, &unit.name)?.iter().any(is_active))
}

fn is_active(unit: &Unit) -> bool {
    ["active", "activating", "reloading"].contains(&unit.state.get("ActiveState"))
}

/// Restart it. An error says that it did not come up.
pub fn restart(manager: Manager, unit: &Unit) -> Result<(), Failure> {
    if unit.name.kind() == "socket" {
        return restart_socket(manager, unit);
    }
    let running: Vec<Unit> = processes::running(manager, &unit.name)?.into_iter().filter(is_active).collect();
    let names: Vec<&str> = running.iter().map(|unit| unit.name.text()).collect();
    if names.is_empty() {
        return Ok(());
    }
    manager.act("restart", &names)?;
    watch(manager, &names)
}

/// systemd does not open a socket anew while the service that it was given to runs.
fn restart_socket(manager: Manager, unit: &Unit) -> Result<(), Failure> {
    let accepts = unit.values("Socket", "Accept").last().is_some_and(|word| ["yes", "true", "on", "1"].contains(word));
    let mut names = vec![unit.name.text().to_owned()];
    if !accepts {
        for service in unit.state.list("Triggers") {
            if manager.show(&service, &["ActiveState"])?.get("ActiveState") == "active" {
                names.push(service);
            }
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    manager.act("stop", &names)?;
    manager.act("start", &names)?;
    watch(manager, &names)
}

fn watch(manager: Manager, names: &[&str]) -> Result<(), Failure> {
    let end = Instant::now() + TRIAL;
    loop {
        for name in names {
            let state = manager.show(name, &["ActiveState", "SubState"])?;
            let (active, sub) = (state.get("ActiveState"), state.get("SubState"));
            if active == "failed" || sub == "auto-restart" {
                let advice = manager.spelled(&format!("status {name}"));
                return Err(Failure::own(format!("`{name}` did not stay up ({active}, {sub}): `{advice}`")));
            }
        }
        if Instant::now() >= end {
            return Ok(());
        }
        sleep(TRIAL / 10);
    }
}
