//! /proc/PID/status: fields by their names.

use std::fmt::Display;
use std::io;

use tcptune_policy::is_confined;

use super::entry::bytes;

pub struct Status(String);

impl Status {
    pub fn of(process: impl Display) -> io::Result<Self> {
        // The name may be any bytes.
        bytes(process, "status").map(|bytes| Self(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Does the library in such a process keep to the calls that its program makes?
    pub fn is_confined(&self) -> bool {
        is_confined(self.0.as_bytes())
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn names_are_whole() {
        let status = Status("Name:\tx y\nUid:\t0\t1\nNoNewPrivs:\t1\n".to_owned());
        assert_eq!(
            (status.field("Name"), status.field("NoNewPrivs"), status.field("U")),
            (Some("x y"), Some("1"), None)
        );
    }
}
