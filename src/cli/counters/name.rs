//! What people call a process: the name that it was started by, and for an interpreter that of its script. The file of the
//! program says less: Debian's redis-server is a link to redis-check-rdb, and every script is "python3.11".

use super::process::Process;

/// Programs whose first argument says more than they do.
const INTERPRETERS: &[&str] =
    &["bash", "dash", "java", "lua", "node", "nodejs", "perl", "php", "python", "ruby", "sh", "uwsgi"];

/// "nginx", "server.py", "http.server" (of python3 -m http.server).
pub fn name(process: &Process) -> &str {
    let mut words = process.command.split(' ');
    let started = words.next().map(base).filter(|name| !name.is_empty());
    let own = started.unwrap_or_else(|| base(&process.program));
    let without_version = own.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if !INTERPRETERS.contains(&without_version) {
        return own;
    }
    let mut script = words.next();
    if matches!(script, Some("-m" | "-jar")) {
        script = words.next();
    } else {
        // Options that take none, as in `python3 -u server.py`; others hide the script, and it stays the interpreter.
        while matches!(script, Some("-u" | "-B" | "-E" | "-I" | "-s" | "-S" | "-w")) {
            script = words.next();
        }
    }
    script.map(base).filter(|name| !name.is_empty() && !name.starts_with('-')).unwrap_or(own)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::process;

    #[test]
    fn interpreters_go_by_their_scripts() {
        for (command, expected) in [
            ("/usr/sbin/nginx -g daemon off;", "nginx"),
            ("redis-server --port 6379", "redis-server"),
            ("/usr/bin/python3.11 -u /srv/app/server.py 8000", "server.py"),
            ("python3 -m http.server", "http.server"),
            ("python3 -c import socket", "python3"),
            ("python3", "python3"),
            ("bash", "bash"),
            ("", "redis-check-rdb"),
        ] {
            let process = process::of_command("/usr/bin/redis-check-rdb", command);
            assert_eq!(name(&process), expected, "{command}");
        }
    }
}
