//! Privileges a file gives to whoever starts it. When they take effect the loader ignores LD_PRELOAD (AT_SECURE).
//!
//! The rules are the kernel's: what counts is not the bit but whether it changes something for this user, on this mount.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::os::proc::{SELF, Status};

#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Privileges {
    /// Owner, if the set-user-ID bit is on.
    pub setuid: Option<u32>,
    /// Group, if the set-group-ID bit is on (and the group may execute, without which the bit means something else).
    pub setgid: Option<u32>,
    /// Names of the file capabilities.
    pub capabilities: Vec<String>,
    /// The mount or the process ignores all of the above (nosuid, no_new_privs).
    pub ignored: bool,
    /// Why the loader will ignore LD_PRELOAD for the user who asks, if it will.
    pub drops_preload: Option<String>,
}

pub fn of(file: &Path) -> Privileges {
    let Ok(meta) = file.metadata() else { return Privileges::default() };
    let mode = meta.permissions().mode();
    let mut found = Privileges {
        setuid: (mode & 0o4000 != 0).then(|| meta.uid()),
        setgid: (mode & 0o2010 == 0o2010).then(|| meta.gid()),
        capabilities: capabilities(file),
        ignored: nosuid(file) || no_new_privs(),
        drops_preload: None,
    };
    found.drops_preload = found.reason(rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    found
}

impl Privileges {
    pub fn any(&self) -> bool {
        self.setuid.is_some() || self.setgid.is_some() || !self.capabilities.is_empty()
    }

    /// Judge for somebody else than who asks.
    pub fn judge_for(&mut self, uid: u32, gid: u32) {
        self.drops_preload = self.reason(uid, gid);
    }

    fn reason(&self, uid: u32, gid: u32) -> Option<String> {
        if self.ignored {
            return None;
        }
        if let Some(owner) = self.setuid.filter(|&owner| owner != uid) {
            return Some(format!("it is setuid to user {owner}"));
        }
        if let Some(group) = self.setgid.filter(|&group| group != gid) {
            return Some(format!("it is setgid to group {group}"));
        }
        // Root gains nothing from file capabilities, so the kernel does not call it a privileged start.
        if !self.capabilities.is_empty() && uid != 0 {
            return Some(format!("it has file capabilities ({})", self.capabilities.join(", ")));
        }
        None
    }
}

fn nosuid(file: &Path) -> bool {
    rustix::fs::statvfs(file).is_ok_and(|s| s.f_flag.contains(rustix::fs::StatVfsMountFlags::NOSUID))
}

fn no_new_privs() -> bool {
    Status::of(SELF).is_ok_and(|status| status.field("NoNewPrivs") == Some("1"))
}

/// The permitted set in the attribute `security.capability` (struct vfs_cap_data, little-endian).
fn capabilities(file: &Path) -> Vec<String> {
    let mut value = [0_u8; 64];
    let Ok(length) = rustix::fs::getxattr(file, "security.capability", &mut value) else { return Vec::new() };
    names(value.get(..length).unwrap_or_default())
}

fn names(value: &[u8]) -> Vec<String> {
    let word = |index: usize| {
        let bytes = value.get(index * 4..index * 4 + 4).and_then(|b| <[u8; 4]>::try_from(b).ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    // Word 0 is the revision; then permitted and inheritable, low halves first; the inheritable ones matter as well: with
    // the caller's they become permitted.
    let set = u64::from(word(1) | word(2)) | u64::from(word(3) | word(4)) << 32;
    (0..64).filter(|bit| set >> bit & 1 == 1).map(|bit| name(bit).to_owned()).collect()
}

fn name(bit: usize) -> &'static str {
    const NAMES: [&str; 41] = [
        "cap_chown",
        "cap_dac_override",
        "cap_dac_read_search",
        "cap_fowner",
        "cap_fsetid",
        "cap_kill",
        "cap_setgid",
        "cap_setuid",
        "cap_setpcap",
        "cap_linux_immutable",
        "cap_net_bind_service",
        "cap_net_broadcast",
        "cap_net_admin",
        "cap_net_raw",
        "cap_ipc_lock",
        "cap_ipc_owner",
        "cap_sys_module",
        "cap_sys_rawio",
        "cap_sys_chroot",
        "cap_sys_ptrace",
        "cap_sys_pacct",
        "cap_sys_admin",
        "cap_sys_boot",
        "cap_sys_nice",
        "cap_sys_resource",
        "cap_sys_time",
        "cap_sys_tty_config",
        "cap_mknod",
        "cap_lease",
        "cap_audit_write",
        "cap_audit_control",
        "cap_setfcap",
        "cap_mac_override",
        "cap_mac_admin",
        "cap_syslog",
        "cap_wake_alarm",
        "cap_block_suspend",
        "cap_audit_read",
        "cap_perfmon",
        "cap_bpf",
        "cap_checkpoint_restore",
    ];
    NAMES.get(bit).copied().unwrap_or("an unknown capability")
}

#[cfg(test)]
mod tests {
    use super::{Privileges, names};

    #[test]
    fn reads_the_capability_attribute() {
        // As `setcap cap_net_raw,cap_bpf+ep` writes it: revision 2 with the effective bit.
        let mut value = vec![1, 0, 0, 2];
        for word in [1_u32 << 13, 0, 1 << (39 - 32), 0] {
            value.extend(word.to_le_bytes());
        }
        assert_eq!(names(&value), ["cap_net_raw", "cap_bpf"]);
        assert!(names(&value[..3]).is_empty());
    }

    #[test]
    fn a_bit_counts_only_where_it_changes_something() {
        let setuid = Privileges { setuid: Some(0), ..Privileges::default() };
        assert_eq!(setuid.reason(0, 0), None);
        assert!(setuid.reason(1000, 1000).is_some_and(|r| r.contains("setuid to user 0")));
        let setgid = Privileges { setgid: Some(8), ..Privileges::default() };
        assert_eq!(setgid.reason(1000, 8), None);
        assert!(setgid.reason(1000, 1000).is_some());
        let capable = Privileges { capabilities: vec!["cap_net_raw".into()], ..Privileges::default() };
        assert_eq!(capable.reason(0, 0), None);
        assert!(capable.reason(1000, 0).is_some());
        assert_eq!(Privileges { ignored: true, ..capable }.reason(1000, 0), None);
    }
}
