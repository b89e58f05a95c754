//! The one macro by which every hook is made.
//!
//! A hook is an exported `extern "C"` function: it must be left by longjmp(3) and by a thread's cancellation without harm, so
//! nothing with a destructor is alive across the real call. The real function is called through a pointer that first points
//! at its binder: no test on the way, nothing done at start-up, and safe wherever the first call comes from (bind.rs).

/// Makes hooks. For each: name, arguments, result; the libc crate's declaration, which makes a wrong signature a compile
/// error (`unchecked` where the crate has none: the source is then named beside it); the raw system call that serves when
/// libc has no such function; and the body, in which `name::real(arguments)` is the real call. What stands in `with` is beside
/// it: `name::item`.
macro_rules! hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty
     where signature $check:tt, raw $raw:expr; $body:block $(with { $($beside:item)* })?) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the function of libc that it stands for: the caller's arguments go to it as they are.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret $body

        #[allow(unused_imports, unused_qualifications, non_snake_case)]
        pub(crate) mod $name {
            use super::*;
            use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

            listed!($name);
            hook!(@check $check, ($($ty),*) -> $ret);
            pub(crate) type Function = unsafe extern "C" fn($($ty),*) -> $ret;

            /// Where the real function is. Relaxed: it guards no data, and each value it takes is a function that works.
            pub(crate) static REAL: AtomicPtr<()> = AtomicPtr::new(first as *mut ());

            unsafe extern "C" {
                /// Stands in until the first call: binds, then calls (arch, bind.rs).
                #[link_name = concat!("tcptune_first_", stringify!($name))]
                fn first();
            }
            first_call!(stringify!($name), $crate::bind::hash(stringify!($name).as_bytes()), REAL, last_resort);

            $($($beside)*)?

            /// The kernel itself, for a libc without this function.
            #[unsafe(link_section = ".text.last_resort")]
            #[allow(unused_variables)]
            unsafe extern "C" fn last_resort($($arg: $ty),*) -> $ret {
                $crate::bind::finish($raw) as $ret
            }

            call_through! {
                /// The next definition of this name: libc's, or that of a library preloaded after us.
                pub(crate) fn real($($arg: $ty),*) -> $ret = REAL as Function
            }
        }
    };
    (@check (unchecked), ($($ty:ty),*) -> $ret:ty) => {};
    // A variadic function: the fixed part of its declaration, as the libc crate has it, is written out beside it.
    (@check (variadic $check:path as $declared:ty), ($($ty:ty),*) -> $ret:ty) => { const _: $declared = $check; };
    (@check ($check:expr), ($($ty:ty),*) -> $ret:ty) => {
        const _: unsafe extern "C" fn($($ty),*) -> $ret = $check;
    };
}

/// Makes a function that calls what the pointer `$at` points at. Only functions of this very signature are stored there: the
/// binder, the last resort, a counting function, and the definition of the name, whose signature the compiler has compared with
/// the libc crate's.
macro_rules! call_through {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $at:ident as $function:ty) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As the function of libc. The pointer is not null.
        #[inline(always)]
        $vis unsafe fn $name($($arg: $ty),*) -> $ret {
            let address = $at.load(Relaxed);
            // SAFETY: what is stored there are functions of this signature (see above).
            let function: $function = unsafe { core::mem::transmute(address) };
            // SAFETY: the caller vouches for the arguments.
            unsafe { function($($arg),*) }
        }
    };
}

/// Asserts that a hook has its row in the table. That each row has its hook is asserted by `hooks::rows`.
macro_rules! listed {
    ($name:ident) => {
        const _: () = assert!(
            policy::hooks::is_listed(stringify!($name)),
            concat!(stringify!($name), " has no row in policy::hooks, or not for this machine")
        );
    };
}

/// A hook's name, to be looked up.
macro_rules! name_of {
    ($name:ident) => {
        const {
            $crate::bind::Name::new(
                match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                },
            )
        }
    };
}

/// A raw system call for a hook's last resort; arguments are passed as machine words.
macro_rules! raw {
    ($number:expr) => { raw!($number, 0, 0, 0, 0, 0, 0) };
    ($number:expr, $a:expr) => { raw!($number, $a, 0, 0, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr) => { raw!($number, $a, $b, 0, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr) => { raw!($number, $a, $b, $c, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr) => { raw!($number, $a, $b, $c, $d, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr) => { raw!($number, $a, $b, $c, $d, $e, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr) => {
        // SAFETY: the hook's own arguments, in the order in which the system call of the same name takes them.
        unsafe {
            $crate::arch::syscall6($number, $a as usize, $b as usize, $c as usize, $d as usize, $e as usize, $f as usize)
        }
    };
}
