//! libtcptune.so: gives the program into which it is preloaded the right TCP_NODELAY and corking behaviour.
//!
//! The hooks (hooks/, one file per family of calls) decide nothing: they ask the engine what to do, do it, and return
//! the result of the real call. This crate must never allocate, lock, panic, use thread-local storage or std, keep a
//! file open, print (except one line about an invalid setting), or change what the program sees. It is loaded into
//! programs that know nothing of it. It runs before their first instruction, in signal handlers, in vfork children and
//! in sandboxes.
#![no_std]
#![allow(clippy::missing_safety_doc, reason = "the hook macro writes the section for every hook")]

extern crate tcptune_engine as engine;
extern crate tcptune_policy as policy;

#[macro_use]
mod arch;
#[macro_use]
mod hook;

mod address;
mod bind;
mod count;
mod hooks;
mod kernel;
mod machine;
mod start;

/// Required by the language but unreachable: no code here panics, and the release check looks for panic symbols.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
