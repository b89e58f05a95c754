//! The promise of the engine on a simulated machine (tests/simulated/promise.rs), on any program.

pub fn check(input: &[u8]) {
    tcptune_simulated::promise::check(input);
}
