//! The command line of `tcptune export`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::address::Address;
use crate::values::{Bare, number, share, time};

/// Give what programs count to Prometheus
///
/// Reads the counters of a directory (TCPTUNE_STATS=DIR) and writes them in Prometheus' text format: to stdout, to a file for
/// node_exporter's textfile collector, or over HTTP. Counts are added up by program, service and arm (tuned, untouched), those
/// of ended processes included, and never fall while the exporter runs.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    written; with --every and --listen: ended by a signal\n  \
    125  wrong use, or the directory cannot be read, the file not written, the address or socket not listened on\n\n\
    Examples:\n  \
    tcptune export /run/tcptune\n  \
    tcptune export --textfile /var/lib/prometheus/node-exporter/tcptune.prom --every 15 /run/tcptune\n  \
    tcptune export --listen 9919 --ended /var/lib/tcptune/ended.json /run/tcptune\n  \
    tcptune export --host --listen 9919          which services of this host lose time, with nothing installed in them")]
pub struct ExportArgs {
    /// The directory that TCPTUNE_STATS names for the programs; without it that of the environment, or none with --host
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Watch all connections of this host as `tcptune doctor --all` does, and count the time that each service loses
    ///
    /// Every 10 seconds what was seen is judged and added up. Programs are not touched, and need not have the library. Of an
    /// ordinary user only connections of own processes are seen. To stdout, and without --every, once: after 10 seconds.
    #[arg(long)]
    pub host: bool,
    /// How much of one core the watch of the host may take, in per cent [default: 2]
    #[arg(long, value_name = "PERCENT", requires = "host", value_parser = share)]
    pub budget: Option<f64>,
    /// Write to this file, whole or not at all; node_exporter reads names that end in .prom
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub textfile: Option<PathBuf>,
    /// Write the file again and again, this far apart; a bare number is in seconds
    #[arg(long, value_name = "TIME", requires = "textfile", conflicts_with = "listen", value_parser = time(Bare::Seconds, "100ms", "1h"))]
    pub every: Option<Duration>,
    /// Answer GET /metrics on this port, of 127.0.0.1 where no address is named, or at this socket
    ///
    /// Who does not ask or does not read for five seconds is hung up on, and of more than 128 at a time the one that has been
    /// asking for longest. A socket gets mode 0660: its group may ask.
    #[arg(long, value_name = "[ADDRESS:]PORT|unix:PATH", conflicts_with = "textfile", value_parser = Address::parse)]
    pub listen: Option<Address>,
    /// Keep the counts of ended processes in this file, and remove their own files
    ///
    /// Without it their files stay, and are read, until `tcptune report --clean` removes them. With it the directory stays
    /// small, and sums go on where they were when the exporter is started again. Use this or `report --clean`, not both.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ended: Option<PathBuf>,
    /// How many services, of all programs, get series of their own; what comes later is added up as program and service "others"
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = number(1..=10_000_u16))]
    pub max_services: u16,
}
