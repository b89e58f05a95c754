//! The command line of `tcptune demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

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
    #[arg(long, value_enum, default_value_t = Choice::Auto)]
    pub client: Choice,
    /// The library to show, instead of the one beside the command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub library: Option<PathBuf>,
}

/// Which client to show it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// python3's imaplib if there is a python3, else the built-in one.
    Auto,
    /// python3's imaplib.
    Python,
    /// A built-in client that writes as imaplib does.
    BuiltIn,
}

/// The built-in client of the demonstration; a process of its own, so that preloading means something.
#[derive(Debug, Args)]
pub struct DemoClientArgs {
    pub port: u16,
    pub mails: u32,
}
