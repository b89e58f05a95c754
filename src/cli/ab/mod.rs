//! `tcptune ab`: is a program faster with the library, or with one setting than with another, or than another program, and how
//! sure is that?
//!
//! ```text
//! args, line, written, arm   what is asked for, and what runs in which environment
//! session, schedule  warm-up and runs, in blocks, in random order; with an Executor, which tests make up (fake)
//! commands, process, server, network, metric, counted   the real one: what it starts and what it reads
//! stats, ranks, betting, many, verdict, report   what follows from the runs: pure
//! print, export, html             the same report for a terminal, for programs, for a browser
//! ```

pub mod args;
mod arm;
mod betting;
mod commands;
mod counted;
mod executor;
mod export;
#[cfg(test)]
mod fake;
mod html;
mod line;
mod load;
mod many;
mod measures;
mod metric;
mod network;
mod print;
mod process;
mod progress;
mod ranks;
pub mod report;
mod schedule;
mod server;
mod session;
#[cfg(test)]
mod simulated;
mod stats;
mod unit;
mod verdict;
mod written;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use args::{AbArgs, Count, End};
use arm::Arm;
use commands::Commands;
use line::{split, words};
use metric::Metric;
use report::{LibraryReport, Method, Report, Subject};
use schedule::Side;
use session::{Plan, Run};
use verdict::Question;

use crate::errors::{Failure, NO, OK, say, shown};
use crate::os::files::Target;
use crate::programs::{facts, library, reach, sanitizer, start};
use crate::settings;

pub fn command(args: &AbArgs) -> Result<u8, Failure> {
    let prepared = prepared(args)?;
    let least = verdict::least(prepared.arms.len() - 1);
    if let (Some(_), Some(runs)) = (args.fail_if_slower, args.runs)
        && (runs as usize) < least
    {
        return Err(Failure::own(format!(
            "--runs {runs}: with --fail-if-slower allowed is {least} or more, since fewer could never tell"
        )));
    }
    let exports = args.export.iter().map(|given| {
        let (format, file) = export::target(given)?;
        Ok((format, Target::tried(&format!("--export {}=", format.word()), &file)?))
    });
    let exports = exports.collect::<Result<Vec<_>, Failure>>()?;
    let mut metrics = args.metric.iter().map(|given| Metric::read(given)).collect::<Result<Vec<_>, Failure>>()?;
    let page = args.html.as_deref().map(|file| Target::tried("--html", file)).transpose()?;
    let counter = prepared.counter(args.count)?;
    let subject = subject(args, &prepared);
    let library = prepared.report();
    let Prepared { mut arms, server, .. } = prepared;
    if metrics.is_empty() && server.is_some() {
        // What a load tool measures says more than how long it ran, which is mostly what it was told.
        metrics.extend(arms.first().and_then(|arm| Metric::of_load(&arm.command)));
    }
    let comparisons = arms.len() - 1;
    let noise = args.noise.then(|| arm::again(&mut arms));

    let untouched = arm::untouched(&settings::environment());
    let names = arms.iter().map(|arm| arm.name.clone()).collect();
    let seed = args.seed.unwrap_or_else(rand::random);
    let method = Method { library, ..method(args, seed.into(), noise) };
    let count = match (args.runs, method.at_most) {
        (_, Some(seconds)) => session::Count::Deciding(seconds),
        (Some(runs), None) => session::Count::Fixed(runs as usize),
        (None, None) => session::Count::Fitting,
    };
    let plan = Plan { arms: arms.len(), warmup: method.warmup, count, seed: seed.into(), trace: true };
    let decided = |runs: &[Run]| {
        let time = |side| session::values(runs, side, |measured| Some(measured.time_s)).unwrap_or_default();
        let baseline = time(Side::BASELINE);
        let mut candidates = Side::all(comparisons + 1).skip(1);
        candidates.all(|side| verdict::is_decided(&baseline, &time(side), &method.question, comparisons))
    };
    let mut commands = Commands {
        server,
        ignore_failure: args.ignore_failure,
        show_output: args.show_output,
        metrics,
        count: args.count,
        counter,
        arms,
        untouched,
        begin: Instant::now(),
    };
    process::catch_interrupts()?;
    let session = around(args, &mut commands, |commands| {
        session::measure(&plan, commands, &mut progress::Bar::new(names, !args.show_output), decided)
    })?;

    let report = Report::new(subject, &commands.arms, session, &method);
    print::print(&report);
    for (format, target) in &exports {
        export::write(&report, *format, target)?;
    }
    if let Some(target) = &page {
        target.write(html::page(&report).as_bytes(), None)?;
    }
    let slower = |limit| report.verdicts().any(|(_, comparison)| comparison.slower_by(limit));
    Ok(if args.fail_if_slower.is_some_and(slower) { NO } else { OK })
}

fn method(args: &AbArgs, seed: u64, noise: Option<Side>) -> Method {
    let between_sessions = args.between_sessions / 100.0;
    // What differs by less than sessions do can only be decided as equal.
    let equal = (args.until_decided && between_sessions > 0.0).then_some(between_sessions);
    Method {
        warmup: args.warmup as usize,
        question: Question {
            between_sessions,
            equal_within: args.equal_within.map(|percent| percent / 100.0).or(equal),
            anytime: args.until_decided,
            seed,
        },
        noise,
        at_most: args.until_decided.then_some(args.at_most.as_secs_f64()),
        library: None,
    }
}

/// What is to be run, found and looked at.
struct Prepared {
    arms: Vec<Arm>,
    server: Option<(Vec<OsString>, u16, End)>,
    /// Where an arm has it.
    library: Option<library::Library>,
}

fn prepared(args: &AbArgs) -> Result<Prepared, Failure> {
    let prepared = if args.commands.len() > 1 || !args.arm.is_empty() { several(args)? } else { both(args)? };
    if let Some(library) = &prepared.library {
        for arm in prepared.arms.iter().filter(|arm| arm.tuned) {
            let tuned = match &prepared.server {
                Some((words, _, End::Server)) => words,
                _ => &arm.command,
            };
            warn_unreachable(tuned, library);
            may_start(tuned, arm)?;
        }
    }
    Ok(prepared)
}

/// One command, or a server and its load, without the library and with it, or with two settings.
fn both(args: &AbArgs) -> Result<Prepared, Failure> {
    let library = library::find(args.library.as_deref())?;
    if args.prepare.len() > 1 {
        return Err(Failure::own("--prepare: allowed is to give it once, or once for each of several commands"));
    }
    let (command, server) = programs(args)?;
    let arms = arm::both(&args.vs, &args.setting, &command, args.prepare.first(), &library.file)?;
    Ok(Prepared { arms, server, library: Some(library) })
}

/// Commands of their own, which have the library only where a setting says so.
fn several(args: &AbArgs) -> Result<Prepared, Failure> {
    for (option, given) in [("--setting", &args.setting), ("--vs", &args.vs)] {
        if let Some(setting) = given.first() {
            let why = "with several commands a setting stands before its command, as in 'cork=off ./client'";
            return Err(Failure::of_option(option, setting, why));
        }
    }
    if args.serve.is_some() {
        return Err(Failure::own("--serve: allowed is one --load, and no other commands"));
    }
    let shell = args.shell.as_deref();
    let operands = args.commands.iter().map(|line| written::operand(line, shell));
    let named = args.arm.iter().map(|given| written::named(given, shell));
    let arms = operands.chain(named).collect::<Result<Vec<_>, Failure>>()?;
    for arm in &arms {
        let failure = match exists(&arm.command, args.shell.as_ref().map(|shell| ("--shell", shell))) {
            Err(failure) if arm.name.is_some() => failure.with_option("--arm", given(arm)),
            Err(failure) if shell.is_none() => {
                failure.advise("each word is a command of its own; one command with arguments stands after --")
            }
            Err(failure) => failure,
            Ok(()) => continue,
        };
        return Err(failure);
    }
    let found = || library::find(args.library.as_deref());
    let arms = arm::several(arms, &args.prepare, || found().map(|library| library.file))?;
    let wanted = args.library.is_some() || arms.iter().any(|arm| arm.tuned);
    let library = wanted.then(found).transpose()?;
    Ok(Prepared { arms, server: None, library })
}

/// The value of `--arm`.
fn given(arm: &written::Written) -> String {
    format!("{}={}", arm.name.as_deref().unwrap_or_default(), arm.line)
}

impl Prepared {
    /// Which library it is, where an arm has it.
    fn report(&self) -> Option<LibraryReport> {
        let library = self.library.as_ref().filter(|_| self.arms.iter().any(|arm| arm.tuned))?;
        // It is linked without a build-id.
        let crc32 = std::fs::read(&library.file).ok().map(|bytes| format!("{:08x}", crc32fast::hash(&bytes)));
        Some(LibraryReport { file: library.file.display().to_string(), crc32 })
    }

    /// The library that is to count, if it can, and if an arm has it.
    fn counter(&self, count: Count) -> Result<Option<PathBuf>, Failure> {
        let library = self.library.as_ref().filter(|_| self.arms.iter().any(|arm| arm.tuned));
        let can = library.filter(|library| counted::is_known_to(&library.file));
        match (count, library, can) {
            (Count::Every, Some(library), None) => Err(Failure::own(format!(
                "--count every: the library `{}` does not count, it is older than this command: allowed is another with \
                 --library",
                library.file.display()
            ))),
            (Count::Every, None, _) => Err(Failure::own(
                "--count every: no command has the library, which counts: allowed is a setting before a command, as in \
                 tcptune=on",
            )),
            _ => Ok(can.map(|library| library.file.clone())),
        }
    }
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
            let command = match (args.commands.first(), shell) {
                (Some(line), _) => split(line, shell).map_err(|why| Failure::own(format!("{}: {why}", shown(line))))?,
                (None, Some(_)) => words("--shell", &joined(&args.command), shell)?,
                (None, None) => args.command.clone(),
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

fn subject(args: &AbArgs, prepared: &Prepared) -> Subject {
    let end = match args.tune {
        End::Server => "server",
        End::Load => "load",
    };
    let lines: Vec<String> = match (&args.load, args.commands.len() + args.arm.len()) {
        (Some(load), _) => vec![load.clone()],
        (None, ..=1) if args.arm.is_empty() && args.commands.is_empty() => {
            vec![shell_words::join(args.command.iter().map(|word| word.to_string_lossy()))]
        }
        (None, ..=1) => args.commands.clone(),
        _ => prepared.arms.iter().map(|arm| arm.description.clone()).collect(),
    };
    Subject { command: lines.join(" against "), server: args.serve.clone(), tuned: args.serve.is_some().then_some(end) }
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
