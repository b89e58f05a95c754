//! What became of each process, a line each.

use std::time::Duration;

use crate::os::process::Process;
use crate::output::{GOOD, NOTE, line, styled};

pub fn one(process: &Process, stopped: bool, waited: Duration) {
    let who = format!("process {} ({})", process.pid, process.name);
    line(&if stopped {
        format!("{who}: {}", styled(GOOD, "the library has stopped tuning"))
    } else {
        let waited = (waited.as_secs_f64() * 10.0).round() / 10.0;
        format!(
            "{who}: {}",
            styled(NOTE, format_args!("told, but it had no exchange in {waited} s: it stops with the next"))
        )
    });
}
