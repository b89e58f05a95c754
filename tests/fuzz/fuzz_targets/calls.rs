//! The check of bodies/calls.rs under libFuzzer, which guides it by the library's own code: scripts/fuzz preloads one that
//! is built for it.
#![no_main]

#[path = "../bodies/calls.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
