//! The table of hooks: one row for each function that the library interposes. The library checks its hooks against it
//! at compile time, and takes from it which ones are counted. The command explains a program's imports by it and writes
//! docs/hooks.txt. Nothing of it ends up in the library's file. Must not say how a hook works.

/// Calls `$then!` with the whole table. A block has a family of hooks, the architectures that have them, and the
/// library's module that defines them (`hooks::…`). A row has the function's name, the kind of descriptor that a
/// program importing it works with, the module that counts its calls, its manual page, and its meaning.
#[macro_export]
macro_rules! for_each_hook {
    ($then:ident) => {
        $then! {
            Connection, All in connection {
                socket: Sockets, No, "socket(2)", "makes a socket";
                socketpair: Sockets, No, "socketpair(2)", "makes two sockets that are connected with each other";
                connect: Sockets, No, "connect(2)", "opens a connection";
                listen: Sockets, No, "listen(2)", "lets a socket accept connections";
                accept: Sockets, No, "accept(2)", "takes a new connection";
                accept4: Sockets, No, "accept4(2)", "takes a new connection, with flags";
            }
            Send, All in data {
                write: Any, Calls, "write(2)", "sends bytes";
                writev: Any, Calls, "writev(2)", "sends bytes from several places";
                send: Sockets, Calls, "send(2)", "sends bytes, with flags";
                sendto: Sockets, Calls, "sendto(2)", "sends bytes to an address";
                sendmsg: Sockets, Calls, "sendmsg(2)", "sends bytes from several places, with control data";
            }
            Send, Narrow in data {
                __sendmsg64: Sockets, No, "sendmsg(2)", "sendmsg of 32-bit programs with a 64-bit clock";
            }
            Pass, All in data {
                sendmmsg: Sockets, Calls, "sendmmsg(2)", "sends several messages";
                sendfile: Sockets, Calls, "sendfile(2)", "sends a part of a file";
                sendfile64: Sockets, Calls, "sendfile(2)", "sendfile of programs with 64-bit file offsets";
                splice: Any, Calls, "splice(2)", "moves bytes from or to a pipe";
            }
            Pass, Narrow in data {
                __sendmmsg64: Sockets, No, "sendmmsg(2)", "sendmmsg of 32-bit programs with a 64-bit clock";
            }
            Receive, All in receive {
                read: Any, Calls, "read(2)", "receives bytes";
                readv: Any, Calls, "readv(2)", "receives bytes into several places";
                recv: Sockets, Calls, "recv(2)", "receives bytes, with flags";
                recvfrom: Sockets, Calls, "recvfrom(2)", "receives bytes and the sender's address";
                recvmsg: Sockets, Calls, "recvmsg(2)", "receives bytes into several places, with control data";
                recvmmsg: Sockets, Calls, "recvmmsg(2)", "receives several messages";
                __read_chk: Any, Calls, "read(2)", "read of programs built with _FORTIFY_SOURCE";
                __recv_chk: Sockets, Calls, "recv(2)", "recv of programs built with _FORTIFY_SOURCE";
                __recvfrom_chk: Sockets, Calls, "recvfrom(2)", "recvfrom of programs built with _FORTIFY_SOURCE";
            }
            Receive, Narrow in receive {
                __recvmsg64: Sockets, No, "recvmsg(2)", "recvmsg of 32-bit programs with a 64-bit clock";
                __recvmmsg64: Sockets, No, "recvmmsg(2)", "recvmmsg of 32-bit programs with a 64-bit clock, in glibc";
                __recvmmsg_time64: Sockets, No, "recvmmsg(2)", "recvmmsg of 32-bit programs with a 64-bit clock, in musl";
            }
            Wait, All in wait {
                poll: Any, Waits, "poll(2)", "waits for descriptors";
                __poll_chk: Any, Waits, "poll(2)", "poll of programs built with _FORTIFY_SOURCE";
                ppoll: Any, Waits, "ppoll(2)", "waits for descriptors and signals";
                __ppoll_chk: Any, Waits, "ppoll(2)", "ppoll of programs built with _FORTIFY_SOURCE";
                epoll_wait: Any, Waits, "epoll_wait(2)", "waits for the descriptors of an epoll instance";
                epoll_pwait: Any, Waits, "epoll_pwait(2)", "waits for the descriptors of an epoll instance and signals";
                epoll_pwait2: Any, Waits, "epoll_pwait2(2)", "epoll_pwait with a finer timeout";
                select: Any, Waits, "select(2)", "waits for descriptors";
                pselect: Any, Waits, "pselect(2)", "waits for descriptors and signals";
                nanosleep: Any, No, "nanosleep(2)", "sleeps";
                clock_nanosleep: Any, No, "clock_nanosleep(2)", "sleeps by a clock of choice";
                usleep: Any, No, "usleep(3)", "sleeps for microseconds";
                sleep: Any, No, "sleep(3)", "sleeps for seconds";
                sched_yield: Any, No, "sched_yield(2)", "lets other threads run";
                pause: Any, No, "pause(2)", "waits for a signal";
                sigsuspend: Any, No, "sigsuspend(2)", "waits for a signal that a mask lets through";
                sigwaitinfo: Any, No, "sigwaitinfo(2)", "waits for a signal and takes it";
                sigtimedwait: Any, No, "sigtimedwait(2)", "waits for a signal and takes it, with a timeout";
                wait: Any, No, "wait(2)", "waits for a child";
                waitpid: Any, No, "waitpid(2)", "waits for a certain child";
                wait3: Any, No, "wait3(2)", "waits for a child and asks what it used";
                wait4: Any, No, "wait4(2)", "waits for a certain child and asks what it used";
                waitid: Any, No, "waitid(2)", "waits for a change of a child";
            }
            Wait, Narrow in wait::time64 {
                __select64: Any, No, "select(2)", "select of 32-bit programs with a 64-bit clock, in glibc";
                __select_time64: Any, No, "select(2)", "select of 32-bit programs with a 64-bit clock, in musl";
                __pselect64: Any, No, "pselect(2)", "pselect of 32-bit programs with a 64-bit clock, in glibc";
                __pselect_time64: Any, No, "pselect(2)", "pselect of 32-bit programs with a 64-bit clock, in musl";
                __ppoll64: Any, No, "ppoll(2)", "ppoll of 32-bit programs with a 64-bit clock, in glibc";
                __ppoll_time64: Any, No, "ppoll(2)", "ppoll of 32-bit programs with a 64-bit clock, in musl";
                __epoll_pwait2_time64: Any, No, "epoll_pwait2(2)", "epoll_pwait2 of 32-bit programs with a 64-bit clock";
                __nanosleep64: Any, No, "nanosleep(2)", "nanosleep of 32-bit programs with a 64-bit clock, in glibc";
                __nanosleep_time64: Any, No, "nanosleep(2)", "nanosleep of 32-bit programs with a 64-bit clock, in musl";
                __clock_nanosleep_time64: Any, No, "clock_nanosleep(2)",
                    "clock_nanosleep of 32-bit programs with a 64-bit clock";
                __sigtimedwait64: Any, No, "sigtimedwait(2)", "sigtimedwait of 32-bit programs with a 64-bit clock, in glibc";
                __sigtimedwait_time64: Any, No, "sigtimedwait(2)",
                    "sigtimedwait of 32-bit programs with a 64-bit clock, in musl";
                __wait3_time64: Any, No, "wait3(2)", "wait3 of 32-bit programs with a 64-bit clock";
                __wait4_time64: Any, No, "wait4(2)", "wait4 of 32-bit programs with a 64-bit clock";
            }
            Descriptor, All in descriptor {
                close: Any, Waits, "close(2)", "closes a descriptor";
                close_range: Any, Waits, "close_range(2)", "closes a range of descriptors";
                shutdown: Sockets, No, "shutdown(2)", "ends one or both directions of a connection";
                fclose: Any, No, "fclose(3)", "closes a stream, and its descriptor where no hook sees it";
                dup: Any, Waits, "dup(2)", "gives a descriptor a second number";
                dup2: Any, Waits, "dup2(2)", "gives a descriptor a second number of choice";
                dup3: Any, Waits, "dup3(2)", "gives a descriptor a second number of choice, with flags";
                fcntl: Any, Waits, "fcntl(2)", "duplicates a descriptor, among much else";
                fcntl64: Any, Waits, "fcntl(2)", "fcntl of programs with 64-bit file offsets";
                pipe: Any, No, "pipe(2)", "makes a pipe";
                pipe2: Any, No, "pipe2(2)", "makes a pipe, with flags";
            }
            Descriptor, Narrow in descriptor {
                __fcntl_time64: Any, No, "fcntl(2)", "fcntl of 32-bit programs with a 64-bit clock";
            }
            Option, All in options {
                setsockopt: Sockets, No, "setsockopt(2)", "sets an option of a socket";
                getsockopt: Sockets, No, "getsockopt(2)", "asks for an option of a socket";
            }
            Option, Narrow in options {
                __setsockopt64: Sockets, No, "setsockopt(2)", "setsockopt of 32-bit programs with a 64-bit clock";
                __getsockopt64: Sockets, No, "getsockopt(2)", "getsockopt of 32-bit programs with a 64-bit clock";
            }
            Process, All in process {
                fork: Any, Waits, "fork(2)", "makes a child that has the same descriptors";
                unshare: Any, No, "unshare(2)", "gives the thread a descriptor table of its own, among much else";
                execve: Any, No, "execve(2)", "becomes another program";
                execv: Any, No, "execv(3)", "becomes another program, with the present environment";
                execvp: Any, No, "execvp(3)", "becomes another program, which is looked for in PATH";
                execvpe: Any, No, "execvpe(3)", "becomes another program, which is looked for in PATH";
                execveat: Any, No, "execveat(2)", "becomes another program, named from a directory";
                fexecve: Any, No, "fexecve(3)", "becomes the program that a descriptor stands for";
                execl: Any, No, "execl(3)", "becomes another program, its arguments one by one";
                execle: Any, No, "execle(3)", "becomes another program, its arguments one by one";
                execlp: Any, No, "execlp(3)", "becomes another program, its arguments one by one";
                _exit: Any, No, "_exit(2)", "ends the process at once";
                _Exit: Any, No, "_Exit(3)", "ends the process at once";
                quick_exit: Any, No, "quick_exit(3)", "ends the process, with few clean-ups";
                prctl: Any, No, "prctl(2)", "may restrict the process's system calls";
                syscall: Any, No, "syscall(2)", "makes any system call: seccomp and futex have no function of their own";
            }
            Process, Narrow in process {
                __prctl_time64: Any, No, "prctl(2)", "prctl of 32-bit programs with a 64-bit clock";
            }
        }
    };
}

/// The family of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Creating, connecting and accepting sockets.
    Connection,
    /// Calls that send and can be held.
    Send,
    /// Calls that send and cannot be held themselves.
    Pass,
    /// Calls that receive.
    Receive,
    /// Calls that wait or sleep.
    Wait,
    /// Creating, duplicating and closing descriptors.
    Descriptor,
    /// Socket options.
    Option,
    /// Creating, replacing, restricting and ending processes.
    Process,
}

impl Family {
    /// All families, in the order in which they are described.
    pub const ALL: [Self; 8] = [
        Self::Connection,
        Self::Send,
        Self::Pass,
        Self::Receive,
        Self::Wait,
        Self::Descriptor,
        Self::Option,
        Self::Process,
    ];

    /// The family's name, as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Send => "send",
            Self::Pass => "pass",
            Self::Receive => "receive",
            Self::Wait => "wait",
            Self::Descriptor => "descriptor",
            Self::Option => "option",
            Self::Process => "process",
        }
    }

    /// The heading of the family's part in docs/hooks.md.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Connection => "Sockets are made and connected",
            Self::Send | Self::Pass => "Data leaves",
            Self::Receive => "Data arrives",
            Self::Wait => "The thread waits",
            Self::Descriptor => "Descriptors begin, end and multiply",
            Self::Option => "Options",
            Self::Process => "Processes",
        }
    }
}

/// The architectures that have a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machines {
    /// All architectures.
    All,
    /// Those with 32-bit pointers.
    Narrow,
}

/// What importing a function says about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing about sockets: the function works with any descriptor, or none.
    Any,
    /// The program uses sockets.
    Sockets,
}

/// The module of the library that counts the calls of a hook (`count::…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Its calls are not counted.
    No,
    /// `calls`: calls that move data.
    Calls,
    /// `waits`: waits, and calls that close or duplicate descriptors.
    Waits,
}

/// A function that the library interposes.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Its name in the C library.
    pub name: &'static str,
    /// The family it belongs to.
    pub family: Family,
    /// The architectures that have it.
    pub machines: Machines,
    /// What importing it says about a program.
    pub subject: Subject,
    /// The module that counts its calls.
    pub counted: Counted,
    /// The manual page that describes it.
    pub page: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

impl Hook {
    /// Does the library have this hook on architectures with pointers of `bits` bits?
    pub const fn exists(&self, bits: u32) -> bool {
        matches!(self.machines, Machines::All) || bits == 32
    }
}

macro_rules! table {
    ($($family:ident, $machines:ident in $($module:ident)::+ {
        $($name:ident: $subject:ident, $counted:ident, $page:literal, $meaning:literal;)*
    })*) => {
        /// All hooks of all architectures, by family.
        pub const HOOKS: &[Hook] = &[ $( $( Hook {
            name: stringify!($name),
            family: Family::$family,
            machines: Machines::$machines,
            subject: Subject::$subject,
            counted: Counted::$counted,
            page: $page,
            meaning: $meaning,
        }, )* )* ];
    };
}
for_each_hook!(table);

/// The row with this name.
pub const fn find(name: &str) -> Option<&'static Hook> {
    let mut left = HOOKS;
    while let [hook, rest @ ..] = left {
        if same(hook.name.as_bytes(), name.as_bytes()) {
            return Some(hook);
        }
        left = rest;
    }
    None
}

/// Is it a hook on the architecture for which this is compiled?
pub const fn is_listed(name: &str) -> bool {
    matches!(find(name), Some(hook) if hook.exists(usize::BITS))
}

/// Does the library count the calls of this function?
pub const fn is_counted(name: &str) -> bool {
    matches!(find(name), Some(hook) if !matches!(hook.counted, Counted::No))
}

const fn same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([a, ones @ ..], [b, others @ ..]) = (one, other) {
        if *a != *b {
            return false;
        }
        (one, other) = (ones, others);
    }
    one.is_empty() && other.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_has_one_row_and_is_found() {
        let names: BTreeSet<&str> = HOOKS.iter().map(|hook| hook.name).collect();
        assert_eq!(names.len(), HOOKS.len());
        for hook in HOOKS {
            assert_eq!(find(hook.name).map(|found| found.name), Some(hook.name));
            assert_eq!(is_listed(hook.name), hook.machines == Machines::All || usize::BITS == 32, "{}", hook.name);
            assert_eq!(is_counted(hook.name), hook.counted != Counted::No, "{}", hook.name);
        }
        for stranger in ["", "writ", "writes", "bind", "closefrom"] {
            assert!(find(stranger).is_none() && !is_listed(stranger) && !is_counted(stranger), "{stranger}");
        }
    }

    #[test]
    fn narrow_names_are_those_of_32_bits_alone() {
        let narrow = HOOKS.iter().find(|hook| hook.name == "__select64").expect("a row");
        assert!(narrow.exists(32) && !narrow.exists(64));
        for hook in HOOKS {
            let name = hook.name;
            assert_eq!(hook.machines == Machines::Narrow, name.starts_with("__") && name.ends_with("64"), "{name}");
        }
    }

    #[test]
    fn rows_name_the_page_of_their_call() {
        for Hook { name, page, meaning, .. } in HOOKS {
            let (call, section) = page.split_once('(').expect("a page has a section");
            assert!(name.contains(call) && ["2)", "3)"].contains(&section), "{name}: {page}");
            assert!(!meaning.is_empty() && !meaning.ends_with('.'), "{name}: {meaning}");
        }
    }

    #[test]
    fn every_family_has_hooks_in_the_order_of_the_table() {
        let mut families: std::vec::Vec<Family> = HOOKS.iter().map(|hook| hook.family).collect();
        families.dedup();
        assert_eq!(families, Family::ALL);
    }
}
