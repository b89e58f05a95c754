//! The two network programs of tests/chains, started in every way and compared with their native run, byte for byte.
//!
//! Nothing here may excuse a difference, save the one that is wanted: the kernel has TCP_NODELAY where the library works.

use crate::support::compile::{self, file};
use crate::support::{Mode, Outcome, finish, text};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One of the two programs.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    C,
    Python,
}

impl Program {
    pub const BOTH: [Program; 2] = [Program::C, Program::Python];

    /// What starts it, natively.
    pub fn words(self) -> Vec<OsString> {
        static C: OnceLock<PathBuf> = OnceLock::new();
        match self {
            Program::C => vec![C.get_or_init(|| build("plain", &[])).into()],
            Program::Python => vec!["python3".into(), "-B".into(), file("chains/exchange.py").into()],
        }
    }

    /// What it prints natively, to its standard output alone; run once.
    pub fn native(self) -> &'static Printed {
        static NATIVE: [OnceLock<Printed>; 2] = [const { OnceLock::new() }; 2];
        NATIVE[self as usize].get_or_init(|| {
            let printed = Printed::of("native", &start(&self.words(), &[], &[]));
            assert!(printed.lines.len() > 20, "{self:?} prints {printed:?}");
            printed
        })
    }
}

/// Compiles the C program with these extra arguments, under a name for them.
pub fn build(name: &str, extra: &[&str]) -> PathBuf {
    compile::build("gcc", &compile::STRICT, &file("chains/exchange.c"), extra, &format!("chain-{name}"))
}

/// Runs these words with these libraries preloaded, in this order, and these environment variables.
pub fn start<W: AsRef<OsStr>>(words: &[W], preload: &[&Path], environment: &[(&str, OsString)]) -> Outcome {
    let (program, arguments) = words.split_first().expect("a program");
    let mut command = Mode::Plain.command(program);
    if !preload.is_empty() {
        let list: Vec<&OsStr> = preload.iter().map(|library| library.as_os_str()).collect();
        command.env("LD_PRELOAD", list.join(OsStr::new(":")));
    }
    finish(command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value))))
}

/// What a program printed: all its lines but the one on the kernel, and that one.
#[derive(Debug)]
pub struct Printed {
    pub lines: Vec<String>,
    pub kernel: Option<String>,
}

impl Printed {
    /// Of a run that must have ended well and said nothing on standard error.
    #[track_caller]
    pub fn of(what: &str, outcome: &Outcome) -> Self {
        assert!(
            outcome.status.success() && outcome.stderr.is_empty(),
            "{what}: {}\n{}{}",
            outcome.status,
            text(&outcome.stdout),
            text(&outcome.stderr)
        );
        Self::text(&text(&outcome.stdout))
    }

    pub fn text(text: &str) -> Self {
        let (kernel, lines) =
            text.lines().map(str::to_owned).partition::<Vec<_>, _>(|line| line.starts_with("kernel: "));
        Printed { lines, kernel: kernel.into_iter().next() }
    }

    /// Nothing but the kernel's state differs from the native run of the program.
    #[track_caller]
    pub fn expect_native(&self, what: &str, program: Program) {
        crate::support::assert_same(what, &self.lines, &program.native().lines);
    }

    /// The C program found this in the kernel; Python does not ask.
    #[track_caller]
    pub fn expect_nodelay(&self, what: &str, program: Program, nodelay: i32) {
        let expected = match program {
            Program::C => Some(format!("kernel: nodelay {nodelay}")),
            Program::Python => None,
        };
        assert_eq!(self.kernel, expected, "{what}");
    }
}
