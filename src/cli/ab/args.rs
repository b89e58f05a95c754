//! The command line of `tcptune ab`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::values::{number, percent};

/// Compare a program's runs without and with the library, or with two settings
///
/// Runs the command many times in both ways, in random order and blocks of one run each, and says whether it is faster, slower,
/// or not to be told apart: medians, their ratio with a 95 % interval, and a rank test. Without --setting and --vs the runs are
/// without the library and with it. Equal things are found different in fewer than one of a hundred comparisons.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune ab [OPTIONS] [--] COMMAND [ARGUMENT]...\n       \
                      tcptune ab [OPTIONS] --serve COMMAND --ready-port PORT --load COMMAND",
    after_help = "Exit status:\n  \
        0    it was measured, whatever the result\n  \
        1    with --fail-if-slower: it is slower\n  \
        125  wrong use, an invalid setting, a run that failed\n  \
        126  a command was found but cannot be executed\n  \
        127  a command was not found\n  \
        130  interrupted\n\n\
        Examples:\n  \
        tcptune ab -- python3 migrate_imap.py\n  \
        tcptune ab -n 30 --html report.html -- ./client\n  \
        tcptune ab --setting cork=auto --vs cork=off -- ./client\n  \
        tcptune ab --serve 'python3 -m http.server 8000' --ready-port 8000 --load './load http://127.0.0.1:8000/'\n  \
        tcptune ab --fail-if-slower=5 --export json=ab.json -- ./client"
)]
pub struct AbArgs {
    /// Runs of each arm that count [default: about 20 seconds' worth, at least 10 and at most 60]
    #[arg(short = 'n', long, value_name = "RUNS", value_parser = number(1..=10_000_u32))]
    pub runs: Option<u32>,
    /// Runs of each arm before those that count; the last of them is where segments and latencies are looked at
    #[arg(short, long, value_name = "RUNS", default_value_t = 1, value_parser = number(0..=10_000_u32))]
    pub warmup: u32,
    /// A setting of the candidate, as in cork=off; other variables in capitals; `none`: without the library
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What is compared")]
    pub setting: Vec<OsString>,
    /// A setting of the baseline that it is compared with [default: none, that is, without the library]
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What is compared")]
    pub vs: Vec<OsString>,
    /// The library to load, instead of the one beside this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What is compared")]
    pub library: Option<PathBuf>,
    /// A server that is started before each run and ended after it; it must stay in the foreground
    #[arg(long, value_name = "COMMAND", requires = "ready_port", requires = "load", help_heading = "Servers")]
    pub serve: Option<String>,
    /// The TCP port that the server listens on when it is ready
    #[arg(long, value_name = "PORT", requires = "serve", help_heading = "Servers", value_parser = number(1..=u16::MAX))]
    pub ready_port: Option<u16>,
    /// The client whose time is taken
    #[arg(long, value_name = "COMMAND", requires = "serve", conflicts_with = "command", help_heading = "Servers")]
    pub load: Option<String>,
    /// Which end has the settings; the other runs without the library
    #[arg(long, value_enum, default_value_t = End::Server, requires = "serve", help_heading = "Servers")]
    pub tune: End,
    /// Once before everything, by the shell, without the library
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs")]
    pub setup: Option<String>,
    /// Before each run, by the shell, without the library
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs")]
    pub prepare: Option<String>,
    /// Once after everything, also after a failure, by the shell, without the library
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs")]
    pub cleanup: Option<String>,
    /// Have the commands run by a shell, which is then part of what is measured [default shell: sh]
    #[arg(long, value_name = "SHELL", num_args = 0..=1, require_equals = true, default_missing_value = "sh", help_heading = "Around the runs")]
    pub shell: Option<String>,
    /// Count runs that fail like the others
    #[arg(short, long, help_heading = "Around the runs")]
    pub ignore_failure: bool,
    /// Let the commands' output through
    #[arg(long, help_heading = "Around the runs")]
    pub show_output: bool,
    /// In which runs the library counts segments, stalls and latencies; in those the baseline has it too, only observing
    #[arg(long, value_enum, default_value_t = Count::Once)]
    pub count: Count,
    /// Write all results to a file; may be given more than once
    #[arg(long, value_name = "json|csv|markdown=FILE", help_heading = "Results")]
    pub export: Vec<OsString>,
    /// Write a page with plots, complete in itself, to a file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Results")]
    pub html: Option<PathBuf>,
    /// Exit with 1 if the candidate is slower: its interval lies wholly beyond PERCENT more time [default PERCENT: 0]
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0",
        value_parser = percent,
        help_heading = "Results"
    )]
    pub fail_if_slower: Option<f64>,
    /// Repeat an order of runs: the number that a report tells
    #[arg(long, value_name = "NUMBER", value_parser = number(0..=u32::MAX), help_heading = "Results")]
    pub seed: Option<u32>,
    /// The program and its arguments
    #[arg(
        value_name = "COMMAND",
        required_unless_present = "serve",
        trailing_var_arg = true,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub command: Vec<OsString>,
}

/// An end of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// The command of --serve.
    Server,
    /// The command of --load.
    Load,
}

/// When the library counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Count {
    /// In the last warm-up run of each arm: those that count in the figures are left alone.
    Once,
    /// In every run, so that each has its own figures.
    Every,
    /// Never.
    Off,
}
