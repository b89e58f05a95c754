//! The check of bodies/programs.rs under libFuzzer.
#![no_main]

#[path = "../bodies/programs.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
