//! Puts the counting functions in place: a hook's pointer to the real function is set to the counting function, which
//! has its own pointer to the real one. So a hook runs the same instructions whether its calls are counted or not.

use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::bind::{self, Hook};

/// Makes a function that stands between a hook and the real function, with the hook's signature. In its body
/// `next(arguments)` is the real call.
macro_rules! between {
    (fn $family:ident::$name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block
     $(with { $($beside:item)* })?) => {
        #[allow(non_snake_case, unused_imports)]
        pub(super) mod $name {
            use super::*;
            use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

            use $crate::hooks::$family::$name as hook;

            const _: () = assert!(
                policy::hooks::is_counted(stringify!($name)),
                concat!(stringify!($name), " is not counted, says its row in policy::hooks")
            );

            /// The address of the real function. Relaxed: a pointer to code guards no data.
            static NEXT: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

            call_through! {
                /// Calls the real function. Its address is there: a counting function runs only after `one` has stored
                /// it.
                fn next($($arg: $ty),*) -> $ret = NEXT as hook::Function
            }

            /// # Safety
            /// The contract of the libc function: the arguments are passed on to it unchanged.
            #[allow(unused_variables)]
            unsafe extern "C" fn counting($($arg: $ty),*) -> $ret $body

            $($($beside)*)?

            const _: hook::Function = counting;
            $crate::count::insert::listed!($name, NEXT, counting);
        }
    };
}
pub(super) use between;

/// What is to be put in place for one hook. Addresses are relative to the record, so they need no relocation.
#[repr(C)]
struct Counted {
    hook: i32,
    next: i32,
    counting: i32,
}

/// Makes the [`Counted`] record of a hook. The linker collects all of them in one list (layout.ld).
macro_rules! listed {
    ($name:ident, $next:path, $counting:path) => {
        core::arch::global_asm!(
            ".pushsection .counted,\"a\"", ".balign 4",
            concat!("2: .long tcptune_hook_", stringify!($name), " - 2b"), ".long {next} - 2b", ".long {counting} - 2b",
            ".popsection",
            next = sym $next, counting = sym $counting,
        );
    };
}
pub(super) use listed;

unsafe extern "C" {
    #[link_name = "tcptune_counted"]
    static FIRST: [Counted; 0];
}

/// Puts in place what is not there yet. (A hook's first call in another thread may at this moment set its pointer back
/// to the real function; so this is repeated at every connection.)
#[cold]
#[inline(never)]
pub(super) fn all() {
    let mut at = (&raw const FIRST).cast::<Counted>();
    loop {
        let place = |distance: i32| at.wrapping_byte_offset(distance as isize);
        // SAFETY: the list at the linker's symbol ends with a zero word, and the loop has not passed it.
        if unsafe { (*at).hook } == 0 {
            return;
        }
        // SAFETY: a complete record, because it is not the zero at the end of the list.
        let record = unsafe { &*at };
        // SAFETY: the distance that `listed!` has stored leads to the hook's record, which is never written.
        let hook = unsafe { &*place(record.hook).cast::<Hook>() };
        // SAFETY: the distance that `listed!` has stored leads to the function's own `NEXT`, a static.
        let next = unsafe { &*place(record.next).cast::<AtomicPtr<()>>() };
        one(hook, next, place(record.counting).cast_mut().cast());
        at = at.wrapping_add(1);
    }
}

fn one(hook: &Hook, next: &AtomicPtr<()>, counting: *mut ()) {
    if hook.real().load(Relaxed) == counting {
        return;
    }
    if next.load(Relaxed).is_null() {
        let real = bind::next(hook.name());
        if real.is_null() {
            // This libc does not have the function.
            return;
        }
        next.store(real, Relaxed);
    }
    hook.real().store(counting, Relaxed);
}

/// Asserts that every hook that is counted according to the table has its counting function. (`between!` asserts the
/// converse.)
#[allow(unused_imports, reason = "they are there to be found")]
mod rows {
    macro_rules! found {
        (@one No, $name:ident) => {};
        (@one Calls, $name:ident) => { use crate::count::calls::$name; };
        (@one Waits, $name:ident) => { use crate::count::waits::$name; };
        ($($family:ident, $machines:ident in $($module:ident)::+ {
            $($name:ident: $subject:ident, $counted:ident, $page:literal, $meaning:literal;)*
        })*) => { $( $( found!(@one $counted, $name); )* )* };
    }
    policy::for_each_hook!(found);
}
