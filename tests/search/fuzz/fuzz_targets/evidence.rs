//! The check of bodies/evidence.rs under libFuzzer.
#![no_main]

#[path = "../bodies/evidence.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
