//! Why the library is not in a process of a unit that was to have it, or is and does nothing. The first cause that is seen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::errors::Failure;
use crate::os::proc::{self, Stat};
use crate::programs::preload;
use crate::programs::process::{self, Process};
use crate::programs::reach;
use crate::settings::{self, Pair};
use crate::units::unit::Unit;

/// A process with the environment that it was started with.
pub struct Seen {
    pub process: Process,
    pub environment: Vec<Pair>,
}

impl Seen {
    pub fn of(pid: u32) -> Result<Self, Failure> {
        let process = process::look(pid)?;
        Ok(Self { process, environment: proc::environment(pid).unwrap_or_default() })
    }

    /// Our entry in its LD_PRELOAD.
    fn named(&self) -> Option<PathBuf> {
        preload::named(settings::value(&self.environment, preload::VARIABLE)?).map(Path::to_owned)
    }

    /// Its settings.
    fn reading(&self) -> settings::Reading {
        let ours: Vec<Pair> = self.environment.iter().filter(|(name, _)| settings::is_ours(name)).cloned().collect();
        settings::read(&ours)
    }

    /// Is TCP_NODELAY to be on on all of its sockets? Not if a setting switched that off, or leaves a share of them alone.
    pub fn wants_nodelay(&self) -> bool {
        let settings = self.reading().settings;
        settings.base.nodelay.word() != "off" && settings.split() == 0 && !settings.observing()
    }

    /// Is nothing to be changed, only counted?
    pub fn observes(&self) -> bool {
        self.reading().settings.observing()
    }

    /// How many of a hundred connections are to be tuned, if not all.
    pub fn share(&self) -> Option<u8> {
        100u8.checked_sub(self.reading().settings.split()).filter(|share| *share < 100)
    }

    /// Why the library does nothing although it is there.
    pub fn idle(&self) -> Option<String> {
        let reading = self.reading();
        if let Some(wrong) = reading.faults.first() {
            return Some(format!(
                "the library is loaded and switched off, because a setting is invalid: {}",
                wrong.line
            ));
        }
        (!reading.settings.enabled()).then(|| "the library is loaded and switched off (TCPTUNE=off)".to_owned())
    }
}

/// Why the library is not in this process. `all`: those of the unit, by number.
pub fn absent(seen: &Seen, unit: &Unit, all: &BTreeMap<u32, Seen>) -> String {
    let process = &seen.process;
    if process.secure {
        return "it was started with raised privileges (setuid, setgid or file capabilities), or by a rule of AppArmor or SELinux \
                that cleans the environment, and the loader then ignores LD_PRELOAD: User= and AmbientCapabilities= in place of \
                the bits keep it, px in place of Px"
            .to_owned();
    }
    if let Some(reason) = reach::program_obstacle(process.pid) {
        return reason;
    }
    if let Some(path) = seen.named() {
        return not_opened(process, unit, &path);
    }
    let parent = Stat::of(process.pid).map(|stat| stat.parent);
    if let Some(parent) = parent.and_then(|pid| all.get(&pid)).filter(|parent| parent.named().is_some()) {
        let name = &parent.process.name;
        return format!(
            "LD_PRELOAD was dropped on the way: process {} ({name}) has it and started this one without (its settings may \
             name the variables to pass on, as import_environment of Postfix and Dovecot does)",
            parent.process.pid
        );
    }
    if !unit.files.iter().any(crate::units::unit::UnitFile::is_ours) {
        return format!("nothing is installed: `tcptune systemd install {}`", unit.name.text());
    }
    if unit.state.get("NeedDaemonReload") == "yes" {
        return "systemd has not read the drop-in yet: `systemctl daemon-reload`, then restart the unit".to_owned();
    }
    "it was started without: before the drop-in was written (restart the unit), or by a program that makes the environment \
     of what it starts anew (sudo, su -, env -i, Postfix, Dovecot)"
        .to_owned()
}

/// Its LD_PRELOAD names the file, and the loader has not taken it.
fn not_opened(process: &Process, unit: &Unit, path: &Path) -> String {
    let shown = path.display();
    match proc::inside(process.pid, path).metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return format!("`{shown}` may not be read from where the process lives");
        }
        Err(_) if process.other_mounts => {
            let suspects =
                ["RootDirectory", "RootImage", "ProtectHome", "PrivateTmp", "InaccessiblePaths", "TemporaryFileSystem"];
            let set: Vec<String> =
                suspects.iter().filter_map(|key| Some(format!("{key}={}", unit.service(key)?))).collect();
            let cause = if set.is_empty() { "its own mounts".to_owned() } else { set.join(", ") };
            return format!("there is no `{shown}` where the process sees the world from ({cause})");
        }
        Err(_) => return format!("there is no `{shown}`"),
        Ok(_) => (),
    }
    if unit.service("NoExecPaths").is_some() {
        return format!("the loader could not map `{shown}`: NoExecPaths= seems to forbid it: add ExecPaths={shown}");
    }
    let confined = match &process.security {
        None => String::new(),
        Some(rules) => format!(", or {rules} does not let it be read and mapped"),
    };
    format!(
        "the loader could not take `{shown}`: it is for another platform, its user may not read it, or it was put there \
         after the start{confined}: a line of ld.so in the journal says which"
    )
}
