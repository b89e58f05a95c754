//! The check of bodies/predictor.rs under libFuzzer.
#![no_main]

#[path = "../bodies/predictor.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
