//! The macro that makes every hook.
//!
//! A hook is an exported `extern "C"` function. It may be left by longjmp(3) or by the cancellation of its thread, so
//! no value with a destructor is alive across the real call. The real function is called through a pointer that first
//! points to its binder: no test on the way, no work at start-up, and safe wherever the first call comes from
//! (bind.rs).

/// Makes hooks. For each it takes: name, arguments and result; the libc crate's declaration, so that a wrong signature
/// is a compile error (`unchecked` if the crate has none; then the source is named beside it); the raw system call that
/// serves if libc has no such function; and the body, in which `name::real(arguments)` is the real call. Items in
/// `with` become `name::item`.
macro_rules! hook {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) -> $ret:ty
     where signature $check:tt, raw $raw:expr; $body:block $(with { $($beside:item)* })?) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The contract of the libc function: the arguments are passed on to it unchanged.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $ty),*) -> $ret $body

        #[allow(unused_imports, unused_qualifications, non_snake_case)]
        pub(crate) mod $name {
            use super::*;
            use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

            listed!($name);
            hook!(@check $check, ($($ty),*) -> $ret);
            pub(crate) type Function = unsafe extern "C" fn($($ty),*) -> $ret;

            /// The address of the real function. Relaxed: it guards no data, and every value that it takes is a
            /// function that works.
            pub(crate) static REAL: AtomicPtr<()> = AtomicPtr::new(first as *mut ());

            unsafe extern "C" {
                /// The initial target: binds the hook, then calls the real function (arch, bind.rs).
                #[link_name = concat!("tcptune_first_", stringify!($name))]
                fn first();
            }
            first_call!(stringify!($name), $crate::bind::hash(stringify!($name).as_bytes()), REAL, last_resort);

            $($($beside)*)?

            /// Makes the system call directly, for a libc without this function.
            #[unsafe(link_section = ".text.last_resort")]
            #[allow(unused_variables)]
            unsafe extern "C" fn last_resort($($arg: $ty),*) -> $ret {
                $crate::bind::finish($raw) as $ret
            }

            call_through! {
                /// The next definition of this name: libc's, or that of a library preloaded after this one.
                pub(crate) fn real($($arg: $ty),*) -> $ret = REAL as Function
            }
        }
    };
    (@check (unchecked), ($($ty:ty),*) -> $ret:ty) => {};
    // A variadic function: the fixed part of its declaration in the libc crate is written out beside it.
    (@check (variadic $check:path as $declared:ty), ($($ty:ty),*) -> $ret:ty) => { const _: $declared = $check; };
    (@check ($check:expr), ($($ty:ty),*) -> $ret:ty) => {
        const _: unsafe extern "C" fn($($ty),*) -> $ret = $check;
    };
}

/// Makes a function that calls through the pointer `$at`. Only functions of this very signature are stored there: the
/// binder, the last resort, a counting function, and the next definition of the name, whose signature the compiler has
/// compared with the libc crate's.
macro_rules! call_through {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $at:ident as $function:ty) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The contract of the libc function. The pointer must not be null.
        #[inline(always)]
        $vis unsafe fn $name($($arg: $ty),*) -> $ret {
            let address = $at.load(Relaxed);
            // SAFETY: only functions of this signature are stored there (see `call_through!`), and the caller promises
            // that one is.
            let function: $function = unsafe { core::mem::transmute(address) };
            // SAFETY: the caller has promised what the function requires of its arguments; they are passed on
            // unchanged.
            unsafe { function($($arg),*) }
        }
    };
}

/// Asserts that a hook has its row in the table. (`hooks::rows` asserts that each row has its hook.)
macro_rules! listed {
    ($name:ident) => {
        const _: () = assert!(
            policy::hooks::is_listed(stringify!($name)),
            concat!(stringify!($name), " has no row in policy::hooks, or not for this machine")
        );
    };
}

/// The name of a hook, for looking it up.
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

/// The raw system call of a hook's last resort. Arguments are passed as machine words.
macro_rules! raw {
    ($number:expr) => { raw!($number, 0, 0, 0, 0, 0, 0) };
    ($number:expr, $a:expr) => { raw!($number, $a, 0, 0, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr) => { raw!($number, $a, $b, 0, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr) => { raw!($number, $a, $b, $c, 0, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr) => { raw!($number, $a, $b, $c, $d, 0, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr) => { raw!($number, $a, $b, $c, $d, $e, 0) };
    ($number:expr, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr) => {
        // SAFETY: these are the hook's own arguments, or pointers to locals of the last resort, in the order in which
        // the system call takes them; so what the hook's caller has promised is what the call requires.
        unsafe {
            $crate::arch::syscall6($number, $a as usize, $b as usize, $c as usize, $d as usize, $e as usize, $f as usize)
        }
    };
}
