//! What /proc tells of a running process: is the library in it, and what stands in its way. Looks, never touches.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::Serialize;

use super::preload;
use crate::errors::{CANNOT_EXECUTE, Failure, plain};
use crate::os::proc::{self, Space, Status};
use crate::os::refusal;
use crate::settings;

#[derive(Clone, Debug, Serialize)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    pub executable: PathBuf,
    pub uid: u32,
    /// Our library as it is mapped.
    pub library: Option<PathBuf>,
    /// LD_PRELOAD in the environment it was started with.
    pub preload: Option<String>,
    /// It was started with raised privileges, so the loader ignored LD_PRELOAD (AT_SECURE).
    pub secure: bool,
    pub seccomp: Seccomp,
    /// It is under a filter under which the library keeps to the program's own calls.
    pub confined: bool,
    /// What a security module confines it to.
    pub security: Option<String>,
    /// Descriptors of io_uring; none if they could not be listed.
    pub io_urings: Option<usize>,
    /// It sees other mounts than we do (a container): paths mean something else there.
    pub other_mounts: bool,
    /// Its C library as mapped, seen from here.
    #[serde(skip)]
    pub c_library: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seccomp {
    Off,
    Strict,
    Filter,
}

impl Process {
    /// Does the environment it was started with name our library?
    pub fn preload_names_library(&self) -> bool {
        self.preload.as_deref().is_some_and(|list| preload::named(list.as_ref()).is_some())
    }
}

pub fn look(pid: u32) -> Result<Process, Failure> {
    let Ok(meta) = proc::entry(pid, "").metadata() else {
        return Err(refusal::of_none(pid));
    };
    let status = Status::of(pid).ok();
    let field = |name: &str| status.as_ref().and_then(|status| status.field(name));
    let name = field("Name").unwrap_or("?").to_owned();
    let refused = |e: &io::Error| explain(pid, &name, e);
    if field("State").is_some_and(|s| s.starts_with('Z')) {
        return Err(Failure::new(CANNOT_EXECUTE, format!("process {pid} ({name}) has ended already (zombie)")));
    }
    let executable = proc::executable(pid).map_err(|e| refused(&e))?;
    let maps = proc::bytes(pid, "maps").map_err(|e| refused(&e))?;
    let environment = proc::environment(pid).map_err(|e| refused(&e))?;
    let list = settings::value(&environment, preload::VARIABLE);
    let mapped = proc::files(&maps);
    let named = |file: &PathBuf, test: fn(&str) -> bool| file.file_name().and_then(OsStr::to_str).is_some_and(test);
    let c_library = mapped.iter().find(|f| named(f, |n| n.starts_with("libc.so.6") || n.starts_with("ld-musl")));
    Ok(Process {
        pid,
        uid: meta.uid(),
        library: mapped.iter().find(|f| preload::is_ours(f)).cloned(),
        preload: list.map(|value| value.to_string_lossy().into_owned()),
        secure: proc::auxiliary(pid, proc::AT_SECURE) == Some(1),
        seccomp: match field("Seccomp") {
            Some("1") => Seccomp::Strict,
            Some("2") => Seccomp::Filter,
            _ => Seccomp::Off,
        },
        confined: status.as_ref().is_some_and(Status::is_confined),
        security: proc::confinement(pid).map(|rules| rules.to_string()),
        io_urings: io_urings(pid),
        other_mounts: proc::shares(pid, Space::Mounts) == Some(false),
        // Through its root: in a container the path means another file than here.
        c_library: c_library.map(|file| proc::inside(pid, file)),
        name,
        executable,
    })
}

/// Is the library mapped into this process? None: we may not look.
pub fn has_library(pid: u32) -> Option<bool> {
    let maps = proc::bytes(pid, "maps").ok()?;
    Some(proc::files(&maps).iter().any(|file| preload::is_ours(file)))
}

fn explain(pid: u32, name: &str, error: &io::Error) -> Failure {
    let message = match error.kind() {
        io::ErrorKind::PermissionDenied => return refusal::of_sight(pid),
        // Kernel threads have no executable.
        io::ErrorKind::NotFound => {
            format!("process {pid} ({name}) runs no program (a kernel thread, or it just ended)")
        }
        _ => format!("process {pid} ({name}) cannot be looked at: {}", plain(error)),
    };
    Failure::new(CANNOT_EXECUTE, message)
}

fn io_urings(pid: u32) -> Option<usize> {
    let descriptors = proc::descriptors(pid).ok()?;
    Some(descriptors.iter().filter(|(_, link)| link.as_os_str() == "anon_inode:[io_uring]").count())
}
