//! The command line of `tcptune ab`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::verdict::BETWEEN_SESSIONS_PERCENT;
use crate::help::Help;
use crate::values::{Bare, number, percent, time};

pub const HELP: Help = Help {
    exit: &[
        ("0", "measured, whatever the result"),
        ("1", "with --fail-if-slower: the candidate is slower"),
        ("125", "wrong use, an invalid setting, or a run that failed"),
        ("126", "a command was found but cannot be executed"),
        ("127", "a command was not found"),
        ("130", "interrupted by SIGINT, SIGTERM or SIGHUP"),
    ],
    examples: &[
        ("tcptune ab -- python3 migrate_imap.py", ""),
        ("tcptune ab --until-decided --equal-within 2 ./old ./new", ""),
        ("tcptune ab ./old ./new 'tcptune=on ./new'", ""),
        ("tcptune ab --setting cork=auto --vs cork=off -- ./client", ""),
        ("tcptune ab --arm fast='gzip -1 file' --arm small='gzip -9 file'", ""),
        ("tcptune ab --serve 'python3 -m http.server 80' --ready-port 80 --load ./load", ""),
        ("tcptune ab -n 30 --noise --html report.html -- ./client", ""),
        ("tcptune ab --fail-if-slower=5 --export json=ab.json -- ./client", ""),
    ],
    first: 3,
};

/// Compare how long commands take, or one without and with the library
///
/// Runs the command many times both ways, in random order within blocks of one run each, and tells whether it is faster, slower
/// or indistinguishable: medians, their ratio with a 95 % confidence interval, and a rank test. Without --setting and --vs, the
/// baseline runs without the library and the candidate with it. Two to eight commands, each one word for the shell, are compared
/// with the first of them: without the library, unless a setting such as tcptune=on stands before the command. Equal programs
/// are called different in fewer than one of a hundred sessions.
#[derive(Debug, Args)]
#[command(
    override_usage = "tcptune ab [OPTIONS] -- COMMAND [ARGUMENT]...\n       \
                      tcptune ab [OPTIONS] COMMAND COMMAND...\n       \
                      tcptune ab [OPTIONS] --serve COMMAND --ready-port PORT --load COMMAND",
    after_help = HELP.short(),
    after_long_help = HELP.long()
)]
pub struct AbArgs {
    /// Runs of each arm [default: 20 s worth, 10 to 60 runs]
    #[arg(short = 'n', long, value_name = "RUNS", value_parser = number(1..=10_000_u32))]
    pub runs: Option<u32>,
    /// Run until every candidate is decided: faster, slower or equal
    ///
    /// Equal means within --equal-within, or else within --between-sessions. The verdicts allow for it that they were looked at
    /// after every block.
    #[arg(long, conflicts_with = "runs")]
    pub until_decided: bool,
    /// After this time nothing more is run, decided or not
    #[arg(long, value_name = "TIME", default_value = "600s", requires = "until_decided", value_parser = time(Bare::Seconds, "1s", "24h"), hide_short_help = true)]
    pub at_most: Duration,
    /// Runs of each arm to discard first; the last of them counts segments and latencies
    #[arg(short, long, value_name = "RUNS", default_value_t = 1, value_parser = number(0..=10_000_u32), hide_short_help = true)]
    pub warmup: u32,
    /// A command to compare, with a name
    ///
    /// NAME=VALUE before the command is its environment, or a setting of the library, which it then has: cork=off ./client. The
    /// first command is the baseline.
    #[arg(long, value_name = "NAME=COMMAND", conflicts_with_all = ["serve", "load", "setting", "vs", "command"], help_heading = "What is compared")]
    pub arm: Vec<String>,
    /// A setting of the candidate, such as cork=off
    ///
    /// NAME is a setting in lower case, or any environment variable in capitals. `none`: without the library.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What is compared")]
    pub setting: Vec<OsString>,
    /// A setting of the baseline [default: no library]
    #[arg(long, value_name = "NAME=VALUE", help_heading = "What is compared")]
    pub vs: Vec<OsString>,
    /// Run the baseline against itself too: the noise of this machine
    #[arg(long, help_heading = "What is compared")]
    pub noise: bool,
    /// Preload this library, not the one next to this command or the installed one
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What is compared", hide_short_help = true)]
    pub library: Option<PathBuf>,
    /// A server to start for each run
    ///
    /// It must stay in the foreground.
    #[arg(
        long,
        value_name = "COMMAND",
        requires = "ready_port",
        requires = "load",
        help_heading = "Servers",
        hide_short_help = true
    )]
    pub serve: Option<String>,
    /// The TCP port it listens on once it is ready
    #[arg(long, value_name = "PORT", requires = "serve", help_heading = "Servers", hide_short_help = true, value_parser = number(1..=u16::MAX))]
    pub ready_port: Option<u16>,
    /// The client to time
    #[arg(long, value_name = "COMMAND", requires = "serve", conflicts_with_all = ["command", "commands"], help_heading = "Servers", hide_short_help = true)]
    pub load: Option<String>,
    /// Which end gets the settings; the other runs without the library
    #[arg(long, value_enum, value_name = "END", default_value_t = End::Server, requires = "serve", help_heading = "Servers", hide_short_help = true)]
    pub tune: End,
    /// Run this in a shell once at the start, without the library
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs", hide_short_help = true)]
    pub setup: Option<String>,
    /// Run this in a shell before each run
    ///
    /// Without the library. Of several commands each can have its own: given as often as there are commands, in their order.
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs", hide_short_help = true)]
    pub prepare: Vec<String>,
    /// Run this in a shell once at the end, even after a failure, without the library
    #[arg(long, value_name = "COMMAND", help_heading = "Around the runs", hide_short_help = true)]
    pub cleanup: Option<String>,
    /// Run the commands in a shell, and time that too [default shell: sh]
    #[arg(long, value_name = "SHELL", num_args = 0..=1, require_equals = true, default_missing_value = "sh", help_heading = "Around the runs", hide_short_help = true)]
    pub shell: Option<String>,
    /// Count failed runs like the others
    #[arg(short, long, help_heading = "Around the runs", hide_short_help = true)]
    pub ignore_failure: bool,
    /// Show the output of the commands
    #[arg(long, help_heading = "Around the runs", hide_short_help = true)]
    pub show_output: bool,
    /// In which runs the library counts segments, stalls and latencies
    ///
    /// In these runs the baseline loads the library too, and only observes.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Count::Once, hide_short_help = true)]
    pub count: Count,
    /// Say whether candidates are equal but for so much time
    ///
    /// By two one-sided tests, in this session.
    #[arg(long, value_name = "PERCENT", value_parser = positive_percent, help_heading = "Results")]
    pub equal_within: Option<f64>,
    /// How much ratios of times differ from one session to the next: smaller differences are not reported
    ///
    /// 0 judges this session alone.
    #[arg(long, value_name = "PERCENT", default_value_t = BETWEEN_SESSIONS_PERCENT, value_parser = percent, help_heading = "Results", hide_short_help = true)]
    pub between_sessions: f64,
    /// Compare numbers that the command prints, too: by a regular expression, or all of a load tool's report
    ///
    /// REGEX has one group in parentheses, around the number; the last match counts. TOOL is wrk, wrk2, oha, vegeta, hey, ab,
    /// pgbench, redis-benchmark, memtier_benchmark or sysbench; a --load that runs one of them is recognised by itself. May be
    /// given more than once.
    #[arg(long, value_name = "NAME=REGEX|TOOL", help_heading = "Results")]
    pub metric: Vec<String>,
    /// Write all results to a file; FORMAT: json, csv or markdown
    ///
    /// May be given more than once.
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Results")]
    pub export: Vec<OsString>,
    /// Write a self-contained page with plots to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Results")]
    pub html: Option<PathBuf>,
    /// Exit with 1 if the candidate is slower by more than this
    ///
    /// Slower means that the whole interval lies beyond PERCENT more time [default PERCENT: 0].
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
    /// Repeat the order of runs of an earlier report, by its seed
    #[arg(long, value_name = "NUMBER", value_parser = number(0..=u32::MAX), help_heading = "Results", hide_short_help = true)]
    pub seed: Option<u32>,
    /// Commands to compare, each as one word
    ///
    /// One alone is run without and with the library.
    #[arg(value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub commands: Vec<String>,
    /// A program and its arguments, to run without and with the library
    #[arg(
        value_name = "COMMAND",
        required_unless_present_any = ["serve", "commands", "arm"],
        conflicts_with = "commands",
        last = true,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub command: Vec<OsString>,
}

fn positive_percent(text: &str) -> Result<f64, String> {
    let percent = percent(text).ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
    percent.ok_or_else(|| "allowed is a percentage above 0, up to 100, as in 2 or 2.5%".into())
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
    /// In the last warm-up run of each arm; measured runs are left alone.
    Once,
    /// In every run.
    Every,
    /// Never.
    Off,
}
