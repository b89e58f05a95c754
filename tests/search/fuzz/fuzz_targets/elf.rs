//! The check of bodies/elf.rs under libFuzzer.
#![no_main]

#[path = "../bodies/elf.rs"]
mod body;
#[path = "../../../../src/cli/errors/mod.rs"]
#[allow(dead_code, unused_imports)]
mod errors;
#[path = "../../../../src/cli/output/printable.rs"]
mod output;

libfuzzer_sys::fuzz_target!(|input: &[u8]| body::check(input));
