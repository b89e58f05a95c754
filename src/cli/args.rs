//! The command line: subcommands, options, help. Man pages and shell completions are made from this same definition.

use std::ffi::OsString;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ab::args::AbArgs;
use crate::attach::args::AttachArgs;
use crate::check::args::CheckArgs;
use crate::complete::args::CompleteArgs;
use crate::demo::args::{DemoArgs, DemoClientArgs};
use crate::detach::args::DetachArgs;
use crate::doctor::args::DoctorArgs;
use crate::env::args::EnvArgs;
use crate::export::args::ExportArgs;
use crate::generate::args::GenerateArgs;
use crate::help::Help;
use crate::ls::args::LsArgs;
use crate::report::args::ReportArgs;
use crate::run::args::RunArgs;
use crate::systemd::args::SystemdArgs;
use crate::top::args::TopArgs;

/// Of the command itself.
const HELP: Help = Help {
    exit: &[("0", "help or the version was printed"), ("125", "wrong use"), ("else", "as the subcommand says")],
    examples: &[
        ("tcptune demo", "see the effect on this machine"),
        ("tcptune doctor", "which services of this host stall?"),
        ("tcptune doctor --pid 4711", "does that process stall?"),
        ("tcptune run -- python3 migrate_imap.py", "run a program with the library"),
        ("tcptune ab -- python3 migrate_imap.py", "is it faster, and how sure is that?"),
        ("tcptune check /usr/sbin/nginx", "can this program be reached?"),
        ("tcptune attach 4711", "tune a running process"),
        ("tcptune ls", "every TCP socket with its options"),
        ("tcptune systemd install legacyd", "preload the library into a service"),
    ],
    first: 9,
};

/// What stands below the options of each command, by what is typed after `tcptune`.
pub const HELPS: [(&str, &Help); 19] = [
    ("", &HELP),
    ("run", &crate::run::args::HELP),
    ("check", &crate::check::args::HELP),
    ("attach", &crate::attach::args::HELP),
    ("detach", &crate::detach::args::HELP),
    ("ls", &crate::ls::args::HELP),
    ("doctor", &crate::doctor::args::HELP),
    ("ab", &crate::ab::args::HELP),
    ("report", &crate::report::args::HELP),
    ("systemd", &crate::systemd::args::HELP),
    ("systemd install", &crate::systemd::args::INSTALL),
    ("systemd show", &crate::systemd::args::SHOW),
    ("systemd verify", &crate::systemd::args::VERIFY),
    ("systemd remove", &crate::systemd::args::REMOVE),
    ("top", &crate::top::args::HELP),
    ("export", &crate::export::args::HELP),
    ("env", &crate::env::args::HELP),
    ("demo", &crate::demo::args::HELP),
    ("generate", &crate::generate::args::HELP),
];

#[derive(Debug, Parser)]
#[command(
    name = "tcptune",
    version,
    about = "Cure Nagle and delayed-ACK stalls in unmodified programs, and prove it",
    long_about = "Cure Nagle and delayed-ACK stalls in unmodified programs, and prove it.\n\n\
                  LD_PRELOAD loads a small library into the program. It sets TCP_NODELAY once per connection or listener, and \
                  holds a small write back only if the program has been seen to send more at once. This command starts programs \
                  with the library, checks whether a program can be reached, and measures the effect.",
    after_help = HELP.short(),
    after_long_help = HELP.long(),
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
    Detach(DetachArgs),
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
    #[command(hide = true)]
    Complete(CompleteArgs),
}
