//! Which program a process runs, in the words of its user: file, command line, language.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::os::elf;
use crate::os::proc::{self, Stat};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Program {
    /// As it calls itself.
    pub name: String,
    pub file: PathBuf,
    /// Its command line, in one piece.
    pub command: String,
}

impl Program {
    pub fn of_process(pid: u32) -> Option<Self> {
        let Stat { name, .. } = Stat::of(pid)?;
        Some(Self { name, file: proc::executable(pid).unwrap_or_default(), command: proc::command_line(pid) })
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
            (Language::DotNet, &["dotnet"]),
            (Language::Lua, &["lua", "luajit"]),
            (Language::Tcl, &["tclsh", "expect", "wish"]),
        ];
        named.iter().find(|(_, names)| is(names)).map(|(language, _)| *language)
    }
}

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
        let titled = |file: &str, command: &str| {
            Program { file: file.into(), command: command.into(), ..Program::default() }.identity()
        };
        assert_eq!(titled("/usr/bin/postgres", "postgres: idle"), titled("/usr/bin/postgres", "postgres: SELECT"));
        assert_ne!(titled("/usr/bin/python3.11", "python3 a.py"), titled("/usr/bin/python3.11", "python3 b.py"));
    }

    #[test]
    fn describes_this_process() {
        let own = Program::of_process(std::process::id()).expect("it runs");
        assert!(own.base().starts_with("tcptune") && own.shown().contains("tcptune"), "{own:?}");
        assert_eq!(Program::default().shown(), "a process that cannot be seen");
    }
}
