//! The check of bodies/calls.rs under libFuzzer, which is guided by the library's own code: TCPTUNE_LIB names one that is
//! built for that (scripts/check fuzz). The program starts itself anew with the library preloaded.
#![no_main]

#[path = "../bodies/calls.rs"]
mod body;

use std::os::unix::process::CommandExt;
use std::process::Command;

fn start() {
    if std::env::var_os("LD_PRELOAD").is_some() {
        // libFuzzer starts itself anew, through a shell, where it merges; the library needs what only this program has.
        // SAFETY: no other thread runs yet.
        unsafe { std::env::remove_var("LD_PRELOAD") };
        return;
    }
    let library = std::env::var_os("TCPTUNE_LIB").expect("TCPTUNE_LIB names the library");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    body::prepare(command.args(std::env::args_os().skip(1)), &library);
    panic!("{}", command.exec());
}

libfuzzer_sys::fuzz_target!(init: start(), |input: &[u8]| body::check(input));
