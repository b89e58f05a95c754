//! `tcptune attach` as tests call it.

use super::{ended, set_mode, tcptune};
use crate::support::ScratchDir;

/// `attach` with records of this test's own.
pub fn attach(state: &ScratchDir, arguments: &[&str]) -> (i32, String, String) {
    ended(tcptune().arg("attach").arg("--state").arg(state.path()).args(arguments))
}

/// What a call that must succeed prints.
#[track_caller]
pub fn attached(state: &ScratchDir, arguments: &[&str]) -> String {
    let (code, out, err) = attach(state, arguments);
    assert!(code == 0 && err.is_empty(), "{arguments:?}: {code} {out}{err}");
    out
}

/// A directory for its records.
pub fn state() -> ScratchDir {
    let scratch = ScratchDir::new("attach");
    set_mode(scratch.path(), 0o700);
    scratch
}
