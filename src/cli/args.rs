//! The command line: subcommands, options, help. Man pages and shell completions are made from this same definition.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use crate::ab::args::AbArgs;
use crate::attach::args::AttachArgs;
use crate::demo;
use crate::doctor::args::DoctorArgs;
use crate::export::args::ExportArgs;
use crate::flags::SettingFlags;
use crate::systemd::args::SystemdArgs;
use crate::top::args::TopArgs;

#[derive(Debug, Parser)]
#[command(
    name = "tcptune",
    version,
    about = "Gives unmodified programs the right TCP_NODELAY and corking behaviour, and proves it",
    long_about = "Gives unmodified programs the right TCP_NODELAY and corking behaviour, and proves it.\n\n\
                  A small library is loaded into the program by LD_PRELOAD. It sets TCP_NODELAY once per connection or \
                  listener, and holds a small write back only when the program has been seen to send more at once. This \
                  command starts programs with it, says whether a program can be reached, and shows the effect.",
    after_help = "Examples:\n  \
                  tcptune demo                              see the effect on this machine\n  \
                  tcptune run -- python3 migrate_imap.py    run a program with the library\n  \
                  tcptune run --nodelay force -- ./server   with a setting, see tcptune run --help\n  \
                  tcptune check /usr/sbin/nginx             can this program be reached?\n  \
                  tcptune check 4711                        is the library in that process?\n  \
                  tcptune doctor --pid 4711                 does that process wait for nothing?\n  \
                  tcptune attach 4711                       tune a process that runs already\n  \
                  tcptune systemd install legacyd           put the library on a service\n\n\
                  tcptune ab -- python3 migrate_imap.py     is it faster, and how sure is that?\n\n\
                  `tcptune help COMMAND` says more about each.",
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Attach(AttachArgs),
    Doctor(DoctorArgs),
    Ab(Box<AbArgs>),
    Report(ReportArgs),
    Systemd(SystemdArgs),
    Top(TopArgs),
    Export(ExportArgs),
    Env(EnvArgs),
    Demo(DemoArgs),
    Generate(GenerateArgs),
    #[command(hide = true)]
    DemoClient(DemoClientArgs),
}

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

/// Show what programs have counted, tuned connections beside untouched ones
///
/// Reads the files that programs started with TCPTUNE_STATS=DIR keep there, also while they run. With TCPTUNE_SPLIT a share of
/// their connections is left untouched: both groups are then compared, with confidence intervals. Services of several processes
/// are added up.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    something was counted there\n  \
    1    nothing was, or not everything could be removed\n  \
    125  wrong use, or the directory cannot be read\n\n\
    Examples:\n  \
    tcptune run --stats /run/tcptune --split 50 -- ./server\n  \
    tcptune report /run/tcptune\n  \
    tcptune report --clean /run/tcptune    remove the files of processes that are gone")]
pub struct ReportArgs {
    /// The directory that TCPTUNE_STATS names for the programs; without it that of the environment
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Print everything that was counted as JSON
    #[arg(long)]
    pub json: bool,
    /// Only remove the files of processes that are gone
    #[arg(long, conflicts_with = "json")]
    pub clean: bool,
}

/// Show the settings that hold here, and where each comes from
///
/// Reads the environment as the library does when a program is started from here.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    all settings are valid\n  \
    1    one is not: tuning is off for programs started like this\n  \
    125  wrong use")]
pub struct EnvArgs {
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}

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

/// Show the effect on this machine, in a few seconds
///
/// Appends mails over IMAP on loopback with python3's own imaplib, plain and preloaded in turns, to a small built-in server,
/// and prints the rates. Needs nothing but the command and the library.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    it was shown, or the plain run does not stall on this machine\n  \
    1    the library had no effect\n  \
    125  it could not be run")]
pub struct DemoArgs {
    /// The client whose connections are tuned
    #[arg(long, value_enum, default_value_t = demo::Choice::Auto)]
    pub client: demo::Choice,
    /// The library to show, instead of the one beside the command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
}

/// Print man pages, shell completions or the settings reference
#[derive(Debug, Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    pub what: Generate,
}

#[derive(Debug, Subcommand)]
pub enum Generate {
    /// Write the man pages into a directory
    Man {
        /// An existing directory
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
    /// Print the completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the reference page of all settings, in Markdown
    Settings,
    /// Print the names of all functions that the library of this machine stands in for
    Hooks,
}

/// The built-in client of the demonstration; a process of its own, so that preloading means something.
#[derive(Debug, Args)]
pub struct DemoClientArgs {
    pub port: u16,
    pub mails: u32,
}
