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

            /// Where the real function is. Relaxed: a pointer to code, which guards no data.
            static NEXT: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

            #[allow(dead_code)]
            #[inline(always)]
            unsafe fn next($($arg: $ty),*) -> $ret {
                let address = NEXT.load(Relaxed);
                // SAFETY: this function runs only where `insert` has put it, which has stored the real function's address;
                // the signature is the hook's.
                let function: hook::Function = unsafe { core::mem::transmute(address) };
                // SAFETY: the caller vouches for the arguments.
                unsafe { function($($arg),*) }
            }

            /// # Safety
            /// As the function of libc.
            #[allow(unused_variables)]
            unsafe extern "C" fn counting($($arg: $ty),*) -> $ret $body

            $($($beside)*)?

            /// Puts it in place.
            pub(in super::super) fn insert() {
                const FUNCTION: hook::Function = counting;
                const NAME: &core::ffi::CStr =
                    match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => c"",
                    };
                let name = const { $crate::bind::Name::new(NAME) };
                $crate::count::insert::one(&hook::REAL, &NEXT, FUNCTION as *mut (), name);
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

/// Puts all in place.
#[cold]
#[inline(never)]
pub(super) fn all() {
    macro_rules! insert {
        ($($module:ident: $($name:ident)*;)*) => { $( $( super::$module::$name::insert(); )* )* };
    }
    insert! {
        calls: write writev send sendto sendmsg sendmmsg sendfile sendfile64 splice
            read readv __read_chk recv __recv_chk recvfrom __recvfrom_chk recvmsg recvmmsg;
        waits: poll __poll_chk epoll_wait epoll_pwait epoll_pwait2 ppoll __ppoll_chk select pselect
            close close_range dup dup2 dup3 fcntl fcntl64 fork;
    }
}
