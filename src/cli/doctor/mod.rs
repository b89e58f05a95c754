//! `tcptune doctor`: does a program wait for nothing? Watches the connections of a command or of running processes, and says
//! what was found, where, what tcptune would change, what that gains, and what to send upstream.

pub mod args;
mod backtrace;
mod capture;
mod change;
mod command;
mod conclude;
mod counted;
mod cures;
mod doubt;
mod family;
mod gate;
mod host;
mod issue;
mod launch;
mod pace;
mod page;
mod print;
mod processes;
pub mod ranked;
pub mod report;
mod script;
mod target;
mod words;

use std::io::Write;

use crate::errors::Failure;
use crate::os::files::Target;
use crate::output::{self, Width};

use args::DoctorArgs;
use gate::Gate;

pub fn command(args: &DoctorArgs) -> Result<u8, Failure> {
    // Whether it can be written is better known before a long watch than after.
    let file = args.output.as_deref().map(|file| Target::tried("--output", file)).transpose()?;
    let page = args.html.as_deref().map(|file| Target::tried("--html", file)).transpose()?;
    if args.of_host() {
        let allowed = "allowed only with one program: --pid, --port, --pcap or a command";
        if let Some((option, _)) = [("--issue", args.issue), ("--waits", args.waits)].iter().find(|(_, given)| *given) {
            return Err(Failure::own(format!("{option}: {allowed}")));
        }
        let files = [
            ("--html", &args.html),
            ("--baseline", &args.baseline),
            ("--junit", &args.junit),
            ("--sarif", &args.sarif),
        ];
        if let Some((option, file)) = files.iter().find_map(|(option, file)| Some((option, file.as_ref()?))) {
            return Err(Failure::of_option(option, file, allowed));
        }
        if let Some(class) = args.fail_on.first() {
            return Err(Failure::of_option("--fail-on", class.word(), allowed));
        }
        return host(args, file);
    }
    let gate = Gate::of(args)?;
    let mut report = match &args.pcap {
        Some(file) => capture::diagnose(file, args.port)?,
        None if args.command.is_empty() => processes::diagnose(args)?,
        None => command::diagnose(args)?,
    };
    gate.apply(&mut report)?;
    if let Some(page) = page {
        page.write(page::page(&report, &again()).as_bytes(), None)?;
    }
    let text = match (args.json, args.issue) {
        (true, _) => output::json::pretty(&report)? + "\n",
        (_, true) => issue::markdown(&report, &again()),
        _ => print::text(&report, width(file.is_some(), !args.command.is_empty())),
    };
    deliver(&text, file, !args.command.is_empty())?;
    Ok(gate.status(&report))
}

fn host(args: &DoctorArgs, file: Option<Target>) -> Result<u8, Failure> {
    let report = host::diagnose(args)?;
    let text = match args.json {
        true => output::json::pretty(&report)? + "\n",
        false => ranked::print::text(&report, width(file.is_some(), false)),
    };
    deliver(&text, file, false)?;
    Ok(gate::plain(report.verdict))
}

/// Of where the report goes.
fn width(to_file: bool, of_command: bool) -> Width {
    match (to_file, of_command) {
        (true, _) => Width::of_file(),
        (false, true) => Width::of_stderr(),
        (false, false) => Width::of_stdout(),
    }
}

/// To the file, if one was named. `of_command`: what was watched is a command.
fn deliver(text: &str, file: Option<Target>, of_command: bool) -> Result<(), Failure> {
    match file {
        Some(file) => file.write(anstream::adapter::strip_str(text).to_string().as_bytes(), None)?,
        None if !of_command => output::line(text.trim_end()),
        // The command has stdout for itself. Nobody may read stderr any more; the exit status tells all the same.
        None => drop(anstream::stderr().lock().write_all(text.as_bytes())),
    }
    Ok(())
}

/// This command line without the options that say where and how the report is printed.
fn again() -> String {
    let mut words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let mut take = |is: fn(&str) -> bool, count: usize| {
        // Behind `--` begins the command.
        let at = words.iter().take_while(|word| *word != "--").position(|word| is(word));
        at.into_iter().for_each(|at| drop(words.drain(at..(at + count).min(words.len()))));
    };
    take(|word| word == "--issue", 1);
    take(|word| ["--output", "-o"].contains(&word), 2);
    take(|word| word == "--html", 2);
    take(|word| word.starts_with("--output=") || word.starts_with("--html="), 1);
    format!("tcptune {}", shell_words::join(words))
}
