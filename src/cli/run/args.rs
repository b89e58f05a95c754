//! The command line of `tcptune run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::settings::SettingFlags;

/// Run a program with the library
///
/// Puts the library in front of LD_PRELOAD, sets the given settings and becomes the program, as env(1) does. An option under
/// Settings replaces its variable in the environment. All settings are checked first, those of the environment too: with an
/// invalid one nothing is started.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune run [OPTIONS] [--] COMMAND [ARGUMENT]...",
    after_help = "Exit status:\n  \
        125  wrong use, an invalid setting, no usable library\n  \
        126  the command was found but cannot be executed\n  \
        127  the command was not found\n  \
        else that of the command\n\n\
        Examples:\n  \
        tcptune run -- python3 migrate_imap.py\n  \
        tcptune run --set 'keepalive=60/10/5' -- mosquitto -c mosquitto.conf\n  \
        tcptune run --rule 'port=143,993 cork=off' --rule 'peer=10.0.0.0/8 off' -- ./client\n  \
        tcptune run --only 'python*' --verbose -- make upload\n  \
        tcptune run --supervise --nodelay force -- ./go-program"
)]
pub struct RunArgs {
    /// The library to load, instead of the one beside this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
    /// Say on stderr what is set and which library is loaded
    #[arg(short, long)]
    pub verbose: bool,
    /// Say in three lines on stderr, when the program has ended, what was tuned, what that saved, what could not be seen
    ///
    /// tcptune then stays the program's parent: it passes on signals and ends as the program ends. Without --stats the counters
    /// are kept in a directory of their own, which is removed.
    #[arg(long)]
    pub summary: bool,
    /// Supervise its system calls too, for programs that load no library; taken by itself where there is need
    ///
    /// For static programs and Go: a seccomp filter makes connect and listen, of the program and of all that it starts, ask a
    /// supervisor, which sets TCP_NODELAY and the options of --set on the socket and lets the call go on. Without root this
    /// sets no_new_privs: set-id programs (sudo) that are started from it gain no privileges. Taken without being asked for
    /// where `tcptune check` says that preloading cannot reach the program and supervising can; for Go, which sets TCP_NODELAY by
    /// itself, with --nodelay force or --set only.
    #[arg(long)]
    pub supervise: bool,
    /// Never supervise
    #[arg(long, conflicts_with = "supervise")]
    pub no_supervise: bool,
    /// As root: have the kernel itself tune all that is started, in a control group of its own
    ///
    /// A BPF program of the kernel sets TCP_NODELAY and the options of --set on each TCP socket that the programs in the group
    /// connect, listen on or accept; with --nodelay force it cannot be turned off. Reaches what the library does not, at no cost
    /// per system call. It knows no rules and no patterns of programs. Linux 6.1 and cgroup2.
    #[arg(long, conflicts_with_all = ["supervise", "no_supervise"])]
    pub bpf: bool,
    #[command(flatten)]
    pub settings: SettingFlags,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}
