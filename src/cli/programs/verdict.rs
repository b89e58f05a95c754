//! Can LD_PRELOAD reach it? Weighs the facts; the first obstacle decides.

use std::path::Path;

use serde::Serialize;

use super::c_library::CLibrary;
use super::privilege::Privileges;
use super::process::Process;
use super::sanitizer;
use crate::os::elf::{Elf, Linking, Platform};

#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub reachable: bool,
    /// It would not even start with the library in LD_PRELOAD.
    pub refuses: bool,
    /// Can `tcptune run --supervise` reach it when it is started?
    pub supervisable: Supervisable,
    /// One sentence: what holds, or what stands in the way.
    pub reason: String,
    /// What to do, one suggestion each.
    pub advice: Vec<String>,
}

/// Can a program be supervised? The supervisor sees its system calls, whatever it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Supervisable {
    Yes,
    /// Yes, but it sets TCP_NODELAY by itself (Go): there is only something to win where it is forced, or options are given.
    Forced,
    /// Only by root: for others supervision takes away the privileges that the program has or gives.
    Root,
    No,
}

/// What stands in the way, and what to do about it.
struct Obstacle {
    reason: String,
    refuses: bool,
    supervisable: Supervisable,
    advice: &'static [&'static str],
}

/// Everything the judgement rests on.
pub struct Facts<'f> {
    pub program: &'f Path,
    pub elf: &'f Elf,
    pub c_library: Option<&'f CLibrary>,
    pub privileges: &'f Privileges,
    pub loses_preload: Option<&'f str>,
    /// A runtime that suffers no preloaded library before it.
    pub sanitizer: Option<&'f str>,
    pub process: Option<&'f Process>,
    /// The platform of the library.
    pub library: &'f Platform,
}

const SUPERVISED: &str = "start it with `tcptune run`, which then supervises it: TCP_NODELAY and TCPTUNE_SET at connect and \
                          listen, nothing is held (see `tcptune run --help`)";
const KERNEL: &str = "as root: `tcptune run --bpf`, where the kernel itself sets the options (Linux 6.1)";
const RUNNING: &str = "if it runs already: `tcptune attach`";
const OTHER_END: &str = "put the library on the other end of the connection: TCPTUNE_QUICKACK=auto there makes it acknowledge \
                         at once, which ends this end's wait";
const OWN_CODE: &str = "set TCP_NODELAY in the program itself, if it has an option for it";
const SOCKET_UNIT: &str =
    "a server that systemd starts by a .socket unit: NoDelay=yes in that unit, accepted connections inherit it";
const ROUTE: &str = "as root on the other end: `ip route change <its route to here> quickack 1`";

pub fn judge(facts: &Facts<'_>) -> Verdict {
    if let Some(process) = facts.process
        && let Some(library) = &process.library
    {
        return yes(format!("the library is loaded ({})", library.display()), Vec::new());
    }
    match obstacle(facts) {
        Some(Obstacle { reason, refuses, supervisable, advice }) => {
            let fits = |advice: &&&str| **advice != SUPERVISED || supervisable == Supervisable::Yes;
            let advice = advice.iter().filter(fits).map(|&a| a.to_owned()).collect();
            Verdict { reachable: false, refuses, supervisable, reason, advice }
        }
        None if facts.process.is_some() => yes(
            "nothing stands in the way, but this process was started without the library".to_owned(),
            vec!["restart it with `tcptune run -- …`, or set LD_PRELOAD where it is started".to_owned()],
        ),
        None => yes("nothing stands in the way".to_owned(), Vec::new()),
    }
}

fn yes(reason: String, advice: Vec<String>) -> Verdict {
    Verdict { reachable: true, refuses: false, supervisable: Supervisable::Yes, reason, advice }
}

fn obstacle(facts: &Facts<'_>) -> Option<Obstacle> {
    use Supervisable::{Forced, No, Root, Yes};
    let found = |reason: String, supervisable, advice| Some(Obstacle { reason, refuses: false, supervisable, advice });
    let elf = facts.elf;
    let go = "a Go program: it makes its system calls itself and calls no C library function for them";
    const GO_ADVICE: &[&str] = &[
        "Go's own net package sets TCP_NODELAY by default: often there is nothing to cure",
        "where the program turns it off: `tcptune run --nodelay force`, which supervises it (see `tcptune run --help`)",
        RUNNING,
        OTHER_END,
    ];
    // The filter knows the calls of one machine, and without root it takes set-id programs their privileges.
    let supervised = match &facts.privileges.drops_preload {
        _ if elf.platform != *facts.library => No,
        Some(_) => Root,
        None if elf.go => Forced,
        None => Yes,
    };
    match elf.linking {
        Linking::NotAProgram => return found("it is an object file or a core dump, not a program".to_owned(), No, &[]),
        Linking::SharedObject if !is_loader(facts.program) => {
            return found("it is a shared library, not a program".to_owned(), No, &["check the program that loads it"]);
        }
        Linking::Static | Linking::StaticPie if elf.go => {
            return found(format!("it is statically linked, and {go}"), supervised, GO_ADVICE);
        }
        Linking::Static | Linking::StaticPie => {
            let kind = if elf.linking == Linking::Static { "static" } else { "static-pie" };
            let language = if elf.rust { " Rust program" } else { " program" };
            return found(
                format!("it is a {kind}{language}: no loader runs at its start, so nothing can be preloaded"),
                supervised,
                &[
                    SUPERVISED,
                    KERNEL,
                    RUNNING,
                    "install or build a dynamically linked version of it",
                    OWN_CODE,
                    OTHER_END,
                    SOCKET_UNIT,
                    ROUTE,
                ],
            );
        }
        _ if elf.go => return found(format!("it is {go}"), supervised, GO_ADVICE),
        _ => {}
    }
    if elf.platform != *facts.library {
        return found(
            format!("it is {}, the library is {}", elf.platform, facts.library),
            No,
            &["build the library for the program's platform", OTHER_END],
        );
    }
    if facts.c_library.is_some_and(|c| !c.interpreter_exists) && facts.process.is_none() {
        let interpreter = elf.interpreter.as_deref().unwrap_or_default();
        return found(
            format!("its interpreter {interpreter} does not exist here, so it cannot start"),
            No,
            &["install the C library that it was built for"],
        );
    }
    if let Some(runtime) = facts.sanitizer {
        return Some(Obstacle {
            reason: format!(
                "it is linked with AddressSanitizer's shared runtime ({runtime}), which ends a program that any library is \
                 preloaded into (\"ASan runtime does not come first in initial library list\")"
            ),
            refuses: true,
            supervisable: supervised,
            advice: &[sanitizer::ADVICE, SUPERVISED, RUNNING, OTHER_END],
        });
    }
    if let Some(why) = facts.loses_preload {
        return found(
            why.to_owned(),
            supervised,
            &["name the interpreter yourself: tcptune run -- INTERPRETER SCRIPT", SUPERVISED],
        );
    }
    if let Some(why) = super::known::clears_environment(facts.program)
        && facts.process.is_none()
    {
        return found(why, Root, &["put tcptune behind it: `sudo tcptune run -- COMMAND`"]);
    }
    privilege_obstacle(facts)
}

fn privilege_obstacle(facts: &Facts<'_>) -> Option<Obstacle> {
    const PRIVILEGED: &[&str] = &[
        "start it as the user it becomes, without the bits: in a systemd unit User= and AmbientCapabilities= keep LD_PRELOAD",
        "as root, for every program of the machine: name the library in /etc/ld.so.preload and limit it with TCPTUNE_ONLY",
        KERNEL,
        OWN_CODE,
    ];
    let found =
        |reason: String, advice| Some(Obstacle { reason, refuses: false, supervisable: Supervisable::Root, advice });
    if let Some(process) = facts.process {
        if process.secure {
            let why = "it was started with raised privileges (setuid, setgid or file capabilities, or a rule of AppArmor or \
                       SELinux that cleans the environment)";
            return found(format!("{why}: the loader ignores LD_PRELOAD then"), PRIVILEGED);
        }
        if process.preload_names_library() {
            const WHY: &str = "its LD_PRELOAD names the library, but it is not loaded: the file could not be opened or did not fit at its start";
            const LINE: &str = "look in its stderr or journal for a line of ld.so: `object … cannot be preloaded`";
            const PATH: &str =
                "check that the path exists and is readable for its user, inside its container or chroot";
            return match &process.security {
                None => found(WHY.to_owned(), &[LINE, PATH]),
                Some(rules) => found(
                    format!("{WHY}, or {rules} does not let it be read and mapped"),
                    &[
                        LINE,
                        "let its rules read and map the file: in AppArmor a line `/path/libtcptune.so mr,`, in SELinux the label \
                         that other libraries have (restorecon)",
                        PATH,
                    ],
                ),
            };
        }
        return None;
    }
    let why = facts.privileges.drops_preload.as_ref()?;
    found(format!("{why}: the loader ignores LD_PRELOAD then"), PRIVILEGED)
}

/// The loader run as a command (`ld.so PROGRAM`) preloads for the program that it is given.
fn is_loader(program: &Path) -> bool {
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ["ld-linux", "ld-musl", "ld64.so", "ld.so"].iter().any(|prefix| name.starts_with(prefix))
}
