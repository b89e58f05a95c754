//! What in a unit keeps the library out of its processes, or would harm them with it. Reads files only.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use crate::programs::library::Library;
use crate::programs::reach;
use crate::units::filter::filtered;
use crate::units::unit::Unit;
use crate::units::unitfile::words;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Each by itself is a reason not to install.
    pub hindrances: Vec<String>,
    /// Worth knowing.
    pub notes: Vec<String>,
}

pub fn look(unit: &Unit, library: &Library, environment: &Environment) -> Findings {
    let file = library.file.as_path();
    let mut found = Findings::default();
    let texts = [hidden(unit, file), not_executable(unit, file), filtered(unit), unreadable(unit, file)];
    found.hindrances.extend(texts.into_iter().flatten());
    if environment.takes_away("LD_PRELOAD") {
        found.hindrances.push("UnsetEnvironment= takes LD_PRELOAD away".to_owned());
    }
    for program in programs(unit) {
        found.hindrances.extend(unreachable(unit, &program, library));
    }
    found.notes.extend(environment.unread.iter().cloned());
    let passing = ["/home", "/root", "/tmp", "/var/tmp"].iter().any(|place| within(file, place));
    if passing && !unit.user {
        found.notes.push(format!(
            "the library is `{}`: where it goes away the service starts without it; below /usr/lib it stays",
            file.display()
        ));
    }
    if unit.service("RootImage").is_some() && !is_bound(unit, file) {
        let file = file.display();
        found
            .notes
            .push(format!("RootImage=: the file `{file}` must exist in that image, or be in BindReadOnlyPaths="));
    }
    for key in ["AppArmorProfile", "SELinuxContext", "SmackProcessLabel"] {
        if let Some(value) = unit.service(key) {
            let file = file.display();
            found
                .notes
                .push(format!("{key}={value}: its rules must let it read and map `{file}`, and read /proc/PID/status"));
        }
    }
    found
}

/// `path` is `place` or in it; both as seen inside.
fn within(path: &Path, place: &str) -> bool {
    path.starts_with(place.trim_start_matches(['-', '+']))
}

/// Paths of a setting that is a list of them; `source:destination` counts as where it ends up.
pub fn paths(unit: &Unit, key: &str) -> Vec<String> {
    let all: Vec<String> = unit.values("Service", key).into_iter().flat_map(words).collect();
    all.into_iter().filter_map(|word| unit.name.expand(&word)).collect()
}

fn is_bound(unit: &Unit, file: &Path) -> bool {
    let destination = |entry: &String| {
        let mut parts = entry.split(':');
        let source = parts.next().unwrap_or_default().to_owned();
        parts.next().map_or(source, str::to_owned)
    };
    let bound = ["BindReadOnlyPaths", "BindPaths"].iter().flat_map(|key| paths(unit, key));
    bound.map(|entry| destination(&entry)).any(|place| within(file, &place))
}

/// The file is not there where the service sees the world from.
fn hidden(unit: &Unit, file: &Path) -> Option<String> {
    if is_bound(unit, file) {
        return None;
    }
    let shown = file.display();
    if let Some(directory) = unit.service("RootDirectory").and_then(|d| unit.name.expand(d)).filter(|d| d != "/") {
        let inside = Path::new(&directory).join(file.strip_prefix("/").unwrap_or(file));
        if !unit.tree.exists(&inside) {
            return Some(format!(
                "RootDirectory={directory}: there is no `{shown}` in there: copy the library to `{}`, or add \
                 BindReadOnlyPaths={shown}",
                inside.display()
            ));
        }
    }
    let dynamic = unit.is_on("Service", "DynamicUser");
    let homes = ["/home", "/root", "/run/user"].iter().any(|home| within(file, home));
    if homes && unit.service("ProtectHome").is_some_and(|word| word == "tmpfs" || unit.is_on("Service", "ProtectHome"))
    {
        return Some(format!("ProtectHome= hides `{shown}`: install the library below /usr/lib"));
    }
    let temporary = ["/tmp", "/var/tmp"].iter().any(|place| within(file, place));
    if temporary && (dynamic || unit.is_on("Service", "PrivateTmp")) {
        return Some(format!("PrivateTmp= hides `{shown}`: install the library below /usr/lib"));
    }
    for key in ["InaccessiblePaths", "TemporaryFileSystem"] {
        let place = |entry: &String| entry.split(':').next().is_some_and(|place| within(file, place));
        if paths(unit, key).iter().any(place) {
            return Some(format!("{key}= hides `{shown}`: add BindReadOnlyPaths={shown}, or install it elsewhere"));
        }
    }
    None
}

/// Of NoExecPaths= and ExecPaths= the longer path decides.
fn not_executable(unit: &Unit, file: &Path) -> Option<String> {
    let longest =
        |key| paths(unit, key).iter().filter(|p| within(file, p)).map(|p| p.trim_start_matches('-').len()).max();
    let forbidden = longest("NoExecPaths")?;
    let allowed = longest("ExecPaths").unwrap_or(0);
    (forbidden > allowed).then(|| format!("NoExecPaths= forbids to load `{0}`: add ExecPaths={0}", file.display()))
}

/// May the service's user read the file?
fn unreadable(unit: &Unit, file: &Path) -> Option<String> {
    let user = named_user(unit);
    if !unit.is_on("Service", "DynamicUser") && ["root", "0"].contains(&user) {
        return None;
    }
    for (step, place) in unit.tree.resolved(file).ancestors().enumerate() {
        let needed = if step == 0 { 0o004 } else { 0o001 };
        let about = unit.tree.pin(place).and_then(|place| place.path().metadata());
        if about.is_ok_and(|meta| meta.mode() & needed == 0) {
            let place = unit.tree.shown(place);
            return Some(format!("User={user} may not read `{}` (the mode of `{}`)", file.display(), place.display()));
        }
    }
    None
}

/// What the unit starts, as far as its lines tell.
fn programs(unit: &Unit) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in unit.values("Service", "ExecStart") {
        let command = words(line.trim_start_matches(['@', '-', ':', '+', '!']));
        let Some(program) = command.first().filter(|word| !word.contains('$')).and_then(|word| unit.name.expand(word))
        else {
            continue;
        };
        let program = PathBuf::from(program);
        let places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        let program = match program.is_absolute() {
            true => Some(program),
            false => places.iter().map(|p| Path::new(p).join(&program)).find(|p| unit.tree.exists(p)),
        };
        found.extend(program.filter(|program| !found.contains(program)).into_iter().collect::<Vec<_>>());
    }
    found
}

/// Why LD_PRELOAD does not reach this program when this unit starts it.
fn unreachable(unit: &Unit, program: &Path, library: &Library) -> Option<String> {
    let directory = unit.service("RootDirectory").and_then(|d| unit.name.expand(d)).unwrap_or_default();
    let inside = Path::new("/").join(&directory).join(program.strip_prefix("/").unwrap_or(program));
    let start = reach::Start {
        // A user's own manager starts everything as that user.
        user: (!unit.user).then(|| ids(unit, named_user(unit))),
        no_new_privs: unit.is_on("Service", "NoNewPrivileges") || unit.is_on("Service", "DynamicUser"),
        elsewhere: unit.tree.is_image() || !directory.is_empty(),
    };
    let pinned = unit.tree.pin(&inside).ok()?;
    let file = if start.elsewhere { pinned.path() } else { inside.as_path() };
    let verdict = reach::service_verdict(file, &inside, library, &start).ok()?;
    (!verdict.reachable).then(|| format!("ExecStart={}: {}", program.display(), verdict.reason))
}

/// The user that the unit names.
pub fn named_user(unit: &Unit) -> &str {
    unit.service("User").unwrap_or("root")
}

/// User and group of a name. An unknown one is somebody without privileges.
pub fn ids(unit: &Unit, user: &str) -> (u32, u32) {
    let table = unit.tree.read(Path::new("/etc/passwd")).unwrap_or_default();
    let table = String::from_utf8_lossy(&table);
    let mut rows = table.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&user) || row.get(2) == Some(&user));
    let number = |at: usize| row.as_ref()?.get(at)?.parse().ok();
    (number(2).unwrap_or(65534), number(3).unwrap_or(65534))
}
