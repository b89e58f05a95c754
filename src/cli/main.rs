//! The `tcptune` command: reads the command line, hands over to one folder per subcommand, turns failures into one line and an
//! exit code. It must not touch what it passes on: signals, descriptors and environment reach the program as they came.

#![cfg_attr(not(test), no_main)]

mod ab;
mod args;
mod attach;
mod check;
mod complete;
mod counters;
mod demo;
mod detach;
mod doctor;
mod env;
mod errors;
mod export;
mod generate;
mod help;
mod ls;
mod os;
mod output;
mod programs;
mod report;
mod run;
mod schemas;
mod settings;
mod stalls;
mod systemd;
mod top;
mod units;
mod values;

use std::ffi::OsString;

use args::Command;
use errors::{Failure, OWN, usage};

/// The entry point, in place of the standard library's: that one sets SIGPIPE to be ignored and opens /dev/null in place of
/// closed descriptors, and `run` would pass both on to the program.
///
/// # Safety
/// `arguments` must point to `count` C strings.
#[cfg(not(test))]
// SAFETY: needed because the C runtime starts a program by this name. Sound because nothing else in the program has the name
// and the signature is C's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(count: std::ffi::c_int, arguments: *const *const std::ffi::c_char) -> std::ffi::c_int {
    // SAFETY: needed because arguments come as C strings. Sound because this is what the C runtime passed to us.
    let arguments = unsafe { collect(count, arguments) };
    answer(arguments).into()
}

/// The arguments as the kernel passed them, whatever their encoding.
///
/// # Safety
/// `arguments` must point to at least `count` C strings.
#[cfg(not(test))]
unsafe fn collect(count: std::ffi::c_int, arguments: *const *const std::ffi::c_char) -> Vec<OsString> {
    use std::ffi::CStr;
    use std::os::unix::ffi::OsStringExt;
    let at = |index: usize| {
        // SAFETY: needed to walk a C array. Sound because the caller promises `count` entries and `index` stays below.
        let entry = unsafe { arguments.add(index) };
        // SAFETY: needed to read the entry. Sound for the same reason.
        let pointer = unsafe { *entry };
        // SAFETY: needed to read a C string. Sound because the caller promises that the entry is one.
        let text = unsafe { CStr::from_ptr(pointer) };
        OsString::from_vec(text.to_bytes().to_vec())
    };
    (0..usize::try_from(count).unwrap_or(0)).map(at).collect()
}

#[cfg_attr(test, expect(dead_code, reason = "tests call what is below it"))]
fn answer(arguments: Vec<OsString>) -> u8 {
    let cli = match args::parsed(&arguments) {
        Ok(cli) => cli,
        // Help and version were asked for; anything else is a mistake on the command line.
        Err(error) if !error.use_stderr() => {
            let _ = error.print();
            return errors::OK;
        }
        Err(error) => {
            errors::say(usage::line(&error, args::definition(), &arguments));
            return OWN;
        }
    };
    let code = match dispatch(cli.command) {
        Ok(code) => code,
        Err(Failure { code, message }) => {
            errors::say(usage::as_typed(message, args::definition(), &arguments));
            code
        }
    };
    // The standard library flushes when its own entry point returns, which is not in use here.
    if let Err(error) = output::complete() {
        errors::say(format!("not all of the output could be written to stdout: {}", errors::plain(error)));
        return OWN;
    }
    code
}

fn dispatch(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Run(args) => run::command(&args),
        Command::Report(args) => report::command(&args),
        Command::Top(args) => top::command(&args),
        Command::Export(args) => export::command(&args),
        Command::Env(args) => env::command(&args),
        Command::Check(args) => check::command(&args),
        Command::Attach(args) => attach::command(&args),
        Command::Detach(args) => detach::command(&args),
        Command::Ls(args) => ls::command(&args),
        Command::Doctor(args) => doctor::command(&args),
        Command::Systemd(args) => systemd::command(&args),
        Command::Ab(args) => ab::command(&args),
        Command::Demo(args) => demo::command(&args),
        Command::Generate(args) => generate::command(&args, args::definition(), &args::HELPS, &schemas::ALL),
        Command::Complete(args) => complete::command(&args, args::definition()),
        Command::DemoClient(args) => demo::client(&args),
    }
}
