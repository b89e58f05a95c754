//! What starts a program again, from what /proc says of a process. A command line that the program has overwritten with a title
//! ("nginx: worker process") starts nothing.

use std::path::Path;

/// A longer command line is not repeated.
pub const LONG: usize = 100;

/// The words of a command line as a shell takes them; none: a title, or too long. `file`: the program that runs.
pub fn command(words: &[Vec<u8>], file: &Path) -> Option<String> {
    let texts: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word).ok()).collect::<Option<_>>()?;
    let plain = |text: &str| !text.chars().any(char::is_control);
    let named = texts.first().is_some_and(|first| names(first, file));
    let line = shell_words::join(texts.iter().copied());
    (named && texts.iter().all(|text| plain(text)) && line.len() <= LONG).then_some(line)
}

/// Is this word what the program was called by? A script's interpreter, a link's target and a version (`python3` for
/// `python3.11`) have a name that begins alike.
fn names(word: &str, file: &Path) -> bool {
    if word.contains(':') || word.contains(' ') && !Path::new(word).exists() {
        return false;
    }
    let base =
        |path: &Path| path.file_name().map(|name| name.to_string_lossy().trim_end_matches(" (deleted)").to_owned());
    let (Some(called), Some(real)) = (base(Path::new(word.trim_start_matches('-'))), base(file)) else { return false };
    let same = || std::fs::canonicalize(word).is_ok_and(|path| path == file);
    real.starts_with(&called) || called.starts_with(&real) || same() || on_path(&called, file)
}

/// A link of another name, found as a shell finds it: `awk` for `/usr/bin/mawk`.
fn on_path(name: &str, file: &Path) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file());
    found.is_some_and(|found| found.canonicalize().is_ok_and(|target| target == file))
}

#[cfg(test)]
mod tests {
    use super::command;
    use std::path::Path;

    fn of(words: &[&str], file: &str) -> Option<String> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        command(&words, Path::new(file))
    }

    #[test]
    fn a_title_is_no_command() {
        for (title, file) in [
            ("nginx: worker process", "/usr/sbin/nginx"),
            ("nginx: master process /usr/sbin/nginx -g daemon off;", "/usr/sbin/nginx"),
            ("postgres: user db 127.0.0.1(5) idle", "/usr/lib/postgresql/15/bin/postgres"),
            ("sshd: root@pts/0", "/usr/sbin/sshd"),
            ("php-fpm: pool www", "/usr/sbin/php-fpm8.2"),
            ("/usr/bin/redis-server 127.0.0.1:6379", "/usr/bin/redis-check-rdb"),
            ("", "/usr/bin/redis-server"),
        ] {
            assert_eq!(of(&[title], file), None);
        }
    }

    #[test]
    fn a_command_is_quoted_for_a_shell() {
        assert_eq!(of(&["python3", "a b.py"], "/usr/bin/python3.11").as_deref(), Some("python3 'a b.py'"));
        assert_eq!(of(&["./client", "-x"], "/opt/client").as_deref(), Some("./client -x"));
        assert_eq!(of(&["-bash"], "/usr/bin/bash").as_deref(), Some("-bash"));
        assert_eq!(of(&["client", &"x".repeat(200)], "/opt/client"), None);
        assert_eq!(of(&[], "/opt/client"), None);
    }
}
