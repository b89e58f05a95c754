//! Programs that are known to change LD_PRELOAD for what they start, by the name of their file.

use std::path::Path;

/// Starts another program with a cleared environment: preloading has to begin behind it.
pub fn clears_environment(program: &Path) -> Option<String> {
    let name = program.file_name()?.to_str()?;
    let known = ["sudo", "doas", "pkexec"].contains(&name);
    known.then(|| format!("{name} clears LD_PRELOAD before it starts the program behind it"))
}

/// What to do besides, for daemons that hand their children an environment of their own making.
pub fn note(program: &Path) -> Option<&'static str> {
    let name = program.file_name()?.to_str()?;
    let of_postfix = name == "postfix" || program.ends_with("postfix/sbin/master");
    if of_postfix {
        return Some("Postfix clears its children's environment: add LD_PRELOAD to import_environment in main.cf");
    }
    (name == "dovecot")
        .then_some("Dovecot clears its children's environment: add LD_PRELOAD to import_environment in dovecot.conf")
}

#[cfg(test)]
mod tests {
    use super::{clears_environment, note};
    use std::path::Path;

    #[test]
    fn knows_launchers_and_daemons_by_their_files() {
        assert!(clears_environment(Path::new("/usr/bin/sudo")).is_some());
        assert!(clears_environment(Path::new("/usr/bin/sudoku")).is_none());
        assert!(note(Path::new("/usr/sbin/dovecot")).is_some());
        assert!(note(Path::new("/usr/lib/postfix/sbin/master")).is_some());
        assert!(note(Path::new("/usr/sbin/nginx")).is_none());
    }
}
