//! What is true besides the verdict and worth knowing.

use super::symbols::Symbols;
use crate::os::elf::Linking;
use crate::programs::c_library::Family;
use crate::programs::known;
use crate::programs::process::Seccomp;
use crate::programs::verdict::Facts;
use crate::units::filter;
use crate::units::manager::Manager;
use crate::units::name::Name;
use crate::units::{processes, unit};

pub fn notes(facts: &Facts<'_>, found: &Symbols) -> Vec<String> {
    let mut notes = Vec::new();
    let elf = facts.elf;
    let mut note = |text: String| notes.push(text);
    if facts.c_library.is_some_and(|c| c.family == Family::Other) {
        note(format!(
            "its interpreter {} is neither glibc's nor musl's: whether it honours LD_PRELOAD is not known",
            elf.interpreter.as_deref().unwrap_or_default()
        ));
    }
    if !found.defined.is_empty() {
        note(format!("it defines {} itself: calls to these go to its own version first", found.defined.join(", ")));
    }
    if elf.symbols_known && elf.linking == Linking::Dynamic && found.socket_calls.is_empty() {
        note(match found.libraries.as_slice() {
            [] if found.dlopen => {
                "it imports no socket call, nor do its libraries; it may load plug-ins that do".to_owned()
            }
            [] => "it imports no socket call, nor do the libraries it names: there is nothing to tune".to_owned(),
            libraries => format!("it imports no socket call itself; it may make them through {}", libraries.join(", ")),
        });
    }
    if let Some(text) = known::note(facts.program) {
        note(text.to_owned());
    }
    if found.php {
        note(
            "PHP loads its extensions with RTLD_DEEPBIND: their own socket calls (curl, sockets) are not seen"
                .to_owned(),
        );
    }
    if elf.nodlopen {
        note("it is marked DF_1_NOOPEN; that does not hinder preloading".to_owned());
    }
    if facts.privileges.any() && facts.process.is_none() && facts.privileges.drops_preload.is_none() {
        note(if facts.privileges.ignored {
            "its privilege bits have no effect here (nosuid mount or no_new_privs)".to_owned()
        } else {
            "its privilege bits change nothing for you; for other users the loader ignores LD_PRELOAD".to_owned()
        });
    }
    if let Some(process) = facts.process {
        if process.confined {
            note(
                "it runs under seccomp, by a filter with no_new_privs: if it was there before the program, the library makes only \
                 the calls that the program makes itself, and holds nothing; TCPTUNE_SECCOMP=all says that it allows all. One \
                 that the program installed itself makes the library only forward calls"
                    .to_owned(),
            );
        } else if process.seccomp != Seccomp::Off {
            note(
                "it runs under seccomp: a filter that it installed itself makes the library only forward calls"
                    .to_owned(),
            );
        }
        if let (Some(rules), true) = (&process.security, process.library.is_some()) {
            note(format!(
                "it is under {rules}: if that does not let it read /proc/PID/status, the library takes it for a process under a \
                 seccomp filter, and without the program's own setsockopt does nothing; TCPTUNE_SECCOMP=all says that there is none"
            ));
        }
        if process.seccomp == Seccomp::Filter
            && let Some(why) = filter_of_unit(process.pid)
        {
            note(why);
        }
        if process.io_urings.is_some_and(|n| n > 0) {
            note(
                "it uses io_uring: what it sends and accepts that way passes no C library call and is not seen"
                    .to_owned(),
            );
        }
        if process.io_urings.is_none() {
            note("its descriptors cannot be listed: whether it uses io_uring is not known".to_owned());
        }
        if process.other_mounts {
            note("it lives in another mount namespace: the library's path must exist in there".to_owned());
        }
    }
    notes
}

/// What the library lacks by the SystemCallFilter= of the unit that a process is of.
fn filter_of_unit(pid: u32) -> Option<String> {
    let service = processes::service_of(pid)?;
    let unit = unit::of_manager(Manager { user: service.user }, &Name::of(&service.name)).ok()?;
    filter::filtered(&unit).map(|why| format!("`{}`: {why}", service.name))
}
