//! The quick paths in machine code: what portable.rs says, instruction for instruction. Nothing is decided here.
//!
//! Registers, from the calling convention (System V psABI): arguments in rdi, rsi, rdx, rcx, r8, r9; free are rax, r10, r11
//! and those that the hook's own arguments leave. All through, r11 is the address of `table::SHARED`, rdi the descriptor, and
//! r10 the lower word of its state. Labels: 20 this call ends a burst whose call before was held, 30 another call follows,
//! 35 the same after one that was held or on a corked socket, 40 a call was not accepted whole, 60 no attention is paid to the
//! descriptor, 70 the rarer cases, 75 the same with rdx to be put back, 80 the real call and nothing else, 90 not in the table.
//! Where the stack is moved for a call the unwinder is told: a thread can be cancelled in it.

/// Is the descriptor in the first table, and what is its state?
macro_rules! look {
    () => {
        "
        cmp edi, dword ptr [rip + {limit}]
        jae 90f
        lea r11, [rip + {shared}]
        mov edi, edi
        mov r10d, dword ptr [r11 + rdi*8 + 8]
        "
    };
}

/// The last lines: the rarer cases, the real call, and which of the two where [`look`] has found nothing.
macro_rules! elsewhere {
    () => {
        "
        80: jmp qword ptr [rip + {real}]
        75: mov rdx, r9
        70: jmp {rarely}
        90: cmp edi, {near}
        jb 80b
        jmp 70b
        "
    };
}

/// The clock, into eax. rdx is kept in r9.
macro_rules! clock {
    () => {
        "
        mov r9, rdx
        rdtsc
        shrd eax, edx, 4
        "
    };
}

/// To 75 if the last call is too long ago for its burst; eax is the time. Uses rdx.
macro_rules! in_time {
    () => {
        "
        lea edx, [rax + {early}]
        sub edx, dword ptr [r11 + rdi*8 + 12]
        cmp edx, {gap} + {early}
        jae 75f
        "
    };
}

/// To 75 if this thread's slot does not name the descriptor; the time in eax becomes that of a held call. Uses rdx and r8.
macro_rules! take {
    () => {
        "
        mov rdx, qword ptr fs:[0]
        imul r8, rdx, 65536
        shr edx, 20
        lea r8, [r8 + rdi + 1]
        cmp r8, qword ptr [r11 + rdx*8 + {slots}]
        jne 75f
        mov al, dl
        "
    };
}

/// Notes the next state: the time, with its mark of the thread, before what it belongs to (`table::Words::set`).
macro_rules! note {
    () => {
        "
        mov dword ptr [r11 + rdi*8 + 12], eax
        mov dword ptr [r11 + rdi*8 + 8], r10d
        "
    };
}

/// A data call: to 60 where no attention is paid, 30 where another call follows, 20 where it is the last of its burst. Else it
/// stands alone: noted, and made. `flags` are lines that go to 70 if the application's flags make the call special.
macro_rules! data_call {
    ($flags:expr) => {
        concat!(
            "
        test r10b, {attend}
        je 60f
        movzx eax, r10w
        movzx eax, byte ptr [r11 + rax + {sent}]
        test al, al
        js 30f
        je 70f
        ",
            $flags,
            "
        test r10b, r10b
        mov r10b, al
        js 20f
        mov dword ptr [r11 + rdi*8 + 8], r10d
        mov r10, rdx
        rdtsc
        shrd eax, edx, 4
        mov dword ptr [r11 + rdi*8 + 12], eax
        mov rdx, r10
        jmp qword ptr [rip + {real}]
        "
        )
    };
}

/// A corked socket that this thread has corked: only the time is to be noted. It stays in eax for what counts such calls
/// (count/quick), which stands where `IN_CORK` points if they are counted. With the mark of the same thread as the last call's
/// the lowest byte of the time between is 0; any other would be the highest of what is compared.
macro_rules! corked {
    () => {
        concat!(
            clock!(),
            take!(),
            "
        mov edx, eax
        sub edx, dword ptr [r11 + rdi*8 + 12]
        ror edx, 8
        cmp edx, {gap} >> 8
        jae 75f
        mov rdx, r9
        mov dword ptr [r11 + rdi*8 + 12], eax
        jmp qword ptr [rip + {in_cork}]
        "
        )
    };
}

/// What belongs to a hook that goes on in [`corked`]: not to one that is served portably.
macro_rules! in_cork {
    (send_portably $name:ident) => {};
    (pass_portably $name:ident) => {};
    ($way:ident $name:ident) => {
        use core::ffi::CStr;
        use $crate::bind::Name;

        /// Where a call goes that only goes on with a burst on a corked socket: to the real function, or to what counts such
        /// a call. Null until the library first corks, so that the loader has nothing to relocate. Relaxed: as `REAL`; who
        /// takes that path has found the socket corked in its word, which was set later.
        #[unsafe(link_section = ".data")]
        pub(crate) static IN_CORK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

        /// The library is about to cork.
        pub(super) fn ready_to_cork() {
            const NAME: Name<'_> = Name::new(match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            });
            let binder: *mut ();
            // SAFETY: the address of a function, as a distance from here: the compiler would take it from memory, where the
            // loader had to relocate it.
            unsafe { core::arch::asm!("lea {}, [rip + {}]", out(reg) binder, sym first, options(pure, nomem, nostack)) };
            let mut real = REAL.load(Relaxed);
            if real == binder {
                let found = bind::next(NAME);
                real = if found.is_null() { real } else { found };
            }
            // Not where what counts has been put there.
            let _ = IN_CORK.compare_exchange(core::ptr::null_mut(), real, Relaxed, Relaxed);
        }
    };
}

/// Makes the call that is given, and goes to 40 if its result is not the word that was pushed last. So many bytes were pushed,
/// an odd number of words, so that the stack is aligned for the call.
macro_rules! call_whole {
    ($push:expr, $bytes:literal, $call:expr) => {
        concat!(
            $push,
            "\n.cfi_adjust_cfa_offset ",
            $bytes,
            "\n",
            $call,
            "
            cmp rax, qword ptr [rsp]
            jne 40f
            add rsp, ",
            $bytes,
            "\n.cfi_adjust_cfa_offset -",
            $bytes,
            "
            ret
            40:
            .cfi_adjust_cfa_offset ",
            $bytes,
            "\n"
        )
    };
}

/// The last call of a burst whose length is not known: one that has sent nothing has not pushed what was held either.
macro_rules! call_some {
    () => {
        "
        push rdi
        push rdi
        push rdi
        .cfi_adjust_cfa_offset 24
        call qword ptr [rip + {real}]
        test rax, rax
        jle 40f
        add rsp, 24
        .cfi_adjust_cfa_offset -24
        ret
        40:
        .cfi_adjust_cfa_offset 24
        pop rsi
        pop rcx
        pop rcx
        .cfi_adjust_cfa_offset -24
        mov rdi, rax
        jmp {ran_out}
        "
    };
}

/// Where no attention is paid: to 70 if the application's flags, in this register, may say for the first time that it holds by
/// itself; else to the real call, which follows.
macro_rules! says_more {
    ($flags:literal) => {
        concat!("test ", $flags, ", {special}\nje 80f\ntest r10d, {no_hold}\nje 70f")
    };
}

/// A data call that can be held. `last`: lines that go to 70 if the call has no data, and so ends nothing. `ends`: the real
/// call, where the one before it was held. `held`: what is done
/// with a call that is the first of its burst, and that another follows.
macro_rules! send_in_machine_code {
    ($name:ident, flags $flags:expr, last $last:expr, ends $ends:expr, unmet $unmet:expr, held $held:expr $(, $($operand:tt)*)?) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            look!(),
            data_call!($flags),
            "20:", $last, clock!(), in_time!(), "mov rdx, r9", note!(), $ends,
            "30:", $flags, "test r10d, {corked}", "jne 35f", "test r10b, r10b", "js 70f", $held,
            "35:", corked!(),
            "60:", $unmet,
            elsewhere!(),
            ".cfi_endproc",
            limit = sym $crate::table::LIMIT, shared = sym $crate::table::SHARED, slots = const $crate::table::SLOTS_AT, near = const $crate::table::NEAR,
            sent = const $crate::table::SENT_AT, attend = const policy::socket::ATTEND, corked = const policy::socket::CORKED, gap = const $crate::arch::GAP,
            early = const policy::burst::EARLY, special = const SPECIAL, met = const policy::socket::Socket::MET, no_hold = const policy::socket::NO_HOLD, more_flag = const libc::MSG_MORE,
            real = sym $name::REAL, in_cork = sym $name::IN_CORK, rarely = sym $name::rarely $(, $($operand)*)?
        )
    };
}

/// The data calls that can be held, each by its own registers.
macro_rules! send_quickly {
    (write($($arg:ident),*) $($rest:tt)*) => {
        send_in_machine_code!(
            write, flags "/* {special} {met} {no_hold} */", last "test rdx, rdx\nje 70f", ends "jmp qword ptr [rip + {real}]", unmet "",
            held concat!(
                "mov r10b, al", clock!(), take!(), note!(),
                call_whole!("push rdi\npush rsi\npush r9", 24, "mov rdx, r9\nmov ecx, {more_flag}\ncall qword ptr [rip + {held}]"),
                "pop rcx\npop rdx\npop rsi\n.cfi_adjust_cfa_offset -24\nmov rdi, rax\njmp {again}\n"
            ),
            held = sym send::REAL, again = sym write::again
        )
    };
    (send($($arg:ident),*) $($rest:tt)*) => {
        send_in_machine_code!(
            send, flags "test ecx, {special}\njne 70f", last "test rdx, rdx\nje 70f", ends "jmp qword ptr [rip + {real}]",
            unmet concat!("test r10d, {met}\nje 70f\n", says_more!("ecx")),
            held concat!(
                "mov r10b, al", clock!(), take!(), note!(),
                call_whole!(
                    "push rdi\npush rsi\npush rcx\npush rcx\npush r9", 40,
                    "mov rdx, r9\nor ecx, {more_flag}\ncall qword ptr [rip + {real}]"
                ),
                "pop rcx\npop r8\npop r8\npop rdx\npop rsi\n.cfi_adjust_cfa_offset -40\nmov rdi, rax\njmp {again}\n"
            ),
            again = sym send::again
        )
    };
    (writev($($arg:ident),*) $($rest:tt)*) => {
        send_in_machine_code!(
            writev, flags "/* {special} {met} {no_hold} */", last "test edx, edx\nje 70f", ends call_some!(), unmet "",
            held "jmp 70f /* {more_flag} */", ran_out = sym ran_out
        )
    };
    (sendmsg($($arg:ident),*) $($rest:tt)*) => {
        send_in_machine_code!(
            sendmsg, flags "test edx, {special}\njne 70f", last "", ends call_some!(), unmet concat!("test r10d, {met}\nje 70f\n", says_more!("edx")),
            held "jmp 70f /* {more_flag} */", ran_out = sym ran_out
        )
    };
}

/// sendfile, which cannot be held itself: what was held goes out with it, if it sends all that it is to send.
macro_rules! pass_quickly {
    ($name:ident([$fd:ident], $file:ident, $offset:ident, $counted:ident) -> $ret:ty; flags $flags:expr, $count:ident) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            look!(),
            data_call!(""),
            "20: test rcx, rcx", "je 70f", clock!(), in_time!(), "mov rdx, r9", note!(),
            call_whole!("push rdi\npush rcx\npush rcx", 24, "call qword ptr [rip + {real}]"),
            "pop rcx\npop rcx\npop rsi\n.cfi_adjust_cfa_offset -24\nmov rdi, rax\njmp {ran_out}",
            "30: test r10d, {corked}", "je 70f", corked!(),
            "60:",
            elsewhere!(),
            ".cfi_endproc",
            limit = sym $crate::table::LIMIT, shared = sym $crate::table::SHARED, slots = const $crate::table::SLOTS_AT, near = const $crate::table::NEAR,
            sent = const $crate::table::SENT_AT, attend = const policy::socket::ATTEND, corked = const policy::socket::CORKED, gap = const $crate::arch::GAP,
            early = const policy::burst::EARLY, real = sym $name::REAL, in_cork = sym $name::IN_CORK, rarely = sym $name::rarely,
            ran_out = sym ran_out
        )
    };
}

/// To 70 if this thread holds something. r11 is the address of `table::SHARED`; uses rax.
macro_rules! holding {
    () => {
        "
        mov rax, qword ptr fs:[0]
        shr eax, 20
        movzx eax, word ptr [r11 + rax*8 + {slots}]
        cmp byte ptr [r11 + rax*8], 0
        js 70f
        "
    };
}

/// A receive. `usual`: lines that go to 70 or 80 if the descriptor is no usual connection.
macro_rules! receive_in_machine_code {
    ($name:ident, $usual:expr) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            look!(),
            $usual,
            holding!(),
            "
            push rdi
            .cfi_adjust_cfa_offset 8
            call qword ptr [rip + {real}]
            pop rdi
            .cfi_adjust_cfa_offset -8
            test rax, rax
            jle 20f
            lea r11, [rip + {shared}]
            mov r10d, dword ptr [r11 + rdi*8 + 8]
            movzx ecx, r10w
            movzx ecx, byte ptr [r11 + rcx + {received}]
            test cl, cl
            je 40f
            mov r10b, cl
            mov dword ptr [r11 + rdi*8 + 8], r10d
            20: ret
            40: mov rsi, rdi
            mov rdi, rax
            jmp {after}
            ",
            elsewhere!(),
            ".cfi_endproc",
            limit = sym $crate::table::LIMIT, shared = sym $crate::table::SHARED, slots = const $crate::table::SLOTS_AT, near = const $crate::table::NEAR,
            received = const $crate::table::RECEIVED_AT, attend = const policy::socket::ATTEND, closely = const policy::socket::CLOSELY, real = sym $name::REAL,
            rarely = sym $name::rarely, after = sym after
        )
    };
}

/// A receive: for a call that files have too, what was never met is a file.
macro_rules! receive_quickly {
    ($name:ident($($arg:ident),*) sockets true) => {
        receive_in_machine_code!($name, "and r10d, {attend} | {closely}\ncmp r10d, {attend}\njne 70f")
    };
    ($name:ident($($arg:ident),*) sockets false) => {
        receive_in_machine_code!($name, "test r10d, r10d\nje 80f\ntest r10d, {closely}\njne 70f /* {attend} */")
    };
}

/// A wait.
macro_rules! wait_quickly {
    ($name:ident($($arg:ident),*)) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            "test byte ptr [rip + {mode}], {has_held}",
            "je 80f",
            "lea r11, [rip + {shared}]",
            holding!(),
            "80: jmp qword ptr [rip + {real}]",
            "70: jmp {holding}",
            ".cfi_endproc",
            mode = sym $crate::mode::MODE, has_held = const $crate::mode::HAS_HELD, shared = sym $crate::table::SHARED,
            slots = const $crate::table::SLOTS_AT, real = sym $name::REAL, holding = sym $name::holding
        )
    };
}
