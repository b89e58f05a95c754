//! The command line of `tcptune export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::address::Address;
use crate::help::Help;
use crate::values::{Bare, number, share, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "written; with --every, --listen and --host: also when ended by a signal"),
        ("125", "wrong use, or the directory cannot be read, the file not written, the address not used"),
    ],
    examples: &[
        ("tcptune export /run/tcptune", ""),
        ("tcptune export --listen 9919 --ended /var/lib/tcptune/ended.json /run/tcptune", ""),
        ("tcptune export --host --listen 9919", "watch the whole host"),
        ("tcptune export --textfile /srv/prom/tcptune.prom --every 15s /run/tcptune", ""),
    ],
    first: 3,
};

/// Export the counters to Prometheus
///
/// Reads the counters in a directory (TCPTUNE_STATS=DIR) and writes them in the Prometheus text format: to stdout, to a file for
/// the textfile collector of node_exporter, or over HTTP. Counters are summed by program, service and arm (tuned, untouched),
/// those of ended processes included, and never decrease while the exporter runs.
#[derive(Debug, Args)]
#[command(after_help = HELP.short(), after_long_help = HELP.long())]
pub struct ExportArgs {
    /// The directory that TCPTUNE_STATS names [default: TCPTUNE_STATS of this environment; with --host none]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Watch this host as `tcptune doctor --all` does, and count the time each service loses
    ///
    /// What was seen is judged and added up every 10 seconds. Programs are not touched and need no library. An ordinary user
    /// sees only connections of its own processes. To stdout, and without --every: once, after 10 seconds.
    #[arg(long)]
    pub host: bool,
    /// Share of one core for watching the host, in percent [default: 2]
    #[arg(long, value_name = "PERCENT", requires = "host", value_parser = share)]
    pub budget: Option<f64>,
    /// Write to this file atomically; node_exporter reads names that end in .prom
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub textfile: Option<PathBuf>,
    /// Rewrite the file this often; a bare number is in seconds
    #[arg(long, value_name = "TIME", requires = "textfile", conflicts_with = "listen", value_parser = time(Bare::Seconds, "100ms", "1h"))]
    pub every: Option<Duration>,
    /// Serve GET /metrics on this port (127.0.0.1 if no address is given) or Unix socket
    ///
    /// Clients that send no request or do not read for five seconds are disconnected; of more than 128 at a time, the oldest. A
    /// Unix socket gets mode 0660: its group may connect.
    #[arg(long, value_name = "[ADDRESS:]PORT|unix:PATH", conflicts_with = "textfile", value_parser = Address::parse)]
    pub listen: Option<Address>,
    /// Keep the counts of ended processes in this file, and remove their own files
    ///
    /// Otherwise their files stay, and are read, until `tcptune report --clean` removes them. With this option the directory
    /// stays small, and sums continue after a restart of the exporter. Use this or `report --clean`, not both.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ended: Option<PathBuf>,
    /// How many services get series of their own; the rest are summed as program and service "others"
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = number(1..=10_000_u16))]
    pub max_services: u16,
}
