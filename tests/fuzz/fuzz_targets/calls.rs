//! The check of bodies/calls.rs under libFuzzer, which is guided by the library's own code: TCPTUNE_LIB names one that is
//! built for that (scripts/fuzz). The program starts itself anew with the library preloaded.
#![no_main]

#[path = "../bodies/calls.rs"]
mod body;

use std::os::unix::process::CommandExt;
use std::process::Command;

fn start() {
    if std::env::var_os("LD_PRELOAD").is_some() {
        return;
    }
    let library = std::env::var_os("TCPTUNE_LIB").expect("TCPTUNE_LIB names the library");
    let mut command = Command::new("/proc/self/exe");
    body::prepare(command.args(std::env::args_os().skip(1)), &library);
    panic!("{}", command.exec());
}

libfuzzer_sys::fuzz_target!(init: start(), |input: &[u8]| body::check(input));
