//! What portable.rs says, in machine code: from the hook's arguments as they came, through the real call, to what is counted.
//!
//! rbx is the record. Labels: 30 more than a tiny segment, or the first receive after a burst; 40 the first call of a burst;
//! 45 the tally is full; 50 and 60 no simple connection. The unwinder is told of the word on the stack: a thread can be
//! cancelled in the real call.

/// The record of a simple connection, and the real call.
macro_rules! simple_call {
    () => {
        concat!("cmp edi, {last}", "\n", "ja 60f", "\n", call_with_record!("{simple}", ""))
    };
}

/// The record of a descriptor in the table, and, if it has this mode, the real call, after the given lines.
macro_rules! call_with_record {
    ($mode:literal, $before:literal) => {
        concat!(
            "
        push rbx
        .cfi_adjust_cfa_offset 8
        .cfi_offset rbx, -16
        mov ebx, edi
        shl rbx, {shift}
        add rbx, qword ptr [rip + {records}]
        cmp byte ptr [rbx + {mode}], ",
            $mode,
            "
        jne 50f
        ",
            $before,
            "
        call qword ptr [rip + {next}]
        "
        )
    };
}

/// To a function that gets the result and the record, and returns the result.
macro_rules! leave_to {
    ($function:literal) => {
        concat!(
            "mov rdi, rax\nmov rsi, rbx\npop rbx\n.cfi_adjust_cfa_offset -8\njmp {",
            $function,
            "}\n.cfi_adjust_cfa_offset 8\n"
        )
    };
}

/// No simple connection: the arguments are as they came.
macro_rules! no_simple_call {
    () => {
        "
        50: pop rbx
        .cfi_adjust_cfa_offset -8
        60: jmp {otherwise}
        "
    };
}

/// A call that sends. `flags`: lines that go to 60 if the call is held, or the program holds it.
macro_rules! count_sent {
    ($name:ident([$fd:ident], $($arg:ident),*) flags $flags:expr, bytes |$sent:ident| $bytes:expr; in machine code $lines:expr) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            $lines,
            simple_call!(),
            "
            cmp rax, {tiny}
            jae 30f
            mov rcx, qword ptr [rbx]
            lock inc qword ptr [rcx + {calls}]
            lock add qword ptr [rcx + {bytes}], rax
            mov rdx, qword ptr [rbx + {clock}]
            mov edx, dword ptr [rdx]
            lea esi, [rdx + {early}]
            sub esi, dword ptr [rbx + {sent}]
            cmp esi, {gap} + {early}
            jae 40f
            mov dword ptr [rbx + {sent}], edx
            add dword ptr [rbx + {tally}], {one}
            js 45f
            pop rbx
            .cfi_adjust_cfa_offset -8
            ret
            .cfi_adjust_cfa_offset 8
            ",
            "30:", leave_to!("sent_more"),
            "40: mov ecx, {alone}", leave_to!("first"),
            "45:", leave_to!("full"),
            no_simple_call!(),
            ".cfi_endproc",
            last = const $crate::table::NEAR - 1, shift = const record::SHIFT, records = sym record::RECORDS,
            mode = const record::MODE, simple = const record::SIMPLE, clock = const record::CLOCK, sent = const record::SENT,
            tally = const record::TALLY, calls = const counter_at(Counter::CallsSent), bytes = const counter_at(Counter::BytesSent),
            tiny = const TINY, early = const burst::EARLY, gap = const arch::GAP, one = const CALL + TINY_ALONE, alone = const TINY_ALONE,
            more = const libc::MSG_MORE, next = sym NEXT, otherwise = sym otherwise, sent_more = sym sent_more, first = sym first, full = sym full,
        )
    };
}

/// A call on a socket that this thread has corked, in time for its burst: to be counted and nothing else. Its time is in eax
/// (hooks/quick), and fits the record's clock. One that has failed is noted as sent then, which tells nobody anything.
macro_rules! count_in_cork {
    () => {
        #[unsafe(naked)]
        unsafe extern "C" fn counting_in_cork() {
            core::arch::naked_asm!(
                ".cfi_startproc",
                call_with_record!("{corked}", "mov dword ptr [rbx + {sent}], eax"),
                "
                test rax, rax
                jle 20f
                mov rcx, qword ptr [rbx]
                lock inc qword ptr [rcx + {calls}]
                lock add qword ptr [rcx + {bytes}], rax
                add dword ptr [rbx + {tally}], {one}
                js 45f
                20: pop rbx
                .cfi_adjust_cfa_offset -8
                ret
                .cfi_adjust_cfa_offset 8
                ",
                "45:", leave_to!("full"),
                no_simple_call!(),
                ".cfi_endproc",
                shift = const record::SHIFT, records = sym record::RECORDS, mode = const record::MODE,
                corked = const record::CORKED, sent = const record::SENT, tally = const record::TALLY,
                calls = const counter_at(Counter::CallsSent), bytes = const counter_at(Counter::BytesSent),
                one = const CALL, next = sym NEXT, otherwise = sym otherwise, full = sym full,
            )
        }

        /// Puts it in place.
        pub(in super::super) fn insert_in_cork() {
            if !NEXT.load(Relaxed).is_null() {
                hook::IN_CORK.store(counting_in_cork as *mut (), Relaxed);
            }
        }
    };
}

/// A call that receives.
macro_rules! count_received {
    ($name:ident([$fd:ident], $($arg:ident),*)) => {
        core::arch::naked_asm!(
            ".cfi_startproc",
            simple_call!(),
            "
            test rax, rax
            jle 20f
            mov rcx, qword ptr [rbx]
            lock inc qword ptr [rcx + {calls}]
            lock add qword ptr [rcx + {bytes}], rax
            cmp qword ptr [rbx + {tally}], 0
            jne 30f
            20: pop rbx
            .cfi_adjust_cfa_offset -8
            ret
            .cfi_adjust_cfa_offset 8
            ",
            "30:", leave_to!("received_first"),
            no_simple_call!(),
            ".cfi_endproc",
            last = const $crate::table::NEAR - 1, shift = const record::SHIFT, records = sym record::RECORDS,
            mode = const record::MODE, simple = const record::SIMPLE, tally = const record::TALLY,
            calls = const counter_at(Counter::CallsReceived), bytes = const counter_at(Counter::BytesReceived),
            next = sym NEXT, otherwise = sym otherwise, received_first = sym received_first,
        )
    };
}
