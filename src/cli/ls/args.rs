//! The command line of `tcptune ls`.

use std::ffi::OsString;

use clap::Args;

use crate::values::number;

/// List TCP sockets with the options that ss, lsof and netstat cannot show
///
/// Lists every TCP socket of this network namespace: whether TCP_NODELAY and TCP_CORK are on, how long its acknowledgements may
/// be delayed, what it holds back at this moment, its round-trip time, the processes and the systemd service that have it, and
/// whether the library is in them. Options are read from the sockets themselves, which are borrowed for a moment
/// (pidfd_getfd, Linux 5.6); nothing is changed. Sockets of other users' processes show a dash, unless root asks.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    sockets are listed\n  \
    1    there is none\n  \
    125  wrong use, or tcptune itself failed\n  \
    127  there is no such process\n\n\
    Examples:\n  \
    tcptune ls                        all of this host\n  \
    tcptune ls $(pidof legacyd)       of these processes\n  \
    tcptune ls --port 8080            of this port, at either end\n  \
    tcptune ls --without-nodelay      where Nagle's algorithm is on\n  \
    tcptune ls --json | jq            for programs")]
pub struct LsArgs {
    /// Only sockets of these processes
    #[arg(value_name = "PID")]
    pub pids: Vec<OsString>,
    /// Only sockets whose own port or whose peer's is this
    #[arg(long, value_name = "N", value_parser = number(1..=u16::MAX))]
    pub port: Option<u16>,
    /// Only sockets of which TCP_NODELAY is known to be off
    #[arg(long)]
    pub without_nodelay: bool,
    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}
