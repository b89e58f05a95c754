//! `tcptune ab`: is a program faster with the library, or with one setting than with another, and how sure is that?
//!
//! ```text
//! args, arm          what is asked for, and the two environments
//! session, schedule  warm-up and runs, in blocks, in random order; with an Executor, which tests make up (fake)
//! commands, process, server, network, counted   the real one: what it starts and what it reads
//! stats, ranks, verdict, report   what follows from the runs: pure
//! print, export, html             the same report for a terminal, for programs, for a browser
//! ```

pub mod args;
mod arm;
mod commands;
mod counted;
mod executor;
mod export;
#[cfg(test)]
mod fake;
mod html;
#[cfg_attr(not(test), expect(dead_code, reason = "runs do not read what a load tool prints yet"))]
mod load;
mod measures;
mod network;
mod print;
mod process;
mod progress;
mod ranks;
pub mod report;
mod schedule;
mod server;
mod session;
mod stats;
mod unit;
mod verdict;

use std::ffi::OsString;
use std::path::Path;

use args::{AbArgs, Count, End};
use arm::Arm;
use commands::{Commands, words};
use report::{Report, Subject};
use session::Plan;

use crate::errors::{Failure, NO, OK, say};
use crate::os::files::Target;
use crate::programs::{facts, library, reach, sanitizer, start};
use crate::settings;

pub fn command(args: &AbArgs) -> Result<u8, Failure> {
    let library = library::find(args.library.as_deref())?;
    let arms = arm::both(&args.vs, &args.setting, &library.file)?;
    let (command, server) = programs(args)?;
    let subject = subject(args);
    if let (Some(_), Some(runs @ ..5)) = (args.fail_if_slower, args.runs) {
        return Err(Failure::own(format!(
            "--runs {runs}: with --fail-if-slower allowed is 5 or more, since fewer could never tell"
        )));
    }
    let exports = args.export.iter().map(|given| {
        let (format, file) = export::target(given)?;
        Ok((format, Target::tried(&format!("--export {}=", format.word()), &file)?))
    });
    let exports = exports.collect::<Result<Vec<_>, Failure>>()?;
    let page = args.html.as_deref().map(|file| Target::tried("--html", file)).transpose()?;
    let tuned = match &server {
        Some((words, _, End::Server)) => words,
        _ => &command,
    };
    warn_unreachable(tuned, &library);
    for arm in &arms {
        may_start(tuned, arm)?;
    }

    let can_count = counted::is_known_to(&library.file);
    if args.count == Count::Every && !can_count {
        return Err(Failure::own(format!(
            "--count every: the library `{}` does not count, it is older than this command: allowed is another with --library",
            library.file.display()
        )));
    }
    let untouched = arm::untouched(&settings::environment());
    let names = arms.each_ref().map(|arm| arm.name.clone());
    let seed = args.seed.unwrap_or_else(rand::random);
    let plan = Plan {
        warmup: args.warmup as usize,
        runs: args.runs.map(|runs| runs as usize),
        seed: seed.into(),
        trace: true,
    };
    let mut commands = Commands {
        command,
        server,
        prepare: args.prepare.clone(),
        ignore_failure: args.ignore_failure,
        show_output: args.show_output,
        count: args.count,
        counter: can_count.then_some(library.file),
        arms,
        untouched,
    };
    process::catch_interrupts()?;
    let session = around(args, &mut commands, |commands| {
        session::measure(&plan, commands, &mut progress::Bar::new(names, !args.show_output))
    })?;

    let report = Report::new(subject, &commands.arms, session, plan.warmup, plan.seed);
    print::print(&report);
    for (format, target) in &exports {
        export::write(&report, *format, target)?;
    }
    if let Some(target) = &page {
        target.write(html::page(&report).as_bytes(), None)?;
    }
    let comparison = report.time().and_then(|time| time.comparison);
    let slower = args.fail_if_slower.is_some_and(|limit| comparison.is_some_and(|c| c.slower_by(limit)));
    Ok(if slower { NO } else { OK })
}

/// The words of the command whose time is taken, and the server.
type Programs = (Vec<OsString>, Option<(Vec<OsString>, u16, End)>);

fn programs(args: &AbArgs) -> Result<Programs, Failure> {
    let shell = args.shell.as_deref();
    let programs = match (&args.serve, &args.load, args.ready_port) {
        (Some(serve), Some(load), Some(port)) => {
            let server = words("--serve", serve, shell)?;
            (words("--load", load, shell)?, Some((server, port, args.tune)))
        }
        _ => {
            let command = match shell {
                Some(_) => words("--shell", &joined(&args.command), shell)?,
                None => args.command.clone(),
            };
            (command, None)
        }
    };
    let shell = args.shell.as_ref().map(|shell| ("--shell", shell));
    exists(&programs.0, shell.or(args.load.as_ref().map(|load| ("--load", load))))?;
    if let Some((server, ..)) = &programs.1 {
        exists(server, shell.or(args.serve.as_ref().map(|serve| ("--serve", serve))))?;
    }
    Ok(programs)
}

/// Is there such a program? `given`: the option that names it.
fn exists(words: &[OsString], given: Option<(&str, &String)>) -> Result<(), Failure> {
    let name = words.first().map(OsString::as_os_str).unwrap_or_default();
    start::exists(name).map_err(|failure| match given {
        Some((option, value)) => failure.with_option(option, value),
        None => failure,
    })
}

fn joined(words: &[OsString]) -> String {
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn subject(args: &AbArgs) -> Subject {
    let end = match args.tune {
        End::Server => "server",
        End::Load => "load",
    };
    Subject {
        command: args
            .load
            .clone()
            .unwrap_or_else(|| shell_words::join(args.command.iter().map(|word| word.to_string_lossy()))),
        server: args.serve.clone(),
        tuned: args.serve.is_some().then_some(end),
    }
}

/// Setup before and cleanup after, whatever happens between.
fn around<T>(
    args: &AbArgs,
    commands: &mut Commands,
    measure: impl FnOnce(&mut Commands) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let run = |option: &str, script: &Option<String>, commands: &Commands| match script {
        Some(script) => commands::shell(option, script, &commands.untouched, args.show_output),
        None => Ok(()),
    };
    let result = run("--setup", &args.setup, commands).and_then(|()| measure(commands));
    // An interruption ends the measuring, not the cleaning up.
    process::forget_interrupts();
    let cleaned = run("--cleanup", &args.cleanup, commands);
    result.and_then(|value| cleaned.map(|()| value))
}

/// Some programs end at once where a library is preloaded: then there is nothing to compare.
fn may_start(words: &[OsString], arm: &Arm) -> Result<(), Failure> {
    let name = words.first().map(OsString::as_os_str).unwrap_or_default();
    let Ok(found) = facts::program(name) else { return Ok(()) };
    let options = settings::value(&arm.environment, sanitizer::VARIABLE);
    match sanitizer::refusing(&found.elf.needed, options) {
        Some(runtime) => Err(Failure::own(format!(
            "`{}` is linked with AddressSanitizer's shared runtime ({runtime}), which ends a program that a library is preloaded \
             into: {}",
            Path::new(name).display(),
            sanitizer::ADVICE
        ))),
        None => Ok(()),
    }
}

fn warn_unreachable(words: &[OsString], library: &library::Library) {
    let name = words.first().map(OsString::as_os_str).unwrap_or_default();
    if let Ok(verdict) = reach::program_verdict(name, library)
        && !verdict.reachable
    {
        let shown = Path::new(name).display();
        say(format!("warning: `{shown}` cannot be reached by LD_PRELOAD: {}", verdict.reason));
    }
}
