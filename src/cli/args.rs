//! The command line: subcommands, options, help. Man pages and shell completions are made from this same definition.

use std::ffi::OsString;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ab::args::AbArgs;
use crate::attach::args::AttachArgs;
use crate::check::args::CheckArgs;
use crate::demo::args::{DemoArgs, DemoClientArgs};
use crate::doctor::args::DoctorArgs;
use crate::env::args::EnvArgs;
use crate::export::args::ExportArgs;
use crate::generate::args::GenerateArgs;
use crate::ls::args::LsArgs;
use crate::report::args::ReportArgs;
use crate::run::args::RunArgs;
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
                  tcptune ls                                every TCP socket, with its options\n  \
                  tcptune systemd install legacyd           put the library on a service\n\n\
                  tcptune ab -- python3 migrate_imap.py     is it faster, and how sure is that?\n\n\
                  `tcptune help COMMAND` says more about each.",
    disable_help_subcommand = false,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// The whole definition.
pub fn definition() -> clap::Command {
    with_signs(Cli::command())
}

/// What was typed.
pub fn parsed(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&definition().try_get_matches_from(arguments)?)
}

/// `--port -1` is a wrong number and not an unknown option.
fn with_signs(command: clap::Command) -> clap::Command {
    let takes = |argument: &Arg| !argument.is_positional() && argument.get_action().takes_values();
    command
        .mut_args(|argument| if takes(&argument) { argument.allow_negative_numbers(true) } else { argument })
        .mut_subcommands(with_signs)
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(RunArgs),
    Check(CheckArgs),
    Attach(AttachArgs),
    Ls(LsArgs),
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
