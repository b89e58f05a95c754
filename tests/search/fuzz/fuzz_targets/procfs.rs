//! The check of bodies/procfs.rs under libFuzzer.
#![no_main]

#[path = "../bodies/procfs.rs"]
mod body;
#[path = "../../../../src/cli/output/printable.rs"]
mod output;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
