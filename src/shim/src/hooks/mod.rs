//! The hooks, one file per family of calls. Every exported name of the library is defined here and nowhere else, and
//! has its row in the table of hooks (policy::hooks).
//!
//! # Safety
//!
//! Nearly every `unsafe` block in these files forwards the program's call. Its note then refers to this rule:
//!
//! - A hook has the contract of the libc function that it stands for; `hook!` writes that into its `# Safety` section.
//!   So the hook's caller has promised everything that the function requires of its arguments.
//! - `name::real` calls a function of that very signature. The compiler compares it with the libc crate's declaration
//!   (`signature`); where that crate has none (`unchecked`), the source is named beside it.
//! - The block passes on the hook's own parameters, unchanged and in order, and the hook has not written through the
//!   pointers before. So what its caller has promised is what the real function requires.
//! - A hook may be split into parts (`usual`, `closer`, `ending`, …). Each takes the hook's parameters and has its
//!   contract, and only the hook or another part calls it, by this same rule.
//!
//! To review such a block, compare its arguments with the parameters of the function around it. A note that names a
//! difference, such as a flag that is added, names the only one.
//!
//! Pointers of the program's are dereferenced only once the kernel has accepted them: in a call that has just
//! succeeded, as the note says, or in [`kernel::readable`](crate::kernel::readable). The notes in address.rs and at
//! `select_by_pselect` name what they rely on beyond that.

use core::ffi::{c_int, c_long, c_uint, c_void};

use libc::mmsghdr;
use policy::evidence::Cause;

use crate::bind;
use crate::machine::LIBRARY;

/// The last resort for a function that this libc does not have and that no single system call replaces.
const MISSING: isize = -(libc::ENOSYS as isize);

mod connection;
pub(crate) mod data;
pub(crate) mod descriptor;
mod options;
pub(crate) mod process;
pub(crate) mod receive;
pub(crate) mod wait;

/// Asserts that each row of the table has its hook, in the module that it names. (`hook!` asserts the converse.)
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

/// The total length of the first `count` messages, which the kernel has sent or received.
#[cold]
pub(crate) fn lengths(messages: *const mmsghdr, count: c_int) -> usize {
    let mut sum = 0usize;
    for index in 0..count.max(0) as usize {
        // SAFETY: `index` is below `count`, the number of messages whose length the kernel has just written.
        let length = unsafe { (*messages.wrapping_add(index)).msg_len };
        sum = sum.wrapping_add(length as usize);
    }
    sum
}
