//! Which program a process runs, in the words of its user: file, command line, language.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::starts;
use crate::os::elf;
use crate::os::proc::{self, Stat};
use crate::output::printable;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Program {
    /// As it calls itself.
    pub name: String,
    pub file: PathBuf,
    /// Its command line, in one piece.
    pub command: String,
    /// What starts it, as a shell takes it. None: its command line is a title that it gave itself, or too long to be repeated.
    #[serde(skip)]
    pub start: Option<String>,
}

impl Program {
    pub fn of_process(pid: u32) -> Option<Self> {
        let Stat { name, .. } = Stat::of(pid)?;
        let file = proc::executable(pid).unwrap_or_default();
        let start = starts::command(&proc::arguments(pid), &file);
        Some(Self { name, file, command: proc::command_line(pid), start })
    }

    /// The last part of the file's path, else the name.
    pub fn base(&self) -> &str {
        let file = self.file.file_name().and_then(|n| n.to_str()).map(|n| n.trim_end_matches(" (deleted)"));
        file.unwrap_or(&self.name)
    }

    /// What to call it in a sentence.
    pub fn shown(&self) -> &str {
        match (self.command.as_str(), self.name.as_str()) {
            ("", "") => "a process that cannot be seen",
            ("", name) => name,
            (command, _) => command,
        }
    }

    /// What to call it in a column: its name, or of an interpreter what it runs.
    pub fn short(&self) -> String {
        let script = || self.command.split(' ').skip(1).find(|word| !word.starts_with('-') && !word.is_empty());
        match self.interpreted().and_then(|_| script()) {
            Some(script) => script.rsplit('/').next().unwrap_or(script).to_owned(),
            None if self.base().is_empty() => self.shown().to_owned(),
            None => printable(self.base()),
        }
    }

    /// What two processes of one program have in common: the file, and for an interpreter the command line too. That of others
    /// may say what they are doing at the moment.
    pub fn identity(&self) -> (PathBuf, String) {
        let command = if self.interpreted().is_some() { self.command.clone() } else { String::new() };
        (self.file.clone(), command)
    }

    pub fn language(&self) -> Language {
        if let Some(language) = self.interpreted() {
            return language;
        }
        match elf::read(Path::new(&self.file)) {
            Ok(elf) if elf.go => Language::Go,
            Ok(elf) if elf.rust => Language::Rust,
            _ if elf::contains(Path::new(&self.file), NIM) => Language::Nim,
            _ => Language::C,
        }
    }

    /// Does it run what is written in another file?
    pub fn is_interpreter(&self) -> bool {
        self.interpreted().is_some()
    }

    /// The language of an interpreter.
    fn interpreted(&self) -> Option<Language> {
        let base = self.base();
        let is = |names: &[&str]| names.iter().any(|n| base.strip_prefix(n).is_some_and(is_version));
        let named = [
            (Language::Python, &["python", "pypy"][..]),
            (Language::Ruby, &["ruby"]),
            (Language::Perl, &["perl"]),
            (Language::Node, &["node", "nodejs", "bun", "deno"]),
            (Language::Php, &["php", "php-fpm", "php-cgi"]),
            (Language::Java, &["java"]),
            (Language::Erlang, &["beam.smp"]),
            (Language::DotNet, &["dotnet", "mono", "mono-sgen", "mono-sgen64"]),
            (Language::Lua, &["lua", "luajit"]),
            (Language::Tcl, &["tclsh", "expect", "wish"]),
        ];
        named.iter().find(|(_, names)| is(names)).map(|(language, _)| *language)
    }
}

/// What programs of Nim have in them: the function that starts them, and without symbols a file of its runtime.
const NIM: &[&[u8]] = &[b"\0NimMain\0", b"\0fatal.nim\0"];

/// What may follow a name: `3`, `3.11`, `-8.2`.
fn is_version(rest: &str) -> bool {
    rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    C,
    DotNet,
    Erlang,
    Go,
    Java,
    Lua,
    Nim,
    Node,
    Perl,
    Php,
    Python,
    Ruby,
    Rust,
    Tcl,
}

#[cfg(test)]
mod tests {
    use super::{Language, Program};

    #[test]
    fn knows_languages_by_their_interpreters() {
        let of = |file: &str| Program { file: file.into(), ..Program::default() }.language();
        assert_eq!(of("/usr/bin/python3.11"), Language::Python);
        assert_eq!(of("/usr/sbin/php-fpm8.2"), Language::Php);
        assert_eq!(of("/usr/bin/perl"), Language::Perl);
        assert_eq!(of("/usr/bin/perlbug"), Language::C);
        assert_eq!(of("/nowhere"), Language::C);
        for mono in ["mono", "mono-sgen", "mono-sgen64", "dotnet"] {
            assert_eq!(of(&format!("/usr/bin/{mono}")), Language::DotNet);
        }
        assert_eq!(of("/usr/bin/monotone"), Language::C);
        let titled = |file: &str, command: &str| {
            Program { file: file.into(), command: command.into(), ..Program::default() }.identity()
        };
        assert_eq!(titled("/usr/bin/postgres", "postgres: idle"), titled("/usr/bin/postgres", "postgres: SELECT"));
        assert_ne!(titled("/usr/bin/python3.11", "python3 a.py"), titled("/usr/bin/python3.11", "python3 b.py"));
    }

    #[test]
    fn knows_what_was_written_in_nim() {
        let scratch = std::env::temp_dir().join(format!("tcptune-nim-{}", std::process::id()));
        // A program of this machine's with what Nim's runtime leaves in one, and without.
        for (add, expected) in
            [(&b"\0fatal.nim\0"[..], Language::Nim), (b"\0NimMain\0", Language::Nim), (b"fatal.nimble", Language::C)]
        {
            let whole = [std::fs::read("/bin/true").expect("a program"), add.to_vec()].concat();
            std::fs::write(&scratch, whole).expect("room");
            let program = Program { file: scratch.clone(), ..Program::default() };
            assert_eq!(program.language(), expected);
        }
        std::fs::remove_file(&scratch).expect("it is there");
    }

    #[test]
    fn a_short_name_is_that_of_what_runs() {
        let of = |file: &str, command: &str| {
            Program { file: file.into(), command: command.into(), ..Program::default() }.short()
        };
        assert_eq!(of("/usr/sbin/nginx", "nginx: worker process"), "nginx");
        assert_eq!(of("/usr/bin/python3.11", "python3 -u /srv/app/serve.py --port 80"), "serve.py");
        assert_eq!(of("/usr/bin/python3.11", "python3"), "python3.11");
        assert_eq!(of("", ""), "a process that cannot be seen");
    }

    #[test]
    fn describes_this_process() {
        let own = Program::of_process(std::process::id()).expect("it runs");
        assert!(own.base().starts_with("tcptune") && own.shown().contains("tcptune"), "{own:?}");
        assert_eq!(Program::default().shown(), "a process that cannot be seen");
    }
}
