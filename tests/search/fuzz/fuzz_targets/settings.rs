//! The check of bodies/settings.rs under libFuzzer.
#![no_main]

#[path = "../bodies/settings.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
