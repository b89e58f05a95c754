//! The command line of `tcptune check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Say whether LD_PRELOAD can reach a program or a running process
///
/// Reads the program's file (or /proc for a process) without running it: class and machine, dynamic or static, C library,
/// setuid and file capabilities, interpreter lines, Go. Says what to do instead when it cannot be reached.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    it can be reached (a process: it can, or the library is loaded)\n  \
    1    it cannot be reached\n  \
    125  wrong use, or tcptune itself failed\n  \
    126  it was found, but is no program or may not be looked at\n  \
    127  there is no such program or process\n\n\
    Examples:\n  \
    tcptune check curl              a program in PATH\n  \
    tcptune check ./migrate.py      a script: its #! line is followed\n  \
    tcptune check 4711              a process (a program named by digits: ./4711)\n  \
    tcptune check --json nginx      for scripts")]
pub struct CheckArgs {
    /// A program's name or path, or the number of a process
    #[arg(value_name = "PROGRAM|PID", value_hint = ValueHint::CommandName)]
    pub target: OsString,
    /// The library to judge for, instead of the one beside this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    /// Print everything that was found as JSON
    #[arg(long)]
    pub json: bool,
}
