//! `tcptune export`: what the processes of a directory have counted, for Prometheus: once, again and again into a file, or over
//! HTTP; and what the services of this host lose, with --host. Removes files of counters only with --ended, and only when their counts are safe.

mod address;
pub mod args;
mod connections;
mod ended;
mod exporter;
mod host;
mod listen;
mod lost;
mod server;
mod text;
mod totals;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use signal_hook::consts::SIGPIPE;

use crate::counters;
use crate::errors::{Context, Failure, OK, say};
use crate::os::ending::Ending;
use crate::os::files::Target;
use crate::output;
use args::ExportArgs;
use exporter::Exporter;
use host::Watcher;

pub fn command(args: &ExportArgs) -> Result<u8, Failure> {
    // What the environment names may be there for other programs.
    let directory = match (args.host, args.directory.as_deref()) {
        (true, None) => None,
        (_, given) => Some(counters::directory(given, "export")?),
    };
    let host = if args.host { Some(Watcher::start(args)?) } else { None };
    if let Some(host) = host.as_ref().filter(|_| args.every.is_none() && args.listen.is_none()) {
        host.wait(&Ending::caught()?)?;
    }
    let mut exporter = Exporter::new(directory, host, args)?;
    match (&args.textfile, args.every, &args.listen) {
        (Some(path), None, _) => write(path, &mut exporter)?,
        (Some(path), Some(every), _) => again_and_again(path, every, &mut exporter, &ending()?)?,
        (None, _, Some(address)) => {
            // What is wrong with the directory is better said now than to whoever asks first.
            exporter.text()?;
            listen::serve(address, &mut exporter, &ending()?)?;
        }
        (None, ..) => output::raw(exporter.text()?.as_bytes()),
    }
    Ok(OK)
}

/// Mode of the file: node_exporter runs as a user of its own.
const READABLE: u32 = 0o644;

fn write(path: &Path, exporter: &mut Exporter) -> Result<(), Failure> {
    let text = exporter.text()?;
    Target::find("--textfile", path)?.write(text.as_bytes(), Some(READABLE))
}

fn again_and_again(path: &Path, every: Duration, exporter: &mut Exporter, ending: &Ending) -> Result<(), Failure> {
    write(path, exporter)?;
    let mut due = Instant::now() + every;
    while !ending.within(due.saturating_duration_since(Instant::now())) {
        // A full disk may have room again: the file then tells its age (node_textfile_mtime_seconds).
        if let Err(failure) = write(path, exporter) {
            say(failure.message);
        }
        due = Instant::now() + every;
    }
    Ok(())
}

/// Signals that end a program end this one between two readings. Somebody who hangs up does not.
fn ending() -> Result<Ending, Failure> {
    signal_hook::flag::register(SIGPIPE, Arc::default()).doing(|| "catch SIGPIPE")?;
    Ending::caught()
}
