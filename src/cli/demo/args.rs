//! The command line of `tcptune demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::help::Help;

pub const HELP: Help = Help {
    exit: &[
        ("0", "the effect was shown, or the plain run does not stall on this machine"),
        ("1", "the library had no effect"),
        ("125", "wrong use, or the demonstration could not run"),
    ],
    examples: &[("tcptune demo", ""), ("tcptune demo --client built-in", "without python3")],
    first: 2,
};

/// Demonstrate the effect on this machine in a few seconds
///
/// Appends mails over IMAP on loopback with python3's own imaplib, plain and preloaded in turns, to a small built-in server,
/// and prints the rates. Needs only the command and the library.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct DemoArgs {
    /// The client to tune
    #[arg(long, value_enum, value_name = "CLIENT", default_value_t = Choice::Auto)]
    pub client: Choice,
    /// Preload this library, not the one next to this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
}

/// Which client to show it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// python3's imaplib if it is installed, else the built-in client.
    Auto,
    /// python3's imaplib.
    Python,
    /// A client that writes as imaplib does.
    BuiltIn,
}

/// The built-in client of the demonstration; a process of its own, so that preloading means something.
#[derive(Debug, Args)]
pub struct DemoClientArgs {
    pub port: u16,
    pub mails: u32,
}
