//! The check of bodies/promise.rs under libFuzzer.
#![no_main]

#[path = "../bodies/promise.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
