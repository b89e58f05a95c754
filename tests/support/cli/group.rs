//! A control group, as a service has one.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// A control group as systemd makes one for a service; removed at the end.
pub struct Group(pub PathBuf);

impl Group {
    /// None where there is no control group of version 2 that may be changed.
    pub fn new(name: &str) -> Option<Group> {
        // Where version 2 is mounted, beside version 1 or alone.
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?.split(' ').nth(4)?;
        let path = PathBuf::from(mount).join(name);
        fs::create_dir(&path).ok()?;
        Some(Group(path))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its process has ended by now, but the kernel may need a moment to see it.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
