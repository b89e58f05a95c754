//! `tcptune ls`: every TCP socket with the options that decide when its data leaves. Reads, and changes nothing.

pub mod args;
mod print;
pub mod socket;

use crate::errors::{Failure, NO, OK, say};
use crate::os::{proc, refusal, target};
use crate::output;
use args::LsArgs;
use socket::{List, Row};

pub fn command(args: &LsArgs) -> Result<u8, Failure> {
    let pids = args.pids.iter().map(|text| target::number(text)).collect::<Result<Vec<_>, _>>()?;
    if let Some(pid) = pids.iter().find(|pid| !proc::exists(**pid)) {
        return Err(refusal::of_none(pid));
    }
    let mut rows = socket::all(&pids)?;
    rows.retain(|row| is_meant(row, args));
    if args.json {
        output::json::document(&List { sockets: &rows })?;
    } else if rows.is_empty() {
        say("no TCP socket here is as was asked for");
    } else {
        print::table(&rows);
    }
    Ok(if rows.is_empty() { NO } else { OK })
}

fn is_meant(row: &Row, args: &LsArgs) -> bool {
    let ports = [Some(row.local), row.peer];
    let port = args.port.is_none_or(|port| ports.iter().flatten().any(|address| address.port() == port));
    port && !(args.without_nodelay && row.nodelay != Some(false))
}
