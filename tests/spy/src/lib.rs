//! A second interposer for tests: preloaded behind (or before) libtcptune.so, it records every call that reaches it, with
//! its arguments and its result, one line each, in the file that `TCPTUNE_SPY` names.
//!
//! A line is the name of the function, its arguments as decimal numbers (pointers too), the result, and errno where the
//! result is negative. It must change nothing: it forwards each call as it came, and its own system calls are made by
//! instruction, so that neither it nor another interposer sees them. It is made with redhook, as other people's
//! interposers are, to show that the library works beside them.
#![allow(missing_docs, reason = "redhook's macro makes its items public")]

mod record;

use libc::{c_int, c_void, iovec, msghdr, off_t, off64_t, size_t, sockaddr, socklen_t, ssize_t};

/// Defines hooks that call the real function and then record the call.
macro_rules! spy_on {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty as $hook:ident;)*) => { $(
        redhook::hook! {
            unsafe fn $name($($argument: $type),*) -> $result => $hook {
                // SAFETY: why: the call must reach the function it was meant for. Sound: its arguments are the
                // caller's own, who vouches for them, and redhook found the function under this name.
                let result = unsafe { redhook::real!($name)($($argument),*) };
                record::call(stringify!($name), &[$($argument as i64),*], result as i64);
                result
            }
        }
    )* };
}

spy_on! {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int as spy_socket;
    fn connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int as spy_connect;
    fn listen(fd: c_int, backlog: c_int) -> c_int as spy_listen;
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int as spy_accept;
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int as spy_accept4;
    fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, length: socklen_t) -> c_int as spy_setsockopt;
    fn getsockopt(fd: c_int, level: c_int, option: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int as spy_getsockopt;
    fn write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t as spy_write;
    fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t as spy_writev;
    fn send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t as spy_send;
    fn sendto(
        fd: c_int, from: *const c_void, length: size_t, flags: c_int, address: *const sockaddr, size: socklen_t
    ) -> ssize_t as spy_sendto;
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t as spy_sendmsg;
    fn sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t as spy_sendfile;
    fn sendfile64(to: c_int, from: c_int, offset: *mut off64_t, count: size_t) -> ssize_t as spy_sendfile64;
    fn read(fd: c_int, to: *mut c_void, length: size_t) -> ssize_t as spy_read;
    fn readv(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t as spy_readv;
    fn recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t as spy_recv;
    fn recvfrom(
        fd: c_int, to: *mut c_void, length: size_t, flags: c_int, address: *mut sockaddr, size: *mut socklen_t
    ) -> ssize_t as spy_recvfrom;
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t as spy_recvmsg;
    fn shutdown(fd: c_int, how: c_int) -> c_int as spy_shutdown;
    fn dup(fd: c_int) -> c_int as spy_dup;
    fn dup2(fd: c_int, to: c_int) -> c_int as spy_dup2;
    fn close(fd: c_int) -> c_int as spy_close;
}
