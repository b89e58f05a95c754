//! The hooks, one file per family of calls. Every exported name of the library is defined here and nowhere else.

use core::ffi::{c_int, c_long, c_uint, c_void};

use crate::bind;

#[macro_use]
mod quick;

mod connection;
mod data;
mod descriptor;
mod options;
mod process;
mod receive;
mod wait;
