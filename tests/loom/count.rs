//! Nothing is counted under the model checker. Stands in the place of src/shim/src/count.

use std::ffi::c_int;

#[derive(Clone, Copy)]
pub(crate) enum Cause {
    Wait,
    End,
}

pub(crate) fn on() -> bool {
    false
}

pub(crate) fn released(_fd: c_int, _cause: Cause, _miss: bool, _after: u32) {}

pub(crate) fn corked(_fd: c_int) {}
