//! Names of the C library's functions that matter to a socket.

use std::collections::BTreeSet;

/// A program that imports none of these does no networking of its own (write and read alone say nothing).
pub const SOCKET_CALLS: [&str; 24] = [
    "__recv_chk",
    "__recvfrom_chk",
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "send",
    "sendfile",
    "sendfile64",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "socketpair",
];

/// What the library stands in for; used when no library file is there to be asked.
pub const INTERPOSED: [&str; 36] = [
    "accept",
    "accept4",
    "close",
    "close_range",
    "closefrom",
    "connect",
    "dup",
    "dup2",
    "dup3",
    "epoll_pwait",
    "epoll_wait",
    "fcntl",
    "fcntl64",
    "getsockopt",
    "listen",
    "poll",
    "ppoll",
    "prctl",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "select",
    "send",
    "sendfile",
    "sendfile64",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "syscall",
    "write",
    "writev",
];

/// The names of `among` that are in `symbols`, sorted.
pub fn present(symbols: &BTreeSet<String>, among: &BTreeSet<String>) -> Vec<String> {
    symbols.intersection(among).cloned().collect()
}

pub fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
