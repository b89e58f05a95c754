//! The quick paths in Rust: for machines other than x86-64, and there for the calls that are not among the commonest.

/// A data call that can be held.
macro_rules! send_portably {
    ($name:ident($fd:ident, $($arg:ident),*) flags $flags:expr, whole $whole:expr, when $when:expr, sockets $sockets:expr) => {{
        if !$crate::table::is_near($fd) {
            if $crate::table::is_beyond($fd) {
                // SAFETY: the caller's arguments.
                return unsafe { $name::rarely($fd, $($arg),*) };
            }
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($fd, $($arg),*) };
        }
        let shared = $crate::table::shared();
        let words = shared.near($fd);
        let low = words.low.load($crate::sync::Relaxed);
        if low & policy::socket::ATTEND as u32 == 0 {
            // A call that only sockets have, on one that was never met: it came from elsewhere.
            if $sockets && !policy::socket::Socket::of(low, 0).is_met() || says_more($flags, low) {
                // SAFETY: the caller's arguments.
                return unsafe { $name::rarely($fd, $($arg),*) };
            }
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($fd, $($arg),*) };
        }
        let next = shared.learned.next_sent(low);
        if next == 0 || next & policy::socket::HELD as u8 != 0 || $flags & SPECIAL != 0 || !$when {
            // SAFETY: the caller's arguments.
            return unsafe { $name::rarely($fd, $($arg),*) };
        }
        let now = $crate::arch::ticks();
        let held = low & policy::socket::HELD as u32 != 0;
        if held && (!policy::burst::in_time(words.high.load($crate::sync::Relaxed), now, $crate::arch::GAP) || $whole == 0) {
            // SAFETY: the caller's arguments.
            return unsafe { $name::rarely($fd, $($arg),*) };
        }
        words.high.store(now, $crate::sync::Relaxed);
        words.low.store($crate::arch::with_lowest_byte(low, u32::from(next)), $crate::sync::Relaxed);
        // SAFETY: the caller's arguments.
        let sent = unsafe { $name::real($fd, $($arg),*) };
        // One that has sent nothing has not pushed what was held either.
        if held && $whole == UNKNOWN && sent <= 0 { ran_out(sent, $fd) } else { sent }
    }};
}

/// A data call that cannot be held itself.
macro_rules! pass_portably {
    ($name:ident($($before:ident,)* [$fd:ident], $($arg:ident),*) -> $ret:ty; flags $flags:expr, $count:ident) => {{
        if !$crate::table::is_near($fd) {
            if $crate::table::is_beyond($fd) {
                // SAFETY: the caller's arguments.
                return unsafe { $name::rarely($($before,)* $fd, $($arg),*) };
            }
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($($before,)* $fd, $($arg),*) };
        }
        let shared = $crate::table::shared();
        let words = shared.near($fd);
        let low = words.low.load($crate::sync::Relaxed);
        if low & policy::socket::ATTEND as u32 == 0 {
            if says_more($flags, low) {
                // SAFETY: the caller's arguments.
                return unsafe { $name::rarely($($before,)* $fd, $($arg),*) };
            }
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($($before,)* $fd, $($arg),*) };
        }
        let next = shared.learned.next_sent(low);
        if next == 0 || next & policy::socket::HELD as u8 != 0 || $flags & SPECIAL != 0 {
            // SAFETY: the caller's arguments.
            return unsafe { $name::rarely($($before,)* $fd, $($arg),*) };
        }
        let now = $crate::arch::ticks();
        let held = low & policy::socket::HELD as u32 != 0;
        if held && !policy::burst::in_time(words.high.load($crate::sync::Relaxed), now, $crate::arch::GAP) {
            // SAFETY: the caller's arguments.
            return unsafe { $name::rarely($($before,)* $fd, $($arg),*) };
        }
        words.high.store(now, $crate::sync::Relaxed);
        words.low.store($crate::arch::with_lowest_byte(low, u32::from(next)), $crate::sync::Relaxed);
        // SAFETY: the caller's arguments.
        let sent = unsafe { $name::real($($before,)* $fd, $($arg),*) };
        // What was held goes out with this call, if it sends all that it is to send, and that is something.
        if held && !sent_all(sent as ssize_t, $count as ssize_t) { ran_out(sent as ssize_t, $fd) as $ret } else { sent }
    }};
}

/// A receive.
#[allow(unused_macros, reason = "every receive has its machine code on x86-64")]
macro_rules! receive_portably {
    ($name:ident($fd:ident, $($arg:ident),*) sockets $sockets:expr) => {{
        if !$crate::table::is_near($fd) {
            if $crate::table::is_beyond($fd) {
                // SAFETY: the caller's arguments.
                return unsafe { $name::rarely($fd, $($arg),*) };
            }
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($fd, $($arg),*) };
        }
        let shared = $crate::table::shared();
        let words = shared.near($fd);
        let low = words.low.load($crate::sync::Relaxed);
        if !$sockets && low == 0 {
            // SAFETY: the caller's arguments.
            return unsafe { $name::real($fd, $($arg),*) };
        }
        // What a closed one leaves behind is not attended; for a file that is all there can be.
        let usual = if $sockets { low & (policy::socket::ATTEND | policy::socket::CLOSELY) as u32 == policy::socket::ATTEND as u32 } else { low & policy::socket::CLOSELY as u32 == 0 };
        if !usual || $crate::hold::any_in(shared) {
            // SAFETY: the caller's arguments.
            return unsafe { $name::rarely($fd, $($arg),*) };
        }
        // SAFETY: the caller's arguments.
        let got = unsafe { $name::real($fd, $($arg),*) };
        if got > 0 {
            let low = words.low.load($crate::sync::Relaxed);
            let next = shared.learned.next_received(low);
            if next == 0 {
                return after(got, $fd);
            }
            words.low.store($crate::arch::with_lowest_byte(low, u32::from(next)), $crate::sync::Relaxed);
        }
        got
    }};
}

/// A wait.
#[allow(unused_macros, reason = "every wait has its machine code on x86-64")]
macro_rules! wait_portably {
    ($name:ident($($arg:ident),*)) => {{
        if $crate::hold::any() {
            // SAFETY: the caller's arguments.
            return unsafe { $name::holding($($arg),*) };
        }
        // SAFETY: the caller's arguments.
        unsafe { $name::real($($arg),*) }
    }};
}

#[cfg(not(machine_code))]
#[macro_use]
mod quickly {
    //! The same for every hook.
    macro_rules! send_quickly { ($($all:tt)*) => { send_portably!($($all)*) }; }
    macro_rules! pass_quickly { ($($all:tt)*) => { pass_portably!($($all)*) }; }
    macro_rules! receive_quickly { ($($all:tt)*) => { receive_portably!($($all)*) }; }
    macro_rules! wait_quickly { ($($all:tt)*) => { wait_portably!($($all)*) }; }
    macro_rules! in_cork {
        ($($all:tt)*) => {};
    }
}
