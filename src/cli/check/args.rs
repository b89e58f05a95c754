//! The command line of `tcptune check`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::help::Help;

pub const HELP: Help = Help {
    exit: &[
        ("0", "it can be reached (a process: it can, or the library is loaded)"),
        ("1", "it cannot be reached"),
        ("125", "wrong use, or tcptune itself failed"),
        ("126", "it was found, but is not a program, or no permission to look at it"),
        ("127", "no such program or process"),
    ],
    examples: &[
        ("tcptune check curl", "a program in PATH"),
        ("tcptune check ./migrate.py", "a script: its #! line is followed"),
        ("tcptune check 4711", "a process (a program of that name: ./4711)"),
        ("tcptune check --json nginx", "for scripts"),
    ],
    first: 4,
};

/// Check whether LD_PRELOAD can reach a program or a running process
///
/// Reads the program's file (or /proc, for a process) without running it: class and machine, dynamic or static, C library,
/// set-user-ID and file capabilities, interpreter lines, Go. Tells what to do instead if it cannot be reached.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct CheckArgs {
    /// The name or path of a program, or a process ID
    #[arg(value_name = "PROGRAM|PID", value_hint = ValueHint::CommandName)]
    pub target: OsString,
    /// Judge for this library, not the one next to this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    /// Print everything found as JSON
    #[arg(long)]
    pub json: bool,
}
