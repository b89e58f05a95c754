//! The simulated machine as the engine sees it.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::ffi::c_int;

use tcptune_engine::{Machine, NoMap, Told};
use tcptune_policy::evidence::Usage;
use tcptune_policy::{Peer, Settings};

use crate::kernel::{Done, kernel};

/// Threads of a program. The last one has the place of the first.
pub const THREADS: usize = 4;

/// Their thread pointers.
pub fn pointer(thread: usize) -> usize {
    if thread == THREADS - 1 { (5 + 4096) << 20 } else { (5 + thread) << 20 }
}

thread_local! {
    static ERRNO: [Cell<c_int>; THREADS] = const { [const { Cell::new(0) }; THREADS] };
}

/// errno of the running thread is this from now on.
pub fn set_errno(error: c_int) {
    let thread = kernel(|kernel| kernel.thread);
    ERRNO.with(|errno| errno[thread].set(error));
}

/// The machine.
#[derive(Debug)]
pub struct Simulated;

/// Memory as mmap(2) gives it.
fn pages(length: usize) -> Layout {
    Layout::from_size_align(length, 4096).expect("a size that there is")
}

impl Machine for Simulated {
    // As often as an x86-64 counts, about, so that what is measured in coarser units is not nothing.
    const MILLISECOND: u32 = 1000 << 7;

    fn ticks() -> u32 {
        kernel(|kernel| (kernel.now << 7) as u32)
    }

    fn milliseconds() -> u32 {
        kernel(|kernel| (kernel.now / 1000) as u32)
    }

    fn thread() -> usize {
        pointer(kernel(|kernel| kernel.thread))
    }

    fn errno() -> *mut c_int {
        let thread = kernel(|kernel| kernel.thread);
        ERRNO.with(|errno| errno[thread].as_ptr())
    }

    fn chance() -> u64 {
        kernel(|kernel| kernel.chance)
    }

    fn usage() -> Usage {
        kernel(|kernel| {
            kernel.done.push(Done::Usage);
            kernel.usage[kernel.thread]
        })
    }

    fn set_option(fd: c_int, level: c_int, name: c_int, value: &[u8]) -> isize {
        kernel(|kernel| {
            kernel.done.push(Done::Set(fd, name, value[0]));
            kernel.set(fd, level, name, value[0], true)
        })
    }

    fn get_option(fd: c_int, level: c_int, name: c_int, value: &mut [u8]) -> usize {
        const SO_COOKIE: c_int = 57;
        const TCP_ULP: c_int = 31;
        kernel(|kernel| {
            kernel.done.push(Done::Get(fd, name));
            let Some(&index) = kernel.numbers.get(&fd) else { return 0 };
            let socket = &kernel.sockets[index];
            if socket.protocol == 0 {
                return 0;
            }
            let tcp = socket.protocol == libc::IPPROTO_TCP;
            let word = match (level, name) {
                (libc::SOL_SOCKET, libc::SO_PROTOCOL) => socket.protocol,
                (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => c_int::from(socket.listens),
                (libc::IPPROTO_TCP, libc::TCP_NODELAY) if tcp => c_int::from(socket.nodelay),
                (libc::IPPROTO_TCP, libc::TCP_CORK) if tcp => c_int::from(socket.cork),
                (libc::SOL_SOCKET, SO_COOKIE) => {
                    value.copy_from_slice(&(index as u64 + 1).to_ne_bytes());
                    return 8;
                }
                (libc::IPPROTO_TCP, libc::TCP_INFO) if tcp => {
                    // struct tcp_info: tcpi_unacked, tcpi_bytes_received; a round trip of 0.
                    value[24..28].copy_from_slice(&socket.queued.to_ne_bytes());
                    if let Some(at) = value.get_mut(128..136) {
                        at.copy_from_slice(&u64::from(socket.received).to_ne_bytes());
                    }
                    return value.len();
                }
                (libc::IPPROTO_TCP, TCP_ULP) if tcp && socket.tls => {
                    value[..3].copy_from_slice(b"tls");
                    return value.len();
                }
                _ => return 0,
            };
            value.copy_from_slice(&word.to_ne_bytes());
            4
        })
    }

    fn unread(fd: c_int) -> u32 {
        kernel(|kernel| {
            kernel.done.push(Done::Unread(fd));
            kernel.socket(fd).map_or(0, |socket| socket.unread)
        })
    }

    fn own_address(fd: c_int) -> Option<Peer> {
        kernel(|kernel| {
            kernel.done.push(Done::Address(fd));
            kernel.socket(fd).and_then(|socket| socket.own)
        })
    }

    fn peer_address(fd: c_int) -> Option<Peer> {
        kernel(|kernel| {
            kernel.done.push(Done::Address(fd));
            kernel.socket(fd).and_then(|socket| socket.peer)
        })
    }

    fn is_confined() -> bool {
        kernel(|kernel| kernel.confined)
    }

    fn map(length: usize) -> Result<*mut u8, NoMap> {
        kernel(|kernel| kernel.done.push(Done::Map));
        // SAFETY: the length is not 0.
        let at = unsafe { alloc_zeroed(pages(length)) };
        if at.is_null() { Err(NoMap) } else { Ok(at) }
    }

    unsafe fn unmap(at: *mut u8, length: usize) {
        // SAFETY: the caller vouches for the mapping, which was made with this layout.
        unsafe { dealloc(at, pages(length)) };
    }

    fn settings() -> &'static Settings {
        kernel(|kernel| kernel.settings)
    }

    fn tell(told: Told) {
        kernel(|kernel| kernel.told.push(format!("{told:?}")));
    }

    fn is_told_to_stop() -> bool {
        kernel(|kernel| kernel.stop)
    }
}
