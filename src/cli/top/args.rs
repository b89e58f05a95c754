//! The command line of `tcptune top`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

/// Watch what programs count, live
///
/// Shows every process that counts into a directory (TCPTUNE_STATS=DIR): connections, data calls and bytes a second, segments
/// for each burst, stalls, what is held and what is held in vain, tuned and untouched connections. Keys sort and open one
/// process: its services, the times to an answer, why connections were not tuned. `?` lists the keys, `q` leaves.
#[derive(Debug, Args)]
#[command(after_help = "Exit status:\n  \
    0    something was counted there, or the view was left\n  \
    1    --once: nothing was counted there\n  \
    125  wrong use, or the directory cannot be read\n\n\
    Examples:\n  \
    tcptune run --stats /run/tcptune -- ./server\n  \
    tcptune top /run/tcptune\n  \
    tcptune top --once --interval 5 /run/tcptune    a plain table of five seconds, for scripts")]
pub struct TopArgs {
    /// The directory that TCPTUNE_STATS names for the programs; without it that of the environment
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Seconds between two readings, 0.1 to 3600
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: Duration,
    /// Print one plain table, of one interval, and end; taken by itself where stdout is no terminal
    #[arg(long)]
    pub once: bool,
}

/// A number of seconds, parts of it allowed.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "a number of seconds from 0.1 to 3600 is needed".to_owned();
    let value: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=3600.0).contains(&value) { Ok(Duration::from_secs_f64(value)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_seconds_and_parts_of_them() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        for wrong in ["", "0", "-1", "nan", "inf", "3601", "1s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
