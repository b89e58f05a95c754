//! The check of bodies/unitfile.rs under libFuzzer.
#![no_main]

#[path = "../bodies/unitfile.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
