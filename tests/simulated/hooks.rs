//! What the hooks do with the engine's answers, on any machine: src/shim/src/hooks in short. `real` makes the program's own call.

use std::cell::RefCell;
use std::ffi::c_int;

use tcptune_engine::{Call, First, Library, Look, LookAtReceive, Machine, Receive};
use tcptune_policy::evidence::Cause;

/// write(2), send(2) and their kin. `real` makes the call with one more flag, and gives its result; where that is not
/// `length` it has set errno.
pub fn send<M: Machine>(
    library: &Library<M>,
    fd: c_int,
    length: usize,
    flags: c_int,
    only_sockets: bool,
    mut real: impl FnMut(c_int) -> isize,
) -> isize {
    let call = Call { flags, more: true, may: length != 0, only_sockets };
    match look(library, fd, call) {
        Look::Forward => real(0),
        Look::Send(place) => library.sent(place, || real(0)),
        Look::Hold(place) => {
            let real = RefCell::new(real);
            library.held(fd, place, Some(length), || real.borrow_mut()(libc::MSG_MORE), || real.borrow_mut()(0))
        }
        Look::Pass(place) => library.passed(fd, place, || real(0), |sent| sent <= 0),
        Look::Uncork => library.uncorked(fd, || real(0)),
        Look::Closer | Look::Follow(_) => unreachable!("resolved"),
    }
}

/// sendfile(2), sendmmsg(2), splice(2): calls that cannot be held themselves.
pub fn sendfile<M: Machine>(library: &Library<M>, fd: c_int, count: usize, real: impl FnOnce() -> isize) -> isize {
    let call = Call { flags: 0, more: false, may: count != 0, only_sockets: false };
    match look(library, fd, call) {
        Look::Forward => real(),
        Look::Send(place) => library.sent(place, real),
        Look::Pass(place) => library.passed(fd, place, real, |sent| sent <= 0),
        Look::Uncork => library.uncorked(fd, real),
        Look::Closer | Look::Follow(_) | Look::Hold(_) => unreachable!("resolved, and not to be held"),
    }
}

/// What is to be done with a data call.
fn look<M: Machine>(library: &Library<M>, fd: c_int, call: Call) -> Look<'_> {
    let look = match library.first(fd, call.flags, call.only_sockets) {
        First::Forward => return Look::Forward,
        First::Usual => library.usual(fd, call),
        First::Closer => Look::Closer,
    };
    let look = if let Look::Follow(place) = look { library.follows(fd, place, call) } else { look };
    let look = if let Look::Closer = look { library.sending(fd, call) } else { look };
    // A hook would ask for ever.
    assert!(!matches!(look, Look::Closer | Look::Follow(_)), "the last to be asked decides");
    look
}

/// recv(2) (`only_sockets`), read(2).
pub fn receive<M: Machine>(library: &Library<M>, fd: c_int, only_sockets: bool, real: impl FnOnce() -> isize) -> isize {
    match library.look_at_receive(fd, only_sockets) {
        LookAtReceive::Forward => return real(),
        LookAtReceive::End(place) if library.ends_quickly(place) => return real(),
        LookAtReceive::End(place) => return library.receive_at_end(place, real),
        LookAtReceive::Closer => {}
    }
    let watch = library.receiving(fd, only_sockets);
    let got = real();
    if watch == Receive::Watch && got > 0 {
        library.received(fd, got as usize);
    }
    got
}

/// poll(2), select(2) and their kin. `real` is told whether it must not wait; `asks` says whether it can be asked so.
pub fn wait<M: Machine>(library: &Library<M>, blocks: bool, asks: bool, real: impl Fn(bool) -> c_int) -> c_int {
    if !library.has_open() {
        return real(!blocks);
    }
    let ask = asks.then_some(|| real(true));
    library.wait(blocks, ask, || real(!blocks))
}

/// sleep(3), waitpid(2) and their kin.
pub fn sleep<M: Machine>(library: &Library<M>, real: impl FnOnce()) {
    library.let_go(Cause::Wait);
    real();
}

/// shutdown(2), execve(2).
pub fn end<M: Machine>(library: &Library<M>, real: impl FnOnce()) {
    library.let_go(Cause::End);
    real();
}
