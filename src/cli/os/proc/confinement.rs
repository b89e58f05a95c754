//! What a security module confines a process to (AppArmor, SELinux): its name, in /proc/PID/attr.

use std::fmt::{self, Display};

use super::entry::text;

/// The rules under which a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    module: &'static str,
    name: String,
}

impl Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.module, self.name)
    }
}

/// None: nothing is forbidden to it, or that cannot be seen.
pub fn confinement(process: impl Display) -> Option<Confinement> {
    // Of its own since Linux 5.8. The other is that of the module that came first.
    let label = text(&process, "attr/apparmor/current").or_else(|_| text(&process, "attr/current")).ok()?;
    let permissive = || std::fs::read_to_string("/sys/fs/selinux/enforce").is_ok_and(|word| word.trim() == "0");
    of_label(&label).filter(|found| found.module != SELINUX || !permissive())
}

const APPARMOR: &str = "the AppArmor profile";
const SELINUX: &str = "the SELinux type";

fn of_label(label: &str) -> Option<Confinement> {
    let label = label.trim_matches(['\0', '\n', ' ']);
    if let Some((name, mode)) = label.strip_suffix(')').and_then(|label| label.rsplit_once(" (")) {
        // The other modes are complain, prompt and unconfined. Several profiles at once have a mode each, or `mixed`.
        let forbids = mode.split("//&").any(|mode| ["enforce", "kill", "mixed"].contains(&mode));
        return forbids.then(|| Confinement { module: APPARMOR, name: name.to_owned() });
    }
    // user:role:type:level
    let kind = label.split(':').nth(2)?;
    let free = ["unconfined_t", "unconfined_service_t", "kernel_t", "spc_t"];
    (!free.contains(&kind)).then(|| Confinement { module: SELINUX, name: kind.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::of_label;

    #[test]
    fn what_forbids_nothing_is_none() {
        for label in [
            "",
            "unconfined\n",
            "kernel\0",
            "firefox (unconfined)\n",
            "/usr/sbin/named (complain)\n",
            "_\n",
            "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023\0",
            "system_u:system_r:unconfined_service_t:s0\0",
        ] {
            assert_eq!(of_label(label), None, "{label:?}");
        }
    }

    #[test]
    fn names_are_whole() {
        for (label, shown) in [
            ("/usr/sbin/named (enforce)\n", "the AppArmor profile `/usr/sbin/named`"),
            ("a (b) (kill)\n", "the AppArmor profile `a (b)`"),
            ("one//&two (mixed)\n", "the AppArmor profile `one//&two`"),
            ("system_u:system_r:httpd_t:s0\0", "the SELinux type `httpd_t`"),
            ("system_u:system_r:container_t:s0:c1,c2\n", "the SELinux type `container_t`"),
        ] {
            assert_eq!(of_label(label).map(|found| found.to_string()).as_deref(), Some(shown), "{label:?}");
        }
    }
}
