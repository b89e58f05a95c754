//! Puts the counting functions in place: a hook's pointer to the real function then points at the counting one, which has its
//! own pointer to the real function. The hooks are the same instructions, counted or not.

use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::bind::{self, Name};

/// Makes a function that stands between a hook and the real function, with the hook's signature. In its body `next(arguments)`
/// is the real call.
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

            /// Where the real function is. Relaxed: a pointer to code, which guards no data.
            static NEXT: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

            call_through! {
                /// The real function. A counting function runs only where `insert` has put it, which has stored the address.
                fn next($($arg: $ty),*) -> $ret = NEXT as hook::Function
            }

            /// # Safety
            /// As the function of libc.
            #[allow(unused_variables)]
            unsafe extern "C" fn counting($($arg: $ty),*) -> $ret $body

            $($($beside)*)?

            /// Puts it in place.
            pub(in super::super) fn insert() {
                const FUNCTION: hook::Function = counting;
                $crate::count::insert::one(&hook::REAL, &NEXT, FUNCTION as *mut (), name_of!($name));
            }
        }
    };
}
pub(super) use between;

/// Puts one in place, if it is not there yet. (A hook's first call, if another thread makes it at that moment, may put the real
/// function back: so this is asked again at every connection.)
pub(super) fn one(hook: &AtomicPtr<()>, next: &AtomicPtr<()>, counting: *mut (), name: Name<'_>) {
    if hook.load(Relaxed) == counting {
        return;
    }
    if next.load(Relaxed).is_null() {
        let real = bind::next(name);
        if real.is_null() {
            // This libc has no such function.
            return;
        }
        next.store(real, Relaxed);
    }
    hook.store(counting, Relaxed);
}

/// Puts all in place: those that are counted, says the table of hooks.
#[cold]
#[inline(never)]
pub(super) fn all() {
    macro_rules! insert {
        (@one No, $name:ident) => {};
        (@one Calls, $name:ident) => { super::calls::$name::insert() };
        (@one Waits, $name:ident) => { super::waits::$name::insert() };
        ($($family:ident, $machines:ident in $($module:ident)::+ {
            $($name:ident: $subject:ident, $counted:ident, $page:literal, $meaning:literal;)*
        })*) => { $( $( insert!(@one $counted, $name); )* )* };
    }
    policy::for_each_hook!(insert);
}
