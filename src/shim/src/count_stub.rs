//! Nothing is counted.
use engine::Told;
pub(crate) fn told(_: Told) {}
pub(crate) fn on() -> bool { false }
pub(crate) fn ended() {}
pub(crate) fn check_directory() -> Result<(), &'static str> { Ok(()) }
