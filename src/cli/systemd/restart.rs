//! Restarting what was changed, and only what ran: a service, the instances of a template, or a socket with the service
//! that holds its listener.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::errors::Failure;
use crate::units::manager::Manager;
use crate::units::processes;
use crate::units::unit::Unit;

/// A service that ends in this time after its start has not come up.
const TRIAL: Duration = Duration::from_secs(1);

/// What runs now and would have to be restarted.
pub struct Running {
    manager: Manager,
    names: Vec<String>,
    /// systemd does not open a socket anew while the service that it was given to runs: all are stopped first.
    apart: bool,
}

impl Running {
    pub fn of(manager: Manager, unit: &Unit) -> Result<Self, Failure> {
        let is_active = |unit: &Unit| ["active", "activating", "reloading"].contains(&unit.state.get("ActiveState"));
        let running = processes::running(manager, &unit.name)?;
        let mut names: Vec<String> =
            running.iter().filter(|unit| is_active(unit)).map(|unit| unit.name.text().to_owned()).collect();
        let apart = unit.name.kind() == "socket";
        // With Accept=yes each connection has a service of its own, which does not have the listener.
        if apart && !names.is_empty() && !unit.is_on("Socket", "Accept") {
            for service in unit.state.list("Triggers") {
                if manager.show(&service, &["ActiveState"])?.get("ActiveState") == "active" {
                    names.push(service);
                }
            }
        }
        Ok(Self { manager, names, apart })
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// An error says that it did not come up.
    pub fn restart(&self) -> Result<(), Failure> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        if names.is_empty() {
            return Ok(());
        }
        if self.apart {
            self.manager.act("stop", &names)?;
            self.manager.act("start", &names)?;
        } else {
            self.manager.act("restart", &names)?;
        }
        self.watch(&names)
    }

    /// Restart what may have failed meanwhile.
    pub fn revive(&self) -> Result<(), Failure> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        // It may have used up its starts.
        let _ = self.manager.act("reset-failed", &names);
        self.restart()
    }

    fn watch(&self, names: &[&str]) -> Result<(), Failure> {
        let end = Instant::now() + TRIAL;
        loop {
            for name in names {
                let state = self.manager.show(name, &["ActiveState", "SubState"])?;
                let (active, sub) = (state.get("ActiveState"), state.get("SubState"));
                if active == "failed" || sub == "auto-restart" {
                    let advice = self.manager.spelled(&format!("status {name}"));
                    return Err(Failure::own(format!("`{name}` did not stay up ({active}, {sub}): `{advice}`")));
                }
            }
            if Instant::now() >= end {
                return Ok(());
            }
            sleep(TRIAL / 10);
        }
    }
}
