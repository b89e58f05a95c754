//! The command line of `tcptune ls`.

use std::ffi::OsString;

use clap::Args;

use crate::help::Help;
use crate::values::number;

pub const HELP: Help = Help {
    exit: &[
        ("0", "sockets are listed"),
        ("1", "there is none"),
        ("125", "wrong use, or tcptune itself failed"),
        ("127", "no such process"),
    ],
    examples: &[
        ("tcptune ls", "every socket of this host"),
        ("tcptune ls $(pidof legacyd)", "of these processes"),
        ("tcptune ls --port 8080", "with this port, at either end"),
        ("tcptune ls --without-nodelay", "where Nagle's algorithm is on"),
        ("tcptune ls --json | jq", "for scripts"),
    ],
    first: 5,
};

/// List TCP sockets with options that ss and lsof cannot show
///
/// Lists every TCP socket in this network namespace: TCP_NODELAY and TCP_CORK, the longest delay of its ACKs, the data it holds
/// back at this moment, its round-trip time, its processes and systemd service, and whether they have loaded the library.
/// Options are read from the sockets themselves, which are duplicated for a moment (pidfd_getfd, Linux 5.6); nothing is changed.
/// Sockets of other users' processes show a dash unless root asks.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct LsArgs {
    /// Only sockets of these processes
    #[arg(value_name = "PID")]
    pub pids: Vec<OsString>,
    /// Only sockets with this local or remote port
    #[arg(long, value_name = "N", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// Only sockets whose TCP_NODELAY is known to be off
    #[arg(long)]
    pub without_nodelay: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
