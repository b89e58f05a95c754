//! What /proc/PID/status says of the filter under which a process was started (proc_pid_status(5)).

/// Must a library in this process make no call that the program does not make itself? True if there is a filter
/// (`Seccomp`) that anybody could have installed (`NoNewPrivs`): it may kill for any call that is not on its list. A filter
/// without that flag comes from who has CAP_SYS_ADMIN: a service manager, or a container runtime, whose profiles are
/// made for all programs. True also if there is nothing to read.
#[must_use]
pub fn is_confined(status: &[u8]) -> bool {
    match field(status, &SECCOMP) {
        Some(b'0') => false,
        Some(_) => field(status, &PRIVILEGES) != Some(b'0'),
        None => status.is_empty(),
    }
}

// Named, so that the library's layout can place them (src/shim/layout.ld).
static SECCOMP: [u8; 8] = *b"Seccomp:";
static PRIVILEGES: [u8; 11] = *b"NoNewPrivs:";

/// The first character of a field's value.
fn field(status: &[u8], name: &[u8]) -> Option<u8> {
    status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name)?.trim_ascii_start().first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_filter_that_anybody_could_have_installed_confines() {
        for (seccomp, privileges, confined) in [
            ("Seccomp:\t0\n", "NoNewPrivs:\t1\n", false),
            ("Seccomp:\t2\n", "NoNewPrivs:\t0\n", false),
            ("Seccomp:\t2\n", "NoNewPrivs:\t1\n", true),
            // Linux before 4.10 does not say it.
            ("Seccomp:\t2\n", "", true),
            // A kernel without seccomp.
            ("", "NoNewPrivs:\t1\n", false),
        ] {
            let status = format!("Name:\tSeccomp:\t2\n{privileges}{seccomp}Seccomp_filters:\t7\n");
            assert_eq!(is_confined(status.as_bytes()), confined, "{status}");
        }
        assert!(is_confined(b""), "no /proc");
    }
}
