//! `tcptune run`: starts a program with the library preloaded. It checks everything first that would otherwise fail without a
//! word inside the program, then becomes the program.

pub mod args;
mod bpf;
mod detached;
mod exec;
mod launch;
mod print;
mod summary;
mod supervise;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use tcptune_policy::{Nodelay, Settings};

use crate::counters;
use crate::errors::{Context, Failure, say};
use crate::os::timers;
use crate::programs::library;
use crate::programs::preload;
use crate::programs::reach;
use crate::programs::start;
use crate::programs::verdict::{Supervisable, Verdict};
use crate::settings;
use crate::settings::Pair;
use args::RunArgs;
use launch::End;
use summary::Place;

pub fn command(args: &RunArgs) -> Result<u8, Failure> {
    let mut environment = settings::environment();
    for (row, value) in &args.settings.given {
        settings::put(&mut environment, row.name, whole_path(row.name, value)?);
    }
    if let Some(directory) = args.settings.stats()
        && let Err(why) = counters::usable(Path::new(directory))
    {
        let allowed = "allowed is a directory of root or of this user that this user can write to";
        return Err(Failure::of_option("--stats", directory, format!("{why}: {allowed}")));
    }
    let reading = settings::read(&environment);
    if let Some(fault) = reading.faults.first() {
        return Err(Failure::own(args.settings.named(fault, reading.faults.len() - 1)));
    }
    reading.unknown.iter().for_each(say);

    if let Some(why) = timers::objection(&reading.settings.base.set) {
        // As the library does, on with the rest.
        say(format!("warning: TCPTUNE_SET: {why}; this option is left out"));
    }

    let library = library::find(args.library.as_deref())?;
    preload::add(&mut environment, &library.file);

    let name = args.command.first().map(OsString::as_os_str).unwrap_or_default();
    let verdict = reach::program_verdict(name, &library);
    if args.verbose {
        tell(&library.file, &environment, args, &reading);
    }
    reach(args, &verdict, &reading.settings)?;
    if verdict.as_ref().is_ok_and(|verdict| verdict.refuses) {
        // It would end at once, supervised or not.
        preload::remove(&mut environment);
    }
    if args.verbose {
        let words: Vec<String> = args.command.iter().map(|w| Path::new(w).display().to_string()).collect();
        say(format!("starting {}", words.join(" ")));
    }
    let error = if args.summary {
        let unreachable =
            verdict.as_ref().ok().filter(|verdict| !verdict.reachable).map(|verdict| verdict.reason.clone());
        match summarised(args, &mut environment, &reading, unreachable.as_deref())? {
            Ok(code) => return Ok(code),
            Err(error) => error,
        }
    } else {
        exec::replace_process(&args.command, &environment)
    };
    Err(start::refusal(name, &error))
}

/// Reach the program by other means too, if that was asked for or if the library cannot; and say so.
fn reach(args: &RunArgs, verdict: &Result<Verdict, Failure>, settings: &Settings) -> Result<(), Failure> {
    if args.bpf && settings.enabled() {
        let group = bpf::start(settings)?;
        if args.verbose {
            say(format!("tuned by the kernel in the control group {}", group.display()));
        }
        return Ok(());
    }
    let name = args.command.first().map(OsString::as_os_str).unwrap_or_default();
    let shown = Path::new(name).display();
    let obstacle = verdict.as_ref().ok().filter(|verdict| !verdict.reachable);
    let out_of_reach = obstacle.map(|verdict| format!("`{shown}` cannot be reached by LD_PRELOAD: {}", verdict.reason));
    let warn = |but: &str| {
        if let Some(text) = &out_of_reach {
            say(format!("warning: {text}{but} (`tcptune check {shown}` says what to do)"));
        }
        Ok(())
    };
    let wanted = args.supervise || obstacle.is_some_and(|verdict| is_worth_supervising(verdict, settings));
    if args.no_supervise || !settings.enabled() || !wanted {
        return warn("");
    }
    let ready = match supervise::prepare(settings, name) {
        Ok(ready) => ready,
        Err(failure) if args.supervise => return Err(failure),
        Err(failure) => return warn(&format!("; {}", failure.message)),
    };
    let privileges = if ready.no_new_privs() { "; set-id programs started from it gain no privileges" } else { "" };
    if let (Some(text), false) = (&out_of_reach, args.supervise) {
        say(format!("{text}; it is supervised instead, so its options are set and nothing is held{privileges}"));
    }
    let [one, other] = ready.hand_over()?;
    if args.verbose {
        say(format!("supervised by the processes {one} and {other}{privileges}"));
    }
    Ok(())
}

/// Should a program that the library cannot reach be supervised without being asked?
fn is_worth_supervising(verdict: &Verdict, settings: &Settings) -> bool {
    let asked = supervise::forces(settings) || settings.sets_options();
    let anything = asked || settings.base.nodelay != Nodelay::Off || settings.has_rules();
    match verdict.supervisable {
        Supervisable::Yes => anything,
        Supervisable::Forced => asked,
        Supervisable::Root => anything && supervise::keeps_privileges(),
        Supervisable::No => false,
    }
}

/// Stays the program's parent and tells what was counted; the inner error is that of its start.
fn summarised(
    args: &RunArgs,
    environment: &mut Vec<Pair>,
    reading: &settings::Reading,
    unreachable: Option<&str>,
) -> Result<std::io::Result<u8>, Failure> {
    let place = Place::prepare(reading.settings.stats())?;
    settings::put(environment, "TCPTUNE_STATS", place.directory());
    let end = launch::run(&args.command, environment)?;
    if end.is_ok() {
        place.tell(unreachable);
    }
    place.remove();
    Ok(end.map(|end| match end {
        End::Exited(code) => code,
        End::Killed(signal) => launch::die_by(signal),
    }))
}

/// The value of an option as the library wants it: a directory by its whole path.
fn whole_path(name: &str, value: &OsStr) -> Result<OsString, Failure> {
    if name == "TCPTUNE_STATS" && !value.is_empty() && value != "off" {
        let whole = std::path::absolute(value).doing(|| format!("use --stats {}", value.display()))?;
        return Ok(whole.into_os_string());
    }
    Ok(value.to_owned())
}

fn tell(library: &Path, environment: &[Pair], args: &RunArgs, reading: &settings::Reading) {
    say(format!("library {}", library.display()));
    let by_flag = |name: &OsStr| args.settings.given.iter().any(|(row, _)| name == row.name);
    for (name, value) in environment {
        let source = match name.to_str() {
            Some(preload::VARIABLE) => "",
            _ if settings::variable(name).is_none() => continue,
            _ if by_flag(name) => " (from the command line)",
            _ => " (from the environment)",
        };
        say(format!("{}={}{source}", Path::new(name).display(), Path::new(value).display()));
    }
    let settings = &reading.settings;
    say(format!("every socket: {}", settings::describe(&settings.base)));
    for n in 1..=settings.rule_count() {
        say(format!(
            "rule {n}: {} -> {}",
            settings::describe_rule(settings, n),
            settings::describe(settings.tuning(n))
        ));
    }
}
