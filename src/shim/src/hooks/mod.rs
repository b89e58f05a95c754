//! The hooks, one file per family of calls. Every exported name of the library is defined here and nowhere else.

use core::ffi::{c_int, c_long, c_uint, c_void};

use policy::evidence::Cause;

use crate::bind;
use crate::machine::LIBRARY;

mod connection;
pub(crate) mod data;
pub(crate) mod descriptor;
mod options;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod wait;
