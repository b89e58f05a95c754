//! Memory that the two helpers share, so that one can go on where the other was killed.

use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use libc::seccomp_notif;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// All zeros at first.
#[repr(C)]
struct Page {
    /// The call that is being answered. The kernel writes it here itself, so it is known as soon as it is taken up.
    call: seccomp_notif,
    tries: AtomicU32,
    /// A bit for each port that a supervised program listened on.
    ports: [AtomicU64; 1024],
}

/// Used by one helper at a time: the other reads it only once the first is dead.
pub struct Shared(NonNull<Page>);

impl Shared {
    /// To be made before the helpers part; never unmapped, for it is needed until the process ends.
    pub fn new() -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: needed because memory that is shared over fork has no safe form. Sound because it is fresh memory at an
        // address of the kernel's choice.
        let page = unsafe { mmap_anonymous(null_mut(), size_of::<Page>(), protection, MapFlags::SHARED) }?;
        NonNull::new(page.cast()).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    /// Where the next call is to be received.
    pub fn place(&self) -> *mut seccomp_notif {
        // SAFETY: needed to hand the place to the kernel. Sound because the mapping lives as long as the process; no
        // reference is made.
        unsafe { &raw mut (*self.0.as_ptr()).call }
    }

    /// The call that was taken up and may not have been answered yet.
    pub fn call(&self) -> Option<seccomp_notif> {
        // SAFETY: needed to read what the kernel wrote. Sound because the memory is mapped and aligned, any bytes are a valid
        // notification, and nobody writes at the same time.
        let call = unsafe { self.place().read() };
        (call.id != 0).then_some(call)
    }

    /// It has been answered.
    pub fn clear(&self) {
        // SAFETY: needed because the kernel wants zeros there. Sound because the memory is mapped and aligned, and nobody
        // else uses it now.
        unsafe { self.place().write_bytes(0, 1) };
        self.tries().store(0, Relaxed);
    }

    /// How often this call was tried before; counts this time.
    pub fn again(&self) -> u32 {
        self.tries().fetch_add(1, Relaxed)
    }

    fn tries(&self) -> &AtomicU32 {
        // SAFETY: needed to read the mapping. Sound because it lives as long as the process, and atomics may be shared.
        unsafe { &(*self.0.as_ptr()).tries }
    }

    fn ports(&self) -> &[AtomicU64; 1024] {
        // SAFETY: needed to read the mapping. Sound because it lives as long as the process, and atomics may be shared.
        unsafe { &(*self.0.as_ptr()).ports }
    }

    /// A supervised program listens on this port.
    pub fn note_port(&self, port: u16) {
        self.ports()[usize::from(port / 64)].fetch_or(1 << (port % 64), Relaxed);
    }

    /// Has one listened on it?
    pub fn listened_on(&self, port: u16) -> bool {
        self.ports()[usize::from(port / 64)].load(Relaxed) >> (port % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;

    #[test]
    fn remembers_ports_and_the_call() {
        let shared = Shared::new().expect("memory");
        for port in [0, 63, 64, 443, u16::MAX] {
            assert!(!shared.listened_on(port));
            shared.note_port(port);
            assert!(shared.listened_on(port) && !shared.listened_on(port ^ 1));
        }
        assert!(shared.call().is_none());
        // SAFETY: needed to stand in for the kernel. Sound because nobody else uses it.
        unsafe { (*shared.place()).id = 7 };
        assert_eq!((shared.call().map(|call| call.id), shared.again(), shared.again()), (Some(7), 0, 1));
        shared.clear();
        assert!(shared.call().is_none() && shared.again() == 0);
    }
}
