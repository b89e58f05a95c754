//! The functions that stand between a hook and the real function where a thread waits, and where descriptors are closed
//! or duplicated.

use core::ffi::{c_int, c_long, c_uint};

use libc::{epoll_event, fd_set, nfds_t, pid_t, pollfd, sigset_t, size_t, timespec, timeval};
use policy::counters::Head;

use super::insert::between;
use super::{connection, file, record, stalls};

/// Makes the counting functions of waits: asks about suspect sockets first, unless the timeout is zero.
macro_rules! waits {
    ($($name:ident($($arg:ident: $ty:ty),*) unless $zero:expr;)*) => { $(
        between! {
            fn wait::$name($($arg: $ty),*) -> c_int {
                if stalls::any() && !$zero {
                    stalls::waiting();
                }
                // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
                unsafe { next($($arg),*) }
            }
        }
    )* };
}

waits! {
    poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) unless timeout == 0;
    __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) unless timeout == 0;
    epoll_wait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) unless timeout == 0;
    epoll_pwait(fd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int, mask: *const sigset_t) unless timeout == 0;
    epoll_pwait2(fd: c_int, events: *mut epoll_event, most: c_int, timeout: *const timespec, mask: *const sigset_t)
        unless false;
    ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) unless false;
    __ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t) unless false;
    select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) unless false;
    pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec,
        mask: *const sigset_t) unless false;
}

between! {
    fn descriptor::close(fd: c_int) -> c_int {
        if let Some(record) = record::of(fd) && record.state.load(Relaxed) != 0 {
            connection::closing(fd, record);
        }
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        unsafe { next(fd) }
    }
}
between! {
    fn descriptor::close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
        if flags & crate::hooks::descriptor::CLOSE_RANGE_CLOEXEC == 0 {
            record::each(|fd, record| {
                if (first..=last).contains(&(fd as c_uint)) {
                    connection::closing(fd, record);
                }
            });
        }
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        unsafe { next(first, last, flags) }
    }
}
between! {
    fn descriptor::dup(fd: c_int) -> c_int {
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        copied(fd, unsafe { next(fd) })
    }
}
between! {
    fn descriptor::dup2(fd: c_int, target: c_int) -> c_int {
        closed_by_dup(fd, target);
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        copied(fd, unsafe { next(fd, target) })
    }
}
between! {
    fn descriptor::dup3(fd: c_int, target: c_int, flags: c_int) -> c_int {
        closed_by_dup(fd, target);
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        copied(fd, unsafe { next(fd, target, flags) })
    }
}
between! {
    fn descriptor::fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        let result = unsafe { next(fd, command, argument) };
        if duplicates(command) { copied(fd, result) } else { result }
    }
}
between! {
    fn descriptor::fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int {
        // SAFETY: forwards the hook's arguments unchanged (the rule in count/mod.rs).
        let result = unsafe { next(fd, command, argument) };
        if duplicates(command) { copied(fd, result) } else { result }
    }
}

fn duplicates(command: c_int) -> bool {
    matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC)
}

fn closed_by_dup(fd: c_int, target: c_int) {
    if fd != target
        && let Some(record) = record::of(target)
    {
        connection::closing(target, record);
    }
}

fn copied(fd: c_int, new: c_int) -> c_int {
    if new >= 0 && new != fd {
        connection::copied(fd, new);
    }
    new
}

between! {
    fn process::fork() -> pid_t {
        // SAFETY: fork(2) takes no arguments and requires nothing of its caller that the hook's caller has not
        // promised.
        let child = unsafe { next() };
        if child == 0 && let Some(file) = file::known() {
            file::head(file, Head::Forks).fetch_add(1, Relaxed);
        }
        child
    }
}
