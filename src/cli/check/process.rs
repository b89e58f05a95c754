//! What /proc tells of a running process: is the library in it, and what stands in its way. Looks, never touches.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND, plain};
use crate::library;

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
        let entries = self.preload.as_deref().unwrap_or_default();
        entries.split([':', ' ', '\t']).any(|entry| library::is_named_like_ours(Path::new(entry)))
    }
}

pub fn look(pid: u32) -> Result<Process, Failure> {
    let root = PathBuf::from(format!("/proc/{pid}"));
    let Ok(meta) = root.metadata() else {
        return Err(Failure::new(NOT_FOUND, format!("there is no process {pid}")));
    };
    let status = std::fs::read_to_string(root.join("status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    let name = field("Name").unwrap_or("?").to_owned();
    let refused = |e: &io::Error| explain(pid, &name, meta.uid(), e);
    if field("State").is_some_and(|s| s.starts_with('Z')) {
        return Err(Failure::new(CANNOT_EXECUTE, format!("process {pid} ({name}) has ended already (zombie)")));
    }
    let executable = std::fs::read_link(root.join("exe")).map_err(|e| refused(&e))?;
    let maps = std::fs::read(root.join("maps")).map_err(|e| refused(&e))?;
    let environment = std::fs::read(root.join("environ")).map_err(|e| refused(&e))?;
    let preload = environment.split(|&b| b == 0).find_map(|v| v.strip_prefix(b"LD_PRELOAD="));
    let mapped = mapped_files(&maps);
    let named = |file: &PathBuf, test: fn(&str) -> bool| file.file_name().and_then(OsStr::to_str).is_some_and(test);
    let c_library = mapped.iter().find(|f| named(f, |n| n.starts_with("libc.so.6") || n.starts_with("ld-musl")));
    Ok(Process {
        pid,
        uid: meta.uid(),
        library: mapped.iter().find(|f| library::is_named_like_ours(f)).cloned(),
        preload: preload.map(|v| String::from_utf8_lossy(v).into_owned()),
        secure: auxiliary(&std::fs::read(root.join("auxv")).unwrap_or_default(), AT_SECURE) == Some(1),
        seccomp: match field("Seccomp") {
            Some("1") => Seccomp::Strict,
            Some("2") => Seccomp::Filter,
            _ => Seccomp::Off,
        },
        io_urings: io_urings(&root.join("fd")),
        other_mounts: other_mounts(&root),
        // Through its root: in a container the path means another file than here.
        c_library: c_library.and_then(|f| f.strip_prefix("/").ok()).map(|f| root.join("root").join(f)),
        name,
        executable,
    })
}

const AT_SECURE: usize = 23;

fn explain(pid: u32, name: &str, uid: u32, error: &io::Error) -> Failure {
    let message = match error.kind() {
        // Root without CAP_SYS_PTRACE (a container) is no better off than anybody else.
        io::ErrorKind::PermissionDenied if [0, uid].contains(&rustix::process::getuid().as_raw()) => {
            format!("process {pid} ({name}) may not be looked at from here: that takes CAP_SYS_PTRACE")
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "process {pid} ({name}) may only be looked at by its user (uid {uid}) or root: try again as one of them"
            )
        }
        // Kernel threads have no executable.
        io::ErrorKind::NotFound => {
            format!("process {pid} ({name}) runs no program (a kernel thread, or it just ended)")
        }
        _ => format!("process {pid} ({name}) cannot be looked at: {}", plain(error)),
    };
    Failure::new(CANNOT_EXECUTE, message)
}

fn mapped_files(maps: &[u8]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for line in maps.split(|&b| b == b'\n') {
        let Some(at) = line.iter().position(|&b| b == b'/') else { continue };
        let path = line.get(at..).unwrap_or_default();
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let file = PathBuf::from(OsStr::from_bytes(path));
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// An entry of the auxiliary vector: pairs of native words.
fn auxiliary(vector: &[u8], wanted: usize) -> Option<usize> {
    const WORD: usize = size_of::<usize>();
    let words: Vec<usize> =
        vector.chunks_exact(WORD).filter_map(|b| b.try_into().ok().map(usize::from_ne_bytes)).collect();
    words.chunks_exact(2).find(|pair| pair[0] == wanted).map(|pair| pair[1])
}

fn io_urings(descriptors: &Path) -> Option<usize> {
    let entries = std::fs::read_dir(descriptors).ok()?;
    let links = entries.flatten().filter_map(|e| std::fs::read_link(e.path()).ok());
    Some(links.filter(|l| l.as_os_str() == "anon_inode:[io_uring]").count())
}

fn other_mounts(root: &Path) -> bool {
    let theirs = std::fs::read_link(root.join("ns/mnt"));
    let ours = std::fs::read_link("/proc/self/ns/mnt");
    matches!((theirs, ours), (Ok(a), Ok(b)) if a != b)
}

#[cfg(test)]
mod tests {
    use super::{auxiliary, mapped_files};
    use std::path::PathBuf;

    #[test]
    fn reads_the_auxiliary_vector() {
        let words = [6_usize, 4096, 23, 1, 0, 0];
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
        assert_eq!(auxiliary(&bytes, 23), Some(1));
        assert_eq!(auxiliary(&bytes, 9), None);
        assert_eq!(auxiliary(&bytes[..5], 6), None);
    }

    #[test]
    fn reads_mapped_files_once_each() {
        let maps = b"7f00-7f01 r--p 00000000 08:01 42   /usr/lib/a b.so\n7f01-7f02 r-xp 00001000 08:01 42   /usr/lib/a b.so\n\
                     7f02-7f03 rw-p 00000000 00:00 0 \n7f03-7f04 r-xp 00000000 08:01 43   /opt/libtcptune.so (deleted)\n";
        assert_eq!(mapped_files(maps), [PathBuf::from("/usr/lib/a b.so"), PathBuf::from("/opt/libtcptune.so")]);
    }
}
