//! The hooks, one file per family of calls. Every exported name of the library is defined here and nowhere else, and has its row
//! in the table of hooks (policy::hooks).

use core::ffi::{c_int, c_long, c_uint, c_void};

use policy::evidence::Cause;

use crate::bind;
use crate::machine::LIBRARY;

/// The last resort for a function that this libc does not have and that no one system call stands for.
const MISSING: isize = -(libc::ENOSYS as isize);

mod connection;
pub(crate) mod data;
pub(crate) mod descriptor;
mod options;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod wait;

/// Every row of the table has its hook, in the module that it names. (`hook!` asserts the other direction.)
#[allow(unused_imports, reason = "they are there to be found")]
mod rows {
    macro_rules! found {
        (@block All in $($module:ident)::+ { $($name:ident)* }) => { use super::$($module)::+::{$($name),*}; };
        (@block Narrow in $($module:ident)::+ { $($name:ident)* }) => {
            #[cfg(target_pointer_width = "32")]
            use super::$($module)::+::{$($name),*};
        };
        ($($family:ident, $machines:ident in $($module:ident)::+ {
            $($name:ident: $subject:ident, $counted:ident, $page:literal, $meaning:literal;)*
        })*) => { $( found! { @block $machines in $($module)::+ { $($name)* } } )* };
    }
    policy::for_each_hook!(found);
}
