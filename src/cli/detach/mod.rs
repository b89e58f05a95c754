//! `tcptune detach`: tells the library in processes that run to stop tuning, by a word in their files of counters.

pub mod args;
mod print;

use std::io;
use std::time::{Duration, Instant};

use crate::counters::Word;
use crate::errors::{CANNOT_EXECUTE, Failure, NO, OK, plain, say};
use crate::os::ending::Ending;
use crate::os::process::Process;
use crate::os::target;
use crate::programs::process::has_library;
use crate::units::processes;
use args::DetachArgs;
use print::Answer;

/// How often it is looked for an answer.
const LOOK: Duration = Duration::from_millis(20);

pub fn command(args: &DetachArgs) -> Result<u8, Failure> {
    let pids: Vec<u32> = match &args.unit {
        Some(unit) => processes::of_name(unit, args.user).map_err(|failure| failure.with_option("--unit", unit))?,
        None => args.pids.iter().map(|pid| target::number(pid)).collect::<Result<_, _>>()?,
    };
    let mut codes = Vec::new();
    let mut told = Vec::new();
    for pid in pids {
        match tell(pid) {
            Ok(one) => told.push(one),
            Err(failure) => codes.push(complain(failure)),
        }
    }
    // A signal ends the waiting, not the telling.
    let ending = Ending::caught()?;
    let begin = Instant::now();
    let until = begin + args.wait;
    for (process, word) in told {
        codes.push(match answered(&process, &word, until, &ending) {
            Ok(answer) => {
                print::one(&process, answer, begin.elapsed());
                if matches!(answer, Answer::Stopped) { OK } else { NO }
            }
            Err(error) => complain(unreachable(&process, &error)),
        });
    }
    // The first thing that went wrong decides.
    Ok(codes.into_iter().find(|code| *code != OK).unwrap_or(OK))
}

fn complain(failure: Failure) -> u8 {
    say(failure.message);
    failure.code
}

fn tell(pid: u32) -> Result<(Process, Word), Failure> {
    let process = Process::open(pid)?;
    let told = Word::of(pid).and_then(|word| word.map(|word| word.stop().map(|()| word)).transpose());
    match told {
        Ok(Some(word)) => Ok((process, word)),
        Ok(None) => Err(Failure::new(NO, silent(&process))),
        Err(error) => Err(unreachable(&process, &error)),
    }
}

fn silent(process: &Process) -> String {
    match has_library(process.pid) {
        Some(false) => format!("{process} has no library that could be told"),
        _ => format!(
            "{process} counts nothing, so it cannot be told (TCPTUNE_STATS gives it a file for that): restart it without the \
             library"
        ),
    }
}

fn unreachable(process: &Process, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Failure::new(CANNOT_EXECUTE, format!("{process} may not be touched: try again as its user or as root"))
        }
        _ => Failure::own(format!("{process} cannot be told: {}", plain(error))),
    }
}

/// Waits for the answer, or the end of the process.
fn answered(process: &Process, word: &Word, until: Instant, ending: &Ending) -> io::Result<Answer> {
    while !word.has_stopped()? {
        if process.has_ended() {
            return Ok(Answer::Ended);
        }
        if Instant::now() >= until || ending.within(LOOK) {
            return Ok(Answer::NotYet);
        }
    }
    Ok(Answer::Stopped)
}
