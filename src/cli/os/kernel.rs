//! Which kernel this is.

/// Its name and release: "Linux 6.1.0-18-amd64".
pub fn name() -> String {
    let system = rustix::system::uname();
    format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy())
}

/// What the machine is called.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
