//! The command line of `tcptune run`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::help::Help;
use crate::settings::SettingFlags;

pub const HELP: Help = Help {
    exit: &[
        ("125", "wrong use, an invalid setting, or no usable library; nothing was started"),
        ("126", "the command was found but cannot be executed"),
        ("127", "the command was not found"),
        ("else", "the exit status of the command"),
    ],
    examples: &[
        ("tcptune run -- python3 migrate_imap.py", ""),
        ("tcptune run --nodelay force -- ./server", "even where it turns TCP_NODELAY off"),
        ("tcptune run --summary -- make upload", "and say what was tuned"),
        ("tcptune run --set 'keepalive=60/10/5' -- mosquitto -c mosquitto.conf", ""),
        ("tcptune run --rule 'port=143,993 cork=off' --rule 'peer=10.0.0.0/8 off' -- ./a", ""),
        ("tcptune run --only 'python*' --verbose -- make upload", ""),
        ("tcptune run --supervise --nodelay force -- ./go-program", ""),
    ],
    first: 3,
};

/// Run a program with the library preloaded
///
/// Prepends the library to LD_PRELOAD, exports the settings and executes the program in its own place, as env(1) does. An
/// option under Settings overrides its environment variable. All settings are checked first, those in the environment too: if
/// one is invalid, nothing is started.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune run [OPTIONS] [--] COMMAND [ARGUMENT]...",
    after_help = HELP.short(),
    after_long_help = HELP.long()
)]
pub struct RunArgs {
    /// Preload this library, not the one next to this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub library: Option<PathBuf>,
    /// Print the settings and the library in use to stderr
    #[arg(short, long)]
    pub verbose: bool,
    /// When the program has ended, summarize on stderr what was tuned
    ///
    /// Three lines: what was tuned, what that saved, what could not be seen. tcptune stays the program's parent, forwards
    /// signals and exits as the program does. Without --stats the counters go to a temporary directory.
    #[arg(long)]
    pub summary: bool,
    /// Intercept system calls too, for static programs and Go
    ///
    /// A seccomp filter sends each connect and listen of the program, and of all its descendants, to a supervisor, which sets
    /// TCP_NODELAY and the options of --set on the socket and lets the call proceed. Without root this sets no_new_privs:
    /// set-user-ID programs such as sudo gain no privileges. Used automatically where `tcptune check` reports that preloading
    /// cannot reach the program and supervision can; for Go, which sets TCP_NODELAY itself, only with --nodelay force or --set.
    #[arg(long)]
    pub supervise: bool,
    /// Never supervise
    #[arg(long, conflicts_with = "supervise", hide_short_help = true)]
    pub no_supervise: bool,
    /// As root: let a BPF program in the kernel set the options
    ///
    /// The command runs in a cgroup of its own. A BPF program sets TCP_NODELAY and the options of --set on every TCP socket
    /// that a program in the cgroup connects, listens on or accepts; with --nodelay force it cannot be turned off. This reaches
    /// what the library cannot, at no cost per system call, but knows neither rules nor program patterns. Needs Linux 6.1 and
    /// cgroup2.
    #[arg(long, conflicts_with_all = ["supervise", "no_supervise"])]
    pub bpf: bool,
    #[command(flatten)]
    pub settings: SettingFlags,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}
