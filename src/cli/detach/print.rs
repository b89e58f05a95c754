//! What became of each process, a line each.

use std::time::Duration;

use crate::os::process::Process;
use crate::output::{GOOD, NOTE, line, styled};

/// What came of it.
#[derive(Clone, Copy)]
pub enum Answer {
    Stopped,
    NotYet,
    Ended,
}

pub fn one(process: &Process, answer: Answer, waited: Duration) {
    let waited = (waited.as_secs_f64() * 10.0).round() / 10.0;
    let what = match answer {
        Answer::Stopped => styled(GOOD, "the library has stopped tuning"),
        Answer::NotYet => {
            styled(NOTE, format_args!("told, but it had no exchange in {waited} s: it stops with the next"))
        }
        Answer::Ended => styled(NOTE, "has ended"),
    };
    line(&format!("{process}: {what}"));
}
