//! The seccomp filters under which a unit starts its programs: are there any, and do they let the library make its calls?

use super::unit::Unit;

/// System calls that the library makes besides those of the program.
const CALLS: [(&str, &str); 10] = [
    ("setsockopt", "@network-io"),
    ("getsockopt", "@network-io"),
    ("getsockname", "@network-io"),
    ("getpeername", "@network-io"),
    ("sendto", "@network-io"),
    ("sendmsg", "@network-io"),
    ("rt_sigprocmask", "@signal"),
    ("uname", "@system-service"),
    ("ioctl", "@system-service"),
    ("getrusage", "@process"),
];

/// What makes systemd install a seccomp filter (systemd.exec(5), what NoNewPrivileges= is implied by). All but the first
/// forbid nothing that the library calls.
const FILTERS: [&str; 13] = [
    "SystemCallFilter",
    "SystemCallArchitectures",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "MemoryDenyWriteExecute",
    "LockPersonality",
    "PrivateDevices",
    "ProtectClock",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "DynamicUser",
];

/// Does the unit start its programs under a filter?
pub fn installs_filter(unit: &Unit) -> bool {
    FILTERS.iter().any(|key| unit.service(key).is_some_and(|value| !["no", "false", "0", "off"].contains(&value)))
}

/// A call that the filter does not let through ends the process, or fails.
pub fn filtered(unit: &Unit) -> Option<String> {
    let lines = unit.values("Service", "SystemCallFilter");
    let allows_only_listed = !lines.first()?.starts_with('~');
    let mut open: Vec<&str> =
        if allows_only_listed { Vec::new() } else { CALLS.iter().map(|(call, _)| *call).collect() };
    for line in lines {
        let (removes, list) = line.strip_prefix('~').map_or((false, line), |list| (true, list));
        for word in list.split_ascii_whitespace().map(|word| word.split(':').next().unwrap_or(word)) {
            let meant = |call: &str, group: &str| {
                word == call || word == group || ["@system-service", "@known"].contains(&word)
            };
            for (call, _) in CALLS.iter().filter(|(call, group)| meant(call, group)) {
                open.retain(|other| other != call);
                if !removes {
                    open.push(call);
                }
            }
        }
    }
    let missing: Vec<&str> = CALLS.iter().map(|(call, _)| *call).filter(|call| !open.contains(call)).collect();
    if missing.is_empty() {
        return None;
    }
    let missing = missing.join(" ");
    let effect = if unit.service("SystemCallErrorNumber").is_some_and(|word| word != "kill") {
        "the library would do nothing"
    } else {
        "the kernel would kill the process at the library's first call"
    };
    Some(format!("SystemCallFilter= does not allow {missing}: {effect}: add SystemCallFilter={missing}"))
}
