//! Connections that are looked at for another reason than our own holding: those whose application holds by itself
//! (TCPTUNE_RELEASE=all), and those whose peer may wait for our acknowledgements (TCPTUNE_QUICKACK).

use crate::sync::{AtomicU32, Relaxed};
use core::ffi::c_int;

use policy::socket::{APP_CORK, CORKED, HELD, NO_HOLD, QUICKACK, QUICKACK_AUTO, Socket};
use policy::stall::{self, Action, Stall};
use policy::{Quickack, Release, Tuning};

use crate::arch::{GAP, ticks};
use crate::start::settings;
use crate::{hold, kernel, table, tune};

/// Stalls are told in units of a microsecond or two.
const COARSE: u32 = 8;

/// By descriptor, for TCPTUNE_QUICKACK=auto (policy::stall). Zero pages until that is used. Relaxed: a hint, as the table.
static STALLS: [AtomicU32; table::NEAR as usize] = [const { AtomicU32::new(0) }; table::NEAR as usize];

/// A data call on a connection where the predictor has no say. `flags` are the application's.
#[cold]
pub(crate) fn application_sent(fd: c_int, socket: Socket, flags: c_int) {
    let more = flags & libc::MSG_MORE != 0;
    let mut socket = socket;
    if more && !socket.has(NO_HOLD) {
        tune::application_holds(fd, socket);
        socket = table::get(fd);
    } else if socket.is_corked() {
        // Our cork would outlive the burst that it was set for.
        hold::push(fd, socket);
        socket = socket.without(CORKED | HELD);
    }
    if (more || socket.has(APP_CORK)) && releases_all(settings().tuning(socket.tuning())) && hold::take(fd) {
        socket = hold::held(socket);
    } else {
        socket = socket.without(HELD);
    }
    table::set(fd, socket);
    if socket.has(QUICKACK_AUTO) && !socket.holdable() {
        note(fd, Stall(0));
    }
}

/// Data was received on a connection with [`QUICKACK`] or [`QUICKACK_AUTO`]; `before` is its state when the call was made.
#[cold]
#[inline(never)]
pub(crate) fn received(fd: c_int, before: Socket, length: usize) {
    if before.has(QUICKACK_AUTO) {
        let state = STALLS.get(fd as u32 as usize).map_or(0, |word| word.load(Relaxed));
        let (next, action) = stall::received(Stall(state), ticks() >> COARSE, GAP >> COARSE, length, before.in_burst());
        note(fd, next);
        if matches!(action, Action::Nothing) {
            return;
        }
    }
    // Not sticky (tcp(7)): the kernel returns to delayed acknowledgements by itself.
    kernel::set_on(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK);
}

/// Adds to an open connection what its tuning wants to be looked at.
pub(crate) fn begin(socket: Socket, tuning: &Tuning) -> Socket {
    match tuning.quickack {
        Quickack::Off => socket,
        Quickack::On => socket.with(QUICKACK),
        Quickack::Auto => socket.with(QUICKACK_AUTO),
    }
}

/// Is what the application itself holds to be released too?
pub(crate) fn releases_all(tuning: &Tuning) -> bool {
    matches!(tuning.release, Release::All)
}

fn note(fd: c_int, state: Stall) {
    if let Some(word) = STALLS.get(fd as u32 as usize) {
        word.store(state.0, Relaxed);
    }
}
