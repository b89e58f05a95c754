//! A program without a loader (tests/programs/supervised.c), in a directory that every user can reach, and starting it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{as_nobody, c_program, cleaned, copy_of_command, ended, is_root, set_mode};
use crate::support::{ScratchDir, library};

pub const PATIENCE: Duration = Duration::from_secs(30);
pub const SOURCE: &str = include_str!("../../programs/supervised.c");

/// The command, the library and the test's program in a directory that every user can reach.
pub struct Bench {
    pub scratch: ScratchDir,
    pub command: PathBuf,
    pub program: PathBuf,
}

impl Bench {
    pub fn new(compiler: &str) -> Self {
        let scratch = ScratchDir::new("supervise");
        set_mode(scratch.path(), 0o755);
        let command = copy_of_command(scratch.path());
        fs::copy(library(), scratch.join("libtcptune.so")).expect("copied");
        let program = c_program(&scratch, "supervised", SOURCE, compiler, &["-static", "-pthread"]);
        Bench { scratch, command, program }
    }

    /// `tcptune run` with options, and then the program; as an ordinary user where that can be arranged.
    pub fn run(&self, options: &[&str], arguments: &[&str]) -> Command {
        let mut command = cleaned(Command::new(&self.command));
        command.arg("run").args(options).arg("--").arg(&self.program).args(arguments);
        if is_root() {
            as_nobody(&mut command);
        }
        command
    }

    /// What it prints when it must succeed.
    #[track_caller]
    pub fn out(&self, options: &[&str], arguments: &[&str]) -> String {
        let (code, out, err) = ended(&mut self.run(options, arguments));
        assert_eq!(code, 0, "{options:?} {arguments:?}: {out}{err}");
        out
    }

    #[track_caller]
    pub fn median(&self, options: &[&str], arguments: &[&str]) -> f64 {
        self.out(options, arguments).trim().parse().expect("milliseconds")
    }
}

/// A 32-bit program: ends with 10 and its TCP_NODELAY after it has connected to a port. None where such programs do not run.
pub fn narrow(bench: &Bench) -> Option<PathBuf> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let flags = ["-m32", "-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie", "-fno-stack-protector"];
    let program = c_program(&bench.scratch, "narrow", include_str!("../../programs/narrow.c"), "gcc", &flags);
    let runs = Command::new(&program).arg("0").status().is_ok();
    if !runs {
        eprintln!("this kernel runs no 32-bit programs: not tested");
    }
    runs.then_some(program)
}

/// Accepts connections, and drops them, as long as the test runs.
pub fn sink() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port.to_string()
}

/// The lines of `roles`, which come in any order.
pub fn sorted(out: &str) -> Vec<String> {
    let mut lines: Vec<String> = out.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// These lines, if all roles have the same values.
pub fn expected(values: &str) -> [String; 5] {
    ["child", "exec", "grandchild", "main", "thread"].map(|who| format!("{who} {values}"))
}

#[track_caller]
pub fn wait_until(what: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(2));
    }
}
